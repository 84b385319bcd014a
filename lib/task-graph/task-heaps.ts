const NONE = -1;

/**
 * Heaps of tasks, one a resource, that share three flat arrays: a task waits for one resource at a time.
 *
 * Skew heaps: push and pop take amortised time O(log size), and none of it goes into allocation.
 * Source: Sleator and Tarjan, "Self-adjusting heaps", SIAM J. Computing 15, 1986.
 */
export class TaskHeaps {
  readonly #priorities: Float64Array;
  readonly #roots: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;

  /** @param priorities The largest comes first, of equals the lowest task. Shape [numTasks]. */
  constructor(numHeaps: number, priorities: Float64Array) {
    this.#priorities = priorities;
    this.#roots = new Int32Array(numHeaps).fill(NONE);
    this.#left = new Int32Array(priorities.length).fill(NONE);
    this.#right = new Int32Array(priorities.length).fill(NONE);
  }

  isEmpty(heap: number): boolean {
    return this.#roots[heap] === NONE;
  }

  push(heap: number, task: number): void {
    this.#roots[heap] = this.#merge(this.#roots[heap], task);
  }

  /** Removes the first task and returns it; the heap must not be empty. */
  pop(heap: number): number {
    const first = this.#roots[heap];
    this.#roots[heap] = this.#merge(this.#left[first], this.#right[first]);
    return first;
  }

  /** Merges two heaps from the top down, the children of every task on the way swapped. */
  #merge(task: number, rival: number): number {
    if (task === NONE) return rival;
    if (rival === NONE) return task;
    const left = this.#left;
    const right = this.#right;
    let first = task;
    let rest = rival;
    if (this.#isBefore(rival, task)) {
      first = rival;
      rest = task;
    }
    const root = first;
    for (;;) {
      let next = right[first];
      right[first] = left[first];
      if (next !== NONE && this.#isBefore(rest, next)) {
        const farther = next;
        next = rest;
        rest = farther;
      }
      left[first] = next === NONE ? rest : next;
      if (next === NONE) return root;
      first = next;
    }
  }

  #isBefore(task: number, rival: number): boolean {
    const priorities = this.#priorities;
    return priorities[task] > priorities[rival] || (priorities[task] === priorities[rival] && task < rival);
  }
}
