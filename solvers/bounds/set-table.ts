/** Free places of a set shorter than the longest. */
const NONE = 0xffff;

/** Remembers sets of experts: open addressing over one flat array, at most half full. */
export class SetTable {
  readonly #mostExperts: number;
  #size = 0;
  /** Shape [room, mostExperts], row-major. */
  #sets: Uint16Array;
  /** Set + 1 in each bucket, 0 where free. Its length is a power of two. */
  #buckets = new Int32Array(1 << 12);
  readonly #candidate: Uint16Array;

  constructor(mostExperts: number) {
    this.#mostExperts = mostExperts;
    this.#sets = new Uint16Array(mostExperts << 11);
    this.#candidate = new Uint16Array(mostExperts);
  }

  /**
   * Adds the set of the first `size` of some experts and another, in any order.
   *
   * @returns Whether it is new.
   */
  add(experts: readonly number[], size: number, another: number): boolean {
    const candidate = this.#candidate;
    for (let at = 0; at <= size; at++) {
      const expert = at < size ? experts[at] : another;
      let place = at;
      for (; place > 0 && candidate[place - 1] > expert; place--) candidate[place] = candidate[place - 1];
      candidate[place] = expert;
    }
    candidate.fill(NONE, size + 1);
    if (2 * (this.#size + 1) > this.#buckets.length) this.#grow();
    const bucket = this.#bucketOf(candidate, 0);
    if (this.#buckets[bucket] !== 0) return false;
    this.#sets.set(candidate, this.#size * this.#mostExperts);
    this.#buckets[bucket] = ++this.#size;
    return true;
  }

  /** The bucket of the set at a place of an array, or the free one where it belongs. */
  #bucketOf(array: Uint16Array, start: number): number {
    const length = this.#mostExperts;
    let hash = 0x811c9dc5;
    for (let at = start; at < start + length; at++) hash = Math.imul(hash ^ array[at], 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#buckets.length - 1;
    for (let bucket = hash & mask; ; bucket = (bucket + 1) & mask) {
      const set = this.#buckets[bucket] - 1;
      if (set < 0) return bucket;
      let at = 0;
      while (at < length && this.#sets[set * length + at] === array[start + at]) at++;
      if (at === length) return bucket;
    }
  }

  #grow(): void {
    this.#buckets = new Int32Array(2 * this.#buckets.length);
    for (let set = 0; set < this.#size; set++) {
      this.#buckets[this.#bucketOf(this.#sets, set * this.#mostExperts)] = set + 1;
    }
    const sets = new Uint16Array(2 * this.#sets.length);
    sets.set(this.#sets);
    this.#sets = sets;
  }
}
