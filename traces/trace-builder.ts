import { InputError } from "../lib/errors.js";
import { largestId, rowWithRepeat } from "../lib/trace/id-rows.js";
import { createLoadTrace, type LoadTrace } from "../lib/trace/load-trace.js";
import { createRoutingTrace, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { LayerRows } from "./layer-rows.js";
import { Sampling } from "./sampling.js";

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
  /** Experts of a token, for formats that cannot tell. */
  topK?: number | undefined;
  /** Layers of the model, dense ones included, for formats that cannot tell. */
  numLayers?: number | undefined;
  /** Most tokens to keep of every layer; more are sampled in blocks over the whole file. Default: as memory allows. */
  maxTokens?: number | undefined;
}

/** What is wrong with a row, in the words of an {@link InputError} that knows where. */
export interface RowFault {
  readonly found: string;
  readonly advice?: string;
}

/** Experts that fit a `Uint16Array`. */
const MAX_EXPERTS = 65536;

/** Collects one trace, row by row or load by load, from however many files. Every reader writes into one. */
export class TraceBuilder {
  readonly options: NumberingOptions;
  readonly warnings: string[] = [];
  model: string | undefined;
  /** The files hold one token in so many of those there were. */
  sampledBefore = 1;
  /** Lengths of the sequences of every layer, where the file tells them all at once. */
  sequenceLengths: readonly number[] = [];

  readonly #layers = new Map<number, LayerRows>();
  readonly #loads = new Map<number, Float64Array>();
  readonly #sampling: Sampling;
  #numExperts: number | undefined;
  #topK = 0;
  #largest = -1;
  /** Row in which each expert came last. Shape [MAX_EXPERTS]. */
  readonly #lastRow = new Int32Array(MAX_EXPERTS).fill(-1);
  #row = 0;
  readonly #renumbered = new Int32Array(4096);

  /** @param sampling Shared by all traces that are read together. */
  constructor(options: NumberingOptions = {}, sampling = new Sampling(options.maxTokens)) {
    this.options = options;
    this.#sampling = sampling;
    this.#numExperts = options.numExperts;
    this.#topK = options.topK ?? 0;
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

  /** Whether loads were handed in rather than tokens. */
  get hasLoads(): boolean {
    return this.#loads.size > 0;
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
    this.#rowsOf(layer).append(this.#renumbered);
    if (this.#row % 65536 === 0) this.#sampling.limit(this.#topK);
    return undefined;
  }

  /**
   * Whether rows may be handed to {@link appendMany}, as {@link append} would accept every one of them.
   *
   * @param rows Ids as in the file. Shape [numRows, width], row-major.
   */
  accepts(rows: Uint16Array, width: number): boolean {
    const { firstExpert = 0 } = this.options;
    return (
      (this.#topK === 0 || width === this.#topK) &&
      (firstExpert === 0 || rows.every((expert) => expert >= firstExpert)) &&
      largestId(rows) - firstExpert < (this.#numExperts ?? MAX_EXPERTS) &&
      rowWithRepeat(rows, width) < 0
    );
  }

  /**
   * Takes the next tokens of a layer at once. Whether ids are too large or come twice is checked when the trace is
   * finished.
   *
   * @param rows Ids as in the file. Shape [numRows, topK], row-major.
   */
  appendMany(layer: number, rows: Uint16Array, topK: number): RowFault | undefined {
    const fault = this.#topKFault(topK);
    if (fault) return fault;
    const { firstExpert = 0 } = this.options;
    if (firstExpert !== 0) {
      const below = rows.find((expert) => expert < firstExpert);
      if (below !== undefined) return outOfRange(below, firstExpert, this.#numExperts ?? MAX_EXPERTS);
      rows = rows.map((expert) => expert - firstExpert);
    }
    if (this.#numExperts === undefined) this.#largest = Math.max(this.#largest, largestId(rows));
    this.#rowsOf(layer).appendMany(rows);
    this.#sampling.limit(this.#topK);
    return undefined;
  }

  /** Makes room in a layer for so many rows at once. */
  reserve(layer: number, numRows: number): void {
    if (this.#topK > 0) this.#rowsOf(layer).reserve(Math.min(numRows, this.#sampling.maxRows(this.#topK)));
  }

  /**
   * Says that a token of a layer begins a sequence.
   *
   * @param after How many more tokens come before it; none, by default.
   */
  startSequence(layer: number, { topK = this.#topK, after = 0 } = {}): void {
    if (this.#topK === 0) this.#topK = topK;
    this.#rowsOf(layer).startSequence(after);
  }

  /**
   * Adds to the loads of a layer.
   *
   * @param load Times each expert was chosen. Shape [numExperts].
   */
  addLoad(where: string, layer: number, load: Float64Array): void {
    this.declare(where, { numExperts: load.length });
    const id = layer + (this.options.layerOffset ?? 0);
    const sum = this.#loads.get(id);
    this.#loads.set(id, sum ? sum.map((one, expert) => one + load[expert]) : load);
  }

  /** Says that all rows were handed in. Of traces read together, all are settled before one is finished. */
  settle(): void {
    for (const rows of this.#layers.values()) rows.settle();
    this.#sampling.limit(this.#topK);
  }

  /**
   * Ends a trace of tokens.
   *
   * @throws InputError if nothing was read or ids are wrong.
   */
  finish(numExperts: number): RoutingTrace {
    this.settle();
    const layers = [...this.#layers].map(([layer, rows]) => rows.finish(layer, this.sequenceLengths));
    const sampledOneIn = this.sampledBefore * this.#sampling.stride;
    return createRoutingTrace({
      model: this.model,
      numExperts,
      topK: this.#topK,
      layers,
      ...(sampledOneIn > 1 && { sampledOneIn }),
    });
  }

  /**
   * Ends a trace of loads.
   *
   * @throws InputError if there are none.
   */
  finishLoads(): LoadTrace {
    const layers = [...this.#loads].map(([layer, load]) => ({ layer, load }));
    return createLoadTrace({ model: this.model, numExperts: this.#numExperts ?? 0, layers });
  }

  #rowsOf(layer: number): LayerRows {
    const id = layer + (this.options.layerOffset ?? 0);
    let rows = this.#layers.get(id);
    if (!rows) {
      const keepWarmup = this.options.keepWarmup ?? false;
      rows = new LayerRows(this.#topK, { keepWarmup, sampling: this.#sampling });
      this.#layers.set(id, rows);
      this.#sampling.add(id, rows);
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
    const first = this.options.firstExpert ?? 0;
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
