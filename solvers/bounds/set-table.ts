/** Remembers sets of a given number of experts, kept in no order: open addressing over flat arrays, at most half full. */
export class SetTable {
  readonly #size: number;
  #numSets = 0;
  /** Shape [room, size], row-major. */
  #sets: Uint16Array;
  /** Shape [room]. */
  #hashes = new Int32Array(1 << 11);
  /** Set + 1 in each bucket, 0 where free. Its length is a power of two. */
  #buckets = new Int32Array(1 << 12);

  constructor(size: number) {
    this.#size = size;
    this.#sets = new Uint16Array(size << 11);
  }

  /**
   * Adds the set of some experts and another. Hot.
   *
   * @param members All but the last, which `another` is. Shape [size - 1].
   * @param isMember 1 for these. Shape [numExperts].
   * @param hash The same for the same experts in any order.
   * @returns Whether it is new.
   */
  add(
    members: Uint16Array,
    another: number,
    { isMember, hash }: { isMember: Uint8Array; hash: number },
  ): boolean {
    const size = this.#size;
    const mask = this.#buckets.length - 1;
    let bucket = scatter(hash) & mask;
    for (; this.#buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
      const set = this.#buckets[bucket] - 1;
      if (this.#hashes[set] !== hash) continue;
      let at = set * size;
      const end = at + size;
      while (at < end && (this.#sets[at] === another || isMember[this.#sets[at]] === 1)) at++;
      if (at === end) return false;
    }
    const start = this.#numSets * size;
    for (let at = 0; at < size - 1; at++) this.#sets[start + at] = members[at];
    this.#sets[start + size - 1] = another;
    this.#hashes[this.#numSets] = hash;
    this.#buckets[bucket] = ++this.#numSets;
    if (this.#numSets === this.#hashes.length) this.#grow();
    return true;
  }

  #grow(): void {
    const room = 2 * this.#numSets;
    const sets = new Uint16Array(room * this.#size);
    sets.set(this.#sets);
    this.#sets = sets;
    const hashes = new Int32Array(room);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#buckets = new Int32Array(2 * room);
    const mask = 2 * room - 1;
    for (let set = 0; set < this.#numSets; set++) {
      let bucket = scatter(hashes[set]) & mask;
      while (this.#buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
      this.#buckets[bucket] = set + 1;
    }
  }
}

/** Spreads hashes that differ little over buckets. */
function scatter(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return mixed ^ (mixed >>> 15);
}
