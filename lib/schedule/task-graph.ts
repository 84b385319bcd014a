/**
 * What has to be done, in which order, on what: the question a scheduler answers.
 *
 * Tasks are numbered so that predecessors come first: the numbering is a topological order. Edges are rows of
 * compressed sparse arrays, `predecessors[predecessorOffsets[task]]` onwards, and the same the other way round.
 */
export interface TaskGraph {
  readonly numTasks: number;
  /** Unary resources: each works on one task at a time, without interruption. */
  readonly resources: readonly string[];
  readonly kinds: readonly string[];
  /** Index into `kinds`. Shape [numTasks]. */
  readonly kindOf: Uint8Array;
  /** Index into `resources`, or {@link NO_RESOURCE}. Shape [numTasks]. */
  readonly resourceOf: Int32Array;
  /** Shape [numTasks]. */
  readonly durationNs: Float64Array;
  /** What the rule "heaviest first" ranks by; the duration where nothing else was said. Shape [numTasks]. */
  readonly weight: Float64Array;
  /** Index into `scopes`: which part of the whole a task belongs to, for people. Shape [numTasks]. */
  readonly scopeOf: Int32Array;
  readonly scopes: readonly string[];
  /** Number that tells tasks of one scope, kind and resource apart, or -1. Shape [numTasks]. */
  readonly partOf: Int32Array;
  /** Shape [numTasks + 1]. */
  readonly predecessorOffsets: Int32Array;
  /** Shape [numEdges]. */
  readonly predecessors: Int32Array;
  /** start(task) >= start(predecessor) + lag. Shape [numEdges]. */
  readonly predecessorLagNs: Float64Array;
  /** Shape [numTasks + 1]. */
  readonly successorOffsets: Int32Array;
  /** Shape [numEdges]. */
  readonly successors: Int32Array;
  /** start(successor) >= start(task) + lag. Shape [numEdges]. */
  readonly successorLagNs: Float64Array;
  readonly memories: readonly Memory[];
  readonly memoryUses: readonly MemoryUse[];
}

/** A store of limited size, for instance the SRAM of a chiplet. */
export interface Memory {
  readonly name: string;
  readonly capacityBytes: number;
}

/** Bytes that occupy a memory from the start of one task to the end of another. */
export interface MemoryUse {
  /** Index into `memories`. */
  readonly memory: number;
  readonly bytes: number;
  /** The task that fills it. */
  readonly from: number;
  /** The task after which it is free again. */
  readonly until: number;
}

/** The resource of tasks that need none: joins, and waits that any number of others may share. */
export const NO_RESOURCE = -1;

/** What {@link TaskGraphBuilder.task} is told. */
export interface TaskOptions {
  kind: string;
  /** As {@link TaskGraphBuilder.resource} numbered it; none by default. */
  resource?: number;
  /** Default 0. */
  durationNs?: number;
  /** Default the duration. */
  weight?: number;
  /** Default none. */
  part?: number;
}

/**
 * Collects a task graph, task by task.
 *
 * Cycles cannot be built: a task waits only for tasks that exist already.
 *
 * @example
 * const builder = new TaskGraphBuilder();
 * const dram = builder.resource("DRAM");
 * const load = builder.task({ kind: "weights", resource: dram, durationNs: 10 });
 * const compute = builder.task({ kind: "experts", resource: builder.resource("chiplet"), durationNs: 5 });
 * builder.after(compute, load);
 * listSchedule(builder.build()).makespanNs; // 15
 */
export class TaskGraphBuilder {
  readonly #resources: string[] = [];
  readonly #kinds = new Map<string, number>();
  readonly #scopes: string[] = [""];
  readonly #memories: Memory[] = [];
  readonly #memoryUses: MemoryUse[] = [];
  readonly #kindOf: number[] = [];
  readonly #resourceOf: number[] = [];
  readonly #durationNs: number[] = [];
  readonly #weight: number[] = [];
  readonly #scopeOf: number[] = [];
  readonly #partOf: number[] = [];
  readonly #edgeTask: number[] = [];
  readonly #edgePredecessor: number[] = [];
  readonly #edgeLagNs: number[] = [];

  /** Adds a unary resource and returns its number. */
  resource(name: string): number {
    return this.#resources.push(name) - 1;
  }

  /** Adds a memory and returns its number. */
  memory(name: string, capacityBytes: number): number {
    return this.#memories.push({ name, capacityBytes }) - 1;
  }

  /** Names the part of the whole that the tasks added from now on belong to. */
  scope(name: string): void {
    this.#scopes.push(name);
  }

