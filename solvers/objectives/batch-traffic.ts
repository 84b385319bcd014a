import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import { loadOfPatterns } from "../../lib/trace/token-patterns.js";
import { SwapTraffic, type Swap, type Swappable } from "./swap-traffic.js";

/** The traffic of every batch of a problem under swaps, and that of all its tokens; without replicas. */
export class BatchTraffic implements Swappable {
  readonly traffic: LayerTraffic;
  readonly expertOf: Int32Array;
  readonly slots: number;
  /** Of every batch. */
  readonly batches: readonly LayerTraffic[];
  readonly #all: SwapTraffic;
  readonly #states: readonly SwapTraffic[];

  constructor(problem: PlacementProblem) {
    const { patterns, load, batches } = problem;
    this.#all = new SwapTraffic(patterns, load, problem);
    const each = batches.map((batch) => new SwapTraffic(batch, loadOfPatterns(batch), problem));
    this.#states = [this.#all, ...each];
    this.batches = each.map(({ traffic }) => traffic);
    ({ traffic: this.traffic, expertOf: this.expertOf, slots: this.slots } = this.#all);
  }

  place(chiplets: Chiplets): void {
    for (const state of this.#states) state.place(chiplets);
  }

  try(swap: Swap): void {
    for (const state of this.#states) state.try(swap);
  }

  keep(): void {
    for (const state of this.#states) state.keep();
  }

  undo(): void {
    for (const state of this.#states) state.undo();
  }

  chiplets(): number[][] {
    return this.#all.chiplets();
  }

  chipletsOf(swap: Swap): readonly [number, number] {
    return this.#all.chipletsOf(swap);
  }
}
