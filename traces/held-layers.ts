import { checkModelSizes } from "../lib/plausible-size.js";
import type { LayerTrace } from "../lib/trace/routing-trace.js";
import { LayerRows } from "./layer-rows.js";
import type { NumberingOptions } from "./numbering.js";
import type { Sampling } from "./sampling.js";
import { realRuns } from "./warm-up.js";

/** The rows of every layer of a trace while it is read, by the numbers of the layers as the model counts them. */
export class HeldLayers {
  readonly #rows = new Map<number, LayerRows>();
  readonly #options: NumberingOptions;
  readonly #sampling: Sampling;

  constructor(options: NumberingOptions, sampling: Sampling) {
    this.#options = options;
    this.#sampling = sampling;
  }

  /** Whether there are no layers. */
  get isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  /** Numbers of the layers, as they came. */
  get numbers(): readonly number[] {
    return [...this.#rows.keys()];
  }

  /** Rows handed in and left out, layer by layer. */
  get counts(): { layer: number; rowsRead: number; warmupRows: number }[] {
    return [...this.#rows].map(([layer, { rowsRead, warmupRows }]) => ({ layer, rowsRead, warmupRows }));
  }

  /** Numbers of the layers whose tokens have no choice, as {@link LayerRows} tells. Once settled. */
  get withoutChoice(): readonly number[] {
    return [...this.#rows].filter(([, rows]) => rows.hasNoChoice).map(([layer]) => layer);
  }

  /**
   * Number of a layer as the model counts it.
   *
   * @throws InputError if no model has as many layers.
   */
  numberOf(layer: number): number {
    const number = layer + (this.#options.layerOffset ?? 0);
    checkModelSizes("trace", { layer: number }, this.#options);
    return number;
  }

  /**
   * The rows of a layer, none where it is new.
   *
   * @param layer Number as in the file.
   * @param places Places in a row.
   * @throws InputError as {@link numberOf} does.
   */
  rowsOf(layer: number, places: number): LayerRows {
    const number = this.numberOf(layer);
    let rows = this.#rows.get(number);
    if (!rows) {
      const keepWarmup = this.#options.keepWarmup ?? false;
      rows = new LayerRows(places, { keepWarmup, sampling: this.#sampling });
      this.#rows.set(number, rows);
      this.#sampling.add(number, rows);
    }
    return rows;
  }

  /** Says that all rows were handed in, and tells warm-up from the text. */
  settle(): void {
    const layers = [...this.#rows.values()];
    for (const rows of layers) rows.settle();
    if (!layers.some(({ runs }) => runs.length > 0)) return;
    realRuns(layers).forEach((real, at) => {
      layers[at].restore(new Set(real));
    });
  }

  /** Leaves out all rows of a layer. */
  drop(layer: number): void {
    this.#rows.delete(layer);
  }

  /**
   * Ends all layers.
   *
   * @param sequenceLengths Used where they add up to the rows of a layer.
   */
  finish(sequenceLengths: readonly number[]): LayerTrace[] {
    return [...this.#rows].map(([layer, rows]) => rows.finish(layer, sequenceLengths));
  }
}
