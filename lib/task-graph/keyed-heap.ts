/**
 * A binary heap of integers with a key each: the smallest key comes first, of equal keys the smallest integer.
 *
 * Flat typed arrays that grow: the scheduler pushes and pops every task several times.
 */
export class KeyedHeap {
  #keys = new Float64Array(16);
  #items = new Int32Array(16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Key of the first item; the heap must not be empty. */
  get firstKey(): number {
    return this.#keys[0];
  }

  push(key: number, item: number): void {
    if (this.#size === this.#items.length) this.#grow();
    const keys = this.#keys;
    const items = this.#items;
    let hole = this.#size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (keys[parent] < key || (keys[parent] === key && items[parent] <= item)) break;
      keys[hole] = keys[parent];
      items[hole] = items[parent];
      hole = parent;
    }
    keys[hole] = key;
    items[hole] = item;
  }

  /** Removes the first item and returns it; the heap must not be empty. */
  pop(): number {
    const keys = this.#keys;
    const items = this.#items;
    const first = items[0];
    const size = --this.#size;
    const key = keys[size];
    const item = items[size];
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      const sibling = child + 1;
      if (
        sibling < size &&
        (keys[sibling] < keys[child] || (keys[sibling] === keys[child] && items[sibling] < items[child]))
      ) {
        child = sibling;
      }
      if (key < keys[child] || (key === keys[child] && item <= items[child])) break;
      keys[hole] = keys[child];
      items[hole] = items[child];
      hole = child;
    }
    keys[hole] = key;
    items[hole] = item;
    return first;
  }

  #grow(): void {
    const keys = new Float64Array(2 * this.#keys.length);
    keys.set(this.#keys);
    this.#keys = keys;
    const items = new Int32Array(2 * this.#items.length);
    items.set(this.#items);
    this.#items = items;
  }
}