  /** Adds a task and returns its number. */
  task({
    kind,
    resource = NO_RESOURCE,
    durationNs = 0,
    weight = durationNs,
    part = -1,
  }: TaskOptions): number {
    if (!(durationNs >= 0 && durationNs < Infinity)) {
      throw new Error(`task ${kind}: duration ${durationNs} ns is not a time`);
    }
    let kindIndex = this.#kinds.get(kind);
    if (kindIndex === undefined) {
      kindIndex = this.#kinds.size;
      this.#kinds.set(kind, kindIndex);
    }
    this.#kindOf.push(kindIndex);
    this.#resourceOf.push(resource);
    this.#durationNs.push(durationNs);
    this.#weight.push(weight);
    this.#scopeOf.push(this.#scopes.length - 1);
    return this.#partOf.push(part) - 1;
  }

  /** Lets `task` start only when `predecessor` has ended and `latencyNs` has passed. */
  after(task: number, predecessor: number, latencyNs = 0): void {
    this.#edge(task, predecessor, this.#durationNs[predecessor] + latencyNs);
  }

  /**
   * Lets `task` start only when `predecessor` has run for `delayNs`: a transfer that is forwarded while it arrives.
   *
   * Whatever needs all of the data has to come after both.
   */
  alongside(task: number, predecessor: number, delayNs = 0): void {
    this.#edge(task, predecessor, delayNs);
  }

  /** Lets bytes occupy a memory from the start of one task to the end of another. */
  hold(use: MemoryUse): void {
    this.#memoryUses.push(use);
  }

  build(): TaskGraph {
    const tasks = this.#edgeTask;
    const predecessors = this.#edgePredecessor;
    const numTasks = this.#kindOf.length;
    const incoming = compressRows(numTasks, tasks, { others: predecessors, lagsNs: this.#edgeLagNs });
    const outgoing = compressRows(numTasks, predecessors, { others: tasks, lagsNs: this.#edgeLagNs });
    return {
      numTasks,
      resources: this.#resources,
      kinds: [...this.#kinds.keys()],
      kindOf: Uint8Array.from(this.#kindOf),
      resourceOf: Int32Array.from(this.#resourceOf),
      durationNs: Float64Array.from(this.#durationNs),
      weight: Float64Array.from(this.#weight),
      scopes: this.#scopes,
      scopeOf: Int32Array.from(this.#scopeOf),
      partOf: Int32Array.from(this.#partOf),
      predecessorOffsets: incoming.offsets,
      predecessors: incoming.others,
      predecessorLagNs: incoming.lagNs,
      successorOffsets: outgoing.offsets,
      successors: outgoing.others,
      successorLagNs: outgoing.lagNs,
      memories: this.#memories,
      memoryUses: this.#memoryUses,
    };
  }

  #edge(task: number, predecessor: number, lagNs: number): void {
    if (predecessor < 0 || predecessor >= task || task >= this.#kindOf.length) {
      throw new Error(`task ${task} cannot wait for ${predecessor}: predecessors are added first`);
    }
    this.#edgeTask.push(task);
    this.#edgePredecessor.push(predecessor);
    this.#edgeLagNs.push(lagNs);
  }
}

/** What a task is called, for people: scope, kind, part, for instance "layer 3 forward dispatch 2". */
export function taskName(graph: TaskGraph, task: number): string {
  const part = graph.partOf[task];
  const words = [
    graph.scopes[graph.scopeOf[task]],
    graph.kinds[graph.kindOf[task]],
    part < 0 ? "" : `${part}`,
  ];
  return words.filter((word) => word !== "").join(" ");
}

/** Sorts edges by the task they belong to, those of one task in the order in which they were added. */
function compressRows(
  numTasks: number,
  rows: readonly number[],
  edges: { others: readonly number[]; lagsNs: readonly number[] },
): { offsets: Int32Array; others: Int32Array; lagNs: Float64Array } {
  const offsets = new Int32Array(numTasks + 1);
  for (const row of rows) offsets[row + 1]++;
  for (let row = 0; row < numTasks; row++) offsets[row + 1] += offsets[row];
  const next = offsets.slice(0, numTasks);
  const others = new Int32Array(rows.length);
  const lagNs = new Float64Array(rows.length);
  for (let edge = 0; edge < rows.length; edge++) {
    const place = next[rows[edge]]++;
    others[place] = edges.others[edge];
    lagNs[place] = edges.lagsNs[edge];
  }
  return { offsets, others, lagNs };
}
