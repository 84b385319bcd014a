import { EdgeColumns, TaskColumns } from "./task-columns.js";

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
  /** The task of the same resource that is likely to run next, or -1: rules reckon with it, nothing makes it so. Shape [numTasks]. */
  readonly nextOf: Int32Array;
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
  /** Ascending by task. */
  readonly milestones: readonly Milestone[];
}

/**
 * A task at which much comes together, for the bound to look at more closely: it changes no schedule.
 *
 * Work that all has to be done before it, on one resource, delays it by its sum; from afar only the longest path shows.
 */
export interface Milestone {
  readonly task: number;
  /** The first of the tasks before it to look at. */
  readonly from: number;
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
  /** Every scope, by the number that it was given when first named. */
  readonly #scopes = new Map<string, number>([["", 0]]);
  #scope = 0;
  readonly #memories: Memory[] = [];
  readonly #memoryUses: MemoryUse[] = [];
  readonly #milestones: Milestone[] = [];
  readonly #tasks = new TaskColumns();
  readonly #edges = new EdgeColumns();

  /** @param kinds Kinds to number first, so that graphs of one family show each in one colour. */
  constructor(kinds: readonly string[] = []) {
    for (const kind of kinds) this.#kinds.set(kind, this.#kinds.size);
  }

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
    const known = this.#scopes.get(name);
    this.#scope = known ?? this.#scopes.size;
    if (known === undefined) this.#scopes.set(name, this.#scope);
  }

  /** Adds a task and returns its number. */
  task(options: TaskOptions): number {
    const { kind, durationNs = 0 } = options;
    if (!(durationNs >= 0 && durationNs < Infinity)) {
      throw new Error(`task ${kind}: duration ${durationNs} ns is not a time`);
    }
    let kindIndex = this.#kinds.get(kind);
    if (kindIndex === undefined) {
      kindIndex = this.#kinds.size;
      this.#kinds.set(kind, kindIndex);
    }
    const tasks = this.#tasks;
    const task = tasks.add();
    tasks.kindOf[task] = kindIndex;
    tasks.resourceOf[task] = options.resource ?? NO_RESOURCE;
    tasks.durationNs[task] = durationNs;
    tasks.weight[task] = options.weight ?? durationNs;
    tasks.scopeOf[task] = this.#scope;
    tasks.partOf[task] = options.part ?? -1;
    tasks.nextOf[task] = -1;
    return task;
  }

  /** Lets `task` start only when `predecessor` has ended and `latencyNs` has passed. */
  after(task: number, predecessor: number, latencyNs = 0): void {
    this.#edge(task, predecessor, this.#tasks.durationNs[predecessor] + latencyNs);
  }

  /**
   * Lets `task` start only when `predecessor` has run for `delayNs`: a transfer that is forwarded while it arrives.
   *
   * Whatever needs all of the data has to come after both.
   */
  alongside(task: number, predecessor: number, delayNs = 0): void {
    this.#edge(task, predecessor, delayNs);
  }

  /** Says that `task` is likely to run when `before` has, on the same resource, though it need not wait. At most one task a `before`. */
  expectAfter(task: number, before: number): void {
    this.#tasks.nextOf[before] = task;
  }

  /** Lets bytes occupy a memory from the start of one task to the end of another. */
  hold(use: MemoryUse): void {
    this.#memoryUses.push(use);
  }

  /** Marks the latest task as a milestone, of the tasks numbered from `from` on. */
  milestone(from: number): void {
    this.#milestones.push({ task: this.#tasks.size - 1, from });
  }

  /** The number that the next task will get. */
  get nextTask(): number {
    return this.#tasks.size;
  }

  build(): TaskGraph {
    const numTasks = this.#tasks.size;
    const { taskOf, predecessorOf } = this.#edges;
    const incoming = this.#edges.rows(numTasks, taskOf, predecessorOf);
    const outgoing = this.#edges.rows(numTasks, predecessorOf, taskOf);
    return {
      ...this.#tasks.columns(),
      numTasks,
      resources: this.#resources,
      kinds: [...this.#kinds.keys()],
      scopes: [...this.#scopes.keys()],
      predecessorOffsets: incoming.offsets,
      predecessors: incoming.others,
      predecessorLagNs: incoming.lagNs,
      successorOffsets: outgoing.offsets,
      successors: outgoing.others,
      successorLagNs: outgoing.lagNs,
      memories: this.#memories,
      memoryUses: this.#memoryUses,
      milestones: this.#milestones,
    };
  }

  #edge(task: number, predecessor: number, lagNs: number): void {
    if (!(predecessor >= 0 && predecessor < task && task < this.#tasks.size)) {
      throw new Error(`task ${task} cannot wait for ${predecessor}: predecessors are added first`);
    }
    this.#edges.add(task, predecessor, lagNs);
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

/** Work of every resource, in ns. Shape [numResources]. */
export function resourceWorkNs({ resources, resourceOf, durationNs, numTasks }: TaskGraph): Float64Array {
  const workNs = new Float64Array(resources.length);
  for (let task = 0; task < numTasks; task++) {
    if (resourceOf[task] !== NO_RESOURCE) workNs[resourceOf[task]] += durationNs[task];
  }
  return workNs;
}
