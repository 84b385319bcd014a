import { InputError } from "../lib/errors.js";
import { createRoutingTrace, type RoutingTrace } from "../lib/routing-trace.js";
import { LayerRows } from "./layer-rows.js";

/** How ids in a file are to be understood, and what is to be left out. */
export interface NumberingOptions {
  /** Keep runs of identical rows, which are an engine's warm-up. Default false. */
  keepWarmup?: boolean | undefined;
  /** Number of the first expert in the files, usually 0 or 1. Default 0. */
  firstExpert?: number | undefined;
  /** Added to every layer number in the files. Default 0. */
  layerOffset?: number | undefined;
  /** Number of experts where no file declares it. Default: the largest id met, rounded up to a multiple of 4. */
  numExperts?: number | undefined;
}

/** What is wrong with a row, in the words of an {@link InputError} that knows where. */
export interface RowFault {
  readonly found: string;
  readonly advice?: string;
}

/** Experts that fit a `Uint16Array`. */
const MAX_EXPERTS = 65536;

/** Collects one trace, row by row, from however many files. Every reader writes into one. */
export class TraceBuilder {
  readonly warnings: string[] = [];
  model: string | undefined;
  /** Lengths of the sequences of every layer, where the file tells them all at once. */
  sequenceLengths: readonly number[] = [];

  readonly #options: NumberingOptions;
  readonly #layers = new Map<number, LayerRows>();
  #numExperts: number | undefined;
  #topK = 0;
  #largest = -1;
  /** Row in which each expert came last. Shape [MAX_EXPERTS]. */
  readonly #lastRow = new Int32Array(MAX_EXPERTS).fill(-1);
  #row = 0;
  readonly #renumbered = new Int32Array(4096);

  constructor(options: NumberingOptions) {
    this.#options = options;
    this.#numExperts = options.numExperts;
  }

  /** Number of experts, where it was declared. */
  get numExperts(): number | undefined {
    return this.#numExperts;
  }

  /** Experts a token has, where it is known yet. */
  get topK(): number | undefined {
    return this.#topK || undefined;
  }

  /** Largest expert id met, -1 where there is none. */
  get largestExpert(): number {
    return this.#largest;
  }

  /** Rows handed in and left out, layer by layer. */
  get counts(): { layer: number; rowsRead: number; warmupRows: number }[] {
    return [...this.#layers].map(([layer, { rowsRead, warmupRows }]) => ({ layer, rowsRead, warmupRows }));
  }

  /**
   * Takes what a file says about all of its rows.
   *
   * @throws InputError if it contradicts what is known.
   */
  declare(where: string, { numExperts, topK }: { numExperts?: number; topK?: number }): void {
    if (numExperts !== undefined) {
      if (this.#numExperts !== undefined && this.#numExperts !== numExperts) {
        throw new InputError(`${where}: found ${numExperts} experts, expected ${this.#numExperts}`);
      }
      this.#numExperts = numExperts;
    }
    if (topK !== undefined) {
      const fault = this.#topKFault(topK);
      if (fault) throw new InputError(`${where}: ${fault.found}`, fault.advice);
    }
  }

  /**
   * Takes the next token of a layer.
   *
   * @param layer Layer number as in the file.
   * @param experts Ids as in the file; the first `width` count.
   * @returns What is wrong with the row, if anything is.
   */
  append(layer: number, experts: ArrayLike<number>, width = experts.length): RowFault | undefined {
    const fault = this.#topKFault(width) ?? this.#renumber(experts, width);
    if (fault) return fault;
    this.#rowsOf(layer).append(this.#renumbered, width);
    return undefined;
  }

  /** Says that the next token of a layer begins a sequence. */
  startSequence(layer: number): void {
    this.#rowsOf(layer).startSequence();
  }

  /**
   * Ends the trace.
   *
   * @throws InputError if nothing was read.
   */
  finish(numExperts: number): RoutingTrace {
    const layers = [...this.#layers].map(([layer, rows]) => rows.finish(layer, this.sequenceLengths));
    return createRoutingTrace({ model: this.model, numExperts, topK: this.#topK, layers });
  }

  #rowsOf(layer: number): LayerRows {
    const id = layer + (this.#options.layerOffset ?? 0);
    let rows = this.#layers.get(id);
    if (!rows) {
      rows = new LayerRows(this.#options.keepWarmup ?? false);
      this.#layers.set(id, rows);
    }
    return rows;
  }

  #topKFault(width: number): RowFault | undefined {
    if (this.#topK === 0 && width > 0) this.#topK = width;
    if (this.#topK === width) return undefined;
    return {
      found: `found ${width} experts in a token, expected ${this.#topK} as in the others`,
      advice: "Maybe the line is damaged, or the trace mixes models.",
    };
  }

  /** Counts ids from 0 and checks them. */
  #renumber(experts: ArrayLike<number>, width: number): RowFault | undefined {
    const first = this.#options.firstExpert ?? 0;
    const limit = this.#numExperts ?? MAX_EXPERTS;
    const row = this.#row++;
    for (let place = 0; place < width; place++) {
      const expert = experts[place] - first;
      if (!(expert >= 0 && expert < limit)) return outOfRange(experts[place], first, limit);
      if (this.#lastRow[expert] === row) return { found: `expert ${experts[place]} comes twice in a token` };
      this.#lastRow[expert] = row;
      if (expert > this.#largest) this.#largest = expert;
      this.#renumbered[place] = expert;
    }
    return undefined;
  }
}

function outOfRange(expert: number, first: number, limit: number): RowFault {
  const found = `expert ${expert} is out of range [${first}, ${first + limit})`;
  if (expert === limit && first === 0) {
    return { found, advice: "Maybe the trace counts experts from 1; pass --first-expert 1." };
  }
  if (expert === 0 && first === 1) {
    return { found, advice: "Maybe the trace counts experts from 0; pass --first-expert 0." };
  }
  return { found };
}
