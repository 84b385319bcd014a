/**
 * Growing flat arrays behind the task graph builder: a step has hundreds of thousands of tasks and edges, and is built
 * anew for every placement that a search considers.
 */

/** Room to begin with, enough for a step of one layer in a few chunks. */
const FEW_TASKS = 4096;
const FEW_EDGES = 4 * FEW_TASKS;

/** What a builder knows of its tasks, one typed array a property. */
export class TaskColumns {
  size = 0;
  kindOf = new Uint8Array(FEW_TASKS);
  resourceOf = new Int32Array(FEW_TASKS);
  durationNs = new Float64Array(FEW_TASKS);
  weight = new Float64Array(FEW_TASKS);
  scopeOf = new Int32Array(FEW_TASKS);
  partOf = new Int32Array(FEW_TASKS);
  nextOf = new Int32Array(FEW_TASKS);

  /** Makes room for one more task and returns its number. */
  add(): number {
    if (this.size === this.kindOf.length) this.#grow();
    return this.size++;
  }

  /** The arrays, as far as they are filled. */
  columns() {
    const { size } = this;
    return {
      kindOf: this.kindOf.subarray(0, size),
      resourceOf: this.resourceOf.subarray(0, size),
      durationNs: this.durationNs.subarray(0, size),
      weight: this.weight.subarray(0, size),
      scopeOf: this.scopeOf.subarray(0, size),
      partOf: this.partOf.subarray(0, size),
      nextOf: this.nextOf.subarray(0, size),
    };
  }

  #grow(): void {
    const length = 2 * this.size;
    this.kindOf = copyInto(new Uint8Array(length), this.kindOf);
    this.resourceOf = copyInto(new Int32Array(length), this.resourceOf);
    this.durationNs = copyInto(new Float64Array(length), this.durationNs);
    this.weight = copyInto(new Float64Array(length), this.weight);
    this.scopeOf = copyInto(new Int32Array(length), this.scopeOf);
    this.partOf = copyInto(new Int32Array(length), this.partOf);
    this.nextOf = copyInto(new Int32Array(length), this.nextOf);
  }
}

/** Edges in the order in which they were added. */
export class EdgeColumns {
  size = 0;
  taskOf = new Int32Array(FEW_EDGES);
  predecessorOf = new Int32Array(FEW_EDGES);
  lagNs = new Float64Array(FEW_EDGES);

  add(task: number, predecessor: number, lagNs: number): void {
    if (this.size === this.taskOf.length) this.#grow();
    this.taskOf[this.size] = task;
    this.predecessorOf[this.size] = predecessor;
    this.lagNs[this.size++] = lagNs;
  }

  /** The edges as compressed sparse rows, those of one row in the order in which they were added. */
  rows(
    numRows: number,
    rowOf: Int32Array,
    otherOf: Int32Array,
  ): { offsets: Int32Array; others: Int32Array; lagNs: Float64Array } {
    const { size } = this;
    const offsets = new Int32Array(numRows + 1);
    for (let edge = 0; edge < size; edge++) offsets[rowOf[edge] + 1]++;
    for (let row = 0; row < numRows; row++) offsets[row + 1] += offsets[row];
    const next = offsets.slice(0, numRows);
    const others = new Int32Array(size);
    const lagNs = new Float64Array(size);
    for (let edge = 0; edge < size; edge++) {
      const place = next[rowOf[edge]]++;
      others[place] = otherOf[edge];
      lagNs[place] = this.lagNs[edge];
    }
    return { offsets, others, lagNs };
  }

  #grow(): void {
    const length = 2 * this.size;
    this.taskOf = copyInto(new Int32Array(length), this.taskOf);
    this.predecessorOf = copyInto(new Int32Array(length), this.predecessorOf);
    this.lagNs = copyInto(new Float64Array(length), this.lagNs);
  }
}

function copyInto<T extends Uint8Array | Int32Array | Float64Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
