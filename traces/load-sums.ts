import { createLoadTrace, type LoadTrace } from "../lib/trace/load-trace.js";

/** Adds up the loads of layers that were recorded without tokens, step by step or rank by rank. */
export class LoadSums {
  readonly #loads = new Map<number, Float64Array>();
  readonly #numBatches = new Map<number, number>();

  get isEmpty(): boolean {
    return this.#loads.size === 0;
  }

  /** How many times loads of a layer were handed in: steps, or ranks. */
  get batches(): { layer: number; batches: number }[] {
    return [...this.#numBatches].map(([layer, batches]) => ({ layer, batches }));
  }

  /** @param load Times each expert was chosen. Shape [numExperts], the same in all layers. */
  add(layer: number, load: Float64Array): void {
    this.#numBatches.set(layer, (this.#numBatches.get(layer) ?? 0) + 1);
    const sum = this.#loads.get(layer);
    this.#loads.set(layer, sum ? sum.map((tokens, expert) => tokens + load[expert]) : load);
  }

  /** @throws InputError if there are none. */
  finish(model: string | undefined, numExperts: number): LoadTrace {
    const layers = [...this.#loads].map(([layer, load]) => ({ layer, load }));
    return createLoadTrace({ model, numExperts, layers });
  }
}
