import { InputError } from "../lib/errors.js";
import { checkModelSizes, withDefaults, type SizeLimits } from "../lib/plausible-size.js";
import { largestId, rowWithRepeat } from "../lib/trace/id-rows.js";
import { createLoadTrace, type LoadTrace } from "../lib/trace/load-trace.js";
import {
  createRoutingTrace,
  NO_EXPERT,
  type LayerTrace,
  type RoutingTrace,
} from "../lib/trace/routing-trace.js";
import { LayerRows } from "./layer-rows.js";
import { BYTE_PADDING, countExperts, isDoubtful, isNever } from "./padding.js";
import type { DetectOptions } from "./array-kind.js";
import { SameBatch } from "./same-batch.js";
import { Sampling } from "./sampling.js";
import type { SlotMap } from "./slot-map.js";
import { sharedExperts } from "./suspicions.js";
import { realRuns } from "./warm-up.js";

/** How ids in a file are to be understood, and what is to be left out. */
export interface NumberingOptions extends DetectOptions, SizeLimits {
  /** Keep runs of identical rows, which are an engine's warm-up. Default false. */
  keepWarmup?: boolean | undefined;
  /** Number of the first expert in the files, usually 0 or 1. Default 0. */
  firstExpert?: number | undefined;
  /** Added to every layer number in the files. Default 0. */
  layerOffset?: number | undefined;
  /** Number of experts where no file declares it. Default: the largest id met, rounded up to a multiple of 4. */
  numExperts?: number | undefined;
  /** Most experts of a token. Where it is given, tokens may have fewer. Default: what every token has. */
  topK?: number | undefined;
  /** Layers of the model, dense ones included, for formats that cannot tell. */
  numLayers?: number | undefined;
  /** Most tokens to keep of every layer; more are sampled in blocks over the whole file. Default: as memory allows. */
  maxTokens?: number | undefined;
  /** The id that stands for no expert, or "none" where no id does. Default: see traces/padding.ts. */
  padding?: number | "none" | undefined;
  /** Ids to leave out, as in the files: shared experts, and experts that do nothing. */
  dropExperts?: readonly number[] | undefined;
}

/** What is wrong with a row, in the words of an {@link InputError} that knows where. */
export interface RowFault {
  readonly found: string;
  readonly advice?: string;
}

/** What all traces that are read together have in common. */
export interface SharedState {
  readonly sampling?: Sampling;
  readonly sameBatch?: SameBatch;
  /** What maps physical slots back to experts, for formats that record slots. */
  readonly slotMap?: SlotMap | undefined;
}

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
  readonly #numBatches = new Map<number, number>();
  readonly #sampling: Sampling;
  readonly #dropped: ReadonlySet<number>;
  #numExperts: number | undefined;
  /** Experts that a token is expected to have, 0 as long as that is not known. */
  #topK = 0;
  /** Places in a row that is held: top-k or, in files with padding in every row, more. 0 as long as it is not known. */
  #width = 0;
  /** Whether tokens may have fewer experts than top-k. */
  #mayVary: boolean;
  /** Experts of the token that has most. */
  #widest = 0;
  /** Experts of the token that has fewest. */
  #narrowest = Infinity;
  #largest = -1;
  /** Largest id besides that which may be padding of 8 bits. */
  #largestSure = -1;
  #numDoubtful = 0;
  /** Whether the ids that come next are unsigned numbers of 8 bits. */
  isByte = false;
  /** Most experts that are believed where no file tells, beside {@link NO_EXPERT}. */
  readonly #maxExperts: number;
  /** Row in which each expert came last. Shape [#maxExperts]. */
  readonly #lastRow: Int32Array;
  #row = 0;
  readonly #renumbered = new Int32Array(4096);
  #numRenumbered = 0;

  /** Shared, as sampling is, by all traces that are read together. */
  readonly sameBatch: SameBatch;
  readonly #slotMap: SlotMap | undefined;

  constructor(options: NumberingOptions = {}, shared: SharedState = {}) {
    const { sampling = new Sampling(options.maxTokens), sameBatch = new SameBatch(), slotMap } = shared;
    this.options = options;
    this.#sampling = sampling;
    const { numExperts, topK, numLayers } = options;
    checkModelSizes("trace", { numExperts, topK, numLayers }, options);
    this.#maxExperts = Math.min(withDefaults(options).maxExperts, NO_EXPERT);
    this.#lastRow = new Int32Array(this.#maxExperts).fill(-1);
    this.sameBatch = sameBatch;
    this.#slotMap = slotMap;
    this.#numExperts = options.numExperts;
    this.#topK = options.topK ?? 0;
    this.#width = this.#topK;
    this.#mayVary = options.topK !== undefined;
    this.#dropped = new Set(options.dropExperts);
  }

  /** Number of experts, where it was declared. */
  get numExperts(): number | undefined {
    return this.#numExperts;
  }

  /** Experts a token has, where it is known yet. */
  get topK(): number | undefined {
    return this.#topK || this.#width || undefined;
  }

  /** Experts of the token that has most, 0 where there are none. */
  get widestToken(): number {
    return this.#widest;
  }

  /** Whether neither tokens nor loads were handed in. */
  get isEmpty(): boolean {
    return this.#layers.size === 0 && this.#loads.size === 0;
  }

  /** Whether some tokens have fewer experts than others. */
  get varies(): boolean {
    return this.#narrowest < this.#widest;
  }

  /** Largest expert id met, -1 where there is none. */
  get largestExpert(): number {
    return this.#largest;
  }

  /** Rows handed in and left out, layer by layer. */
  get counts(): { layer: number; rowsRead: number; warmupRows: number }[] {
    return [...this.#layers].map(([layer, { rowsRead, warmupRows }]) => ({ layer, rowsRead, warmupRows }));
  }

  /** How many times loads of a layer were handed in: steps, or ranks. */
  get batches(): { layer: number; batches: number }[] {
    return [...this.#numBatches].map(([layer, batches]) => ({ layer, batches }));
  }

  /** Whether loads were handed in rather than tokens. */
  get hasLoads(): boolean {
    return this.#loads.size > 0;
  }

  /**
   * Takes what a file says about all of its rows.
   *
   * @throws InputError if it contradicts what is known, or is beyond the limits of what is read.
   */
  declare(where: string, { numExperts, topK }: { numExperts?: number; topK?: number }): void {
    checkModelSizes(where, { numExperts, topK }, this.options);
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

  /** Whether slots were mapped back to experts. */
  hasMappedSlots = false;

  /** What maps the slots that a file records back to experts, where there is such a map. */
  takeSlotMap(): SlotMap | undefined {
    this.hasMappedSlots ||= this.#slotMap !== undefined;
    return this.#slotMap;
  }

  /** Says that tokens may have fewer experts than was declared. */
  allowFewerExperts(): void {
    this.#mayVary = true;
  }

  /**
   * Takes the next token of a layer. One without experts, all of them padding or left out, is none.
   *
   * @param layer Layer number as in the file.
   * @param experts Ids as in the file; the first `width` count.
   * @returns What is wrong with the row, if anything is.
   */
  append(layer: number, experts: ArrayLike<number>, width = experts.length): RowFault | undefined {
    const { numExperts, padding } = { numExperts: this.#limit, padding: this.options.padding };
    const rule = { numExperts, padding, isByte: this.isByte };
    if (width === 1 && isDoubtful(experts[0], rule)) {
      if (this.#numExperts !== undefined) return doubtfulByte();
      this.#numDoubtful++;
      return undefined;
    }
    const count = countExperts(experts, width, rule);
    if (count === 0) return undefined;
    if (this.#topK === 0) this.#setTopK(this.#dropped.size > 0 ? width : count);
    if (this.#width === 0) this.#width = this.#topK;
    const fault = this.#countFault(experts, { count, width }) ?? this.#renumber(experts, count);
    if (fault) return fault;
    if (this.#numRenumbered === 0) return undefined;
    this.#widest = Math.max(this.#widest, this.#numRenumbered);
    this.#narrowest = Math.min(this.#narrowest, this.#numRenumbered);
    this.#rowsOf(layer).append(this.#renumbered);
    if (this.#row % 65536 === 0) this.#sampling.limit(this.#width);
    return undefined;
  }

  /**
   * Whether rows may be handed to {@link appendMany}, as {@link append} would accept every one of them.
   *
   * @param rows Ids as in the file. Shape [numRows, width], row-major.
   */
  accepts(rows: Uint16Array, width: number): boolean {
    const { firstExpert = 0, padding } = this.options;
    return (
      (this.#topK === 0 || width === this.#topK) &&
      this.#dropped.size === 0 &&
      padding === undefined &&
      (firstExpert === 0 || rows.every((expert) => expert >= firstExpert)) &&
      largestId(rows) - firstExpert < (this.#numExperts ?? this.#maxExperts) &&
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
    const largest = largestId(rows);
    if (this.#needsCare(rows, { topK, largest })) {
      for (let at = 0; at < rows.length; at += topK) {
        const fault = this.append(layer, rows.subarray(at, at + topK));
        if (fault) return fault;
      }
      return undefined;
    }
    const fault = this.#topKFault(topK);
    if (fault) return fault;
    const { firstExpert = 0 } = this.options;
    if (firstExpert !== 0) {
      const below = rows.find((expert) => expert < firstExpert);
      if (below !== undefined) return outOfRange(below, firstExpert, this.#numExperts ?? this.#maxExperts);
      rows = rows.map((expert) => expert - firstExpert);
    }
    if (this.#numExperts === undefined) {
      if (largest - firstExpert >= this.#maxExperts)
        return outOfRange(largest, firstExpert, this.#maxExperts);
      this.#noteLargest(rows, largest - firstExpert);
    }
    this.#widest = Math.max(this.#widest, topK);
    this.#narrowest = Math.min(this.#narrowest, topK);
    this.#rowsOf(layer).appendMany(rows);
    this.#sampling.limit(this.#width);
    return undefined;
  }

  /** Makes room in a layer for so many rows at once. */
  reserve(layer: number, numRows: number): void {
    if (this.#width > 0) this.#rowsOf(layer).reserve(Math.min(numRows, this.#sampling.maxRows(this.#width)));
  }

  /**
   * Says that a token of a layer begins a sequence.
   *
   * @param after How many more tokens come before it; none, by default.
   */
  startSequence(layer: number, { topK = this.#topK, after = 0 } = {}): void {
    if (this.#width === 0) {
      checkModelSizes("trace", { topK }, this.options);
      this.#width = topK;
    }
    this.#rowsOf(layer).startSequence(after);
  }

  /**
   * Adds to the loads of a layer.
   *
   * @param load Times each expert was chosen. Shape [numExperts].
   */
  addLoad(where: string, layer: number, load: Float64Array): void {
    if (this.#dropped.size > 0) {
      load = load.map((one, expert) => (this.#dropped.has(expert) ? 0 : one));
      load = load.subarray(0, this.withoutDropped(load.length));
    }
    this.declare(where, { numExperts: load.length });
    const id = this.#idOf(layer);
    this.#numBatches.set(id, (this.#numBatches.get(id) ?? 0) + 1);
    const sum = this.#loads.get(id);
    this.#loads.set(id, sum ? sum.map((one, expert) => one + load[expert]) : load);
  }

  /** A number of experts without those, the last ones, that are left out. */
  withoutDropped(numExperts: number): number {
    const { firstExpert = 0 } = this.options;
    while (numExperts > 1 && this.#dropped.has(numExperts - 1 + firstExpert)) numExperts--;
    return numExperts;
  }

  /**
   * Says that all rows were handed in, and tells warm-up from the text. Of traces read together, all are settled before
   * one is finished.
   */
  settle(): void {
    const layers = [...this.#layers.values()];
    for (const rows of layers) rows.settle();
    if (layers.some(({ runs }) => runs.length > 0)) {
      realRuns(layers).forEach((real, at) => {
        layers[at].restore(new Set(real));
      });
    }
    this.#sampling.limit(this.#width);
  }

  /**
   * Ends a trace of tokens, which was settled.
   *
   * @param topK Experts of the token that has most, of all traces that are read together.
   * @throws InputError if nothing was read or ids are wrong.
   */
  finish(numExperts: number, topK = this.#widest): RoutingTrace {
    this.#checkDoubtful(numExperts);
    const layers = [...this.#layers].map(([layer, rows]) =>
      withWidth(rows.finish(layer, this.sequenceLengths), this.#width, topK),
    );
    const shared = sharedExperts(layers, topK, 2).find((expert) => expert >= numExperts);
    if (shared !== undefined) {
      throw new InputError(
        `trace: found expert ${shared} in every token, expected [0, ${numExperts})`,
        `Maybe it is a shared expert, which is no routed one; pass dropExperts ${shared}.`,
      );
    }
    const sampledOneIn = this.sampledBefore * this.#sampling.stride;
    return createRoutingTrace({
      model: this.model,
      numExperts,
      topK,
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

  /** Number of experts beyond which no id goes, where it is known, as the ids in the files are counted. */
  get #limit(): number | undefined {
    return this.#numExperts === undefined ? undefined : this.#numExperts + (this.options.firstExpert ?? 0);
  }

  /** Whether rows hold padding, or what may be, or something is to be left out. */
  #needsCare(rows: Uint16Array, { topK, largest }: { topK: number; largest: number }): boolean {
    if (this.#dropped.size > 0 || this.options.padding !== undefined || largest === NO_EXPERT) return true;
    if (this.#width > 0 && this.#width !== topK) return true;
    const limit = this.#limit ?? this.#maxExperts;
    if (largest < Math.min(limit, BYTE_PADDING)) return false;
    return (this.isByte && (topK === 1 || limit < this.#maxExperts)) || rowWithRepeat(rows, topK) >= 0;
  }

  #noteLargest(rows: Uint16Array, largest: number): void {
    this.#largest = Math.max(this.#largest, largest);
    const isSure = !this.isByte || largest !== BYTE_PADDING;
    const sure = isSure
      ? largest
      : rows.reduce((most, id) => (id === BYTE_PADDING ? most : Math.max(most, id)), -1);
    this.#largestSure = Math.max(this.#largestSure, sure);
  }

  /** Refuses 255 in 8 bits where it may be an expert and may be padding. */
  #checkDoubtful(numExperts: number): void {
    const isDeclared = this.#numExperts !== undefined || this.options.padding !== undefined;
    if (isDeclared || !(this.#numDoubtful > 0 ? numExperts === 256 : this.#isGap())) return;
    const { found, advice } = doubtfulByte();
    throw new InputError(`trace: ${found}, and no other above ${this.#largestSure}`, advice);
  }

  /** Whether 255 in 8 bits is the largest id, and no other is among the last 4 of 256. */
  #isGap(): boolean {
    return this.#largest === BYTE_PADDING && this.#largestSure < BYTE_PADDING - 3;
  }

  /** Number of a layer as the model counts it. */
  #idOf(layer: number): number {
    const id = layer + (this.options.layerOffset ?? 0);
    checkModelSizes("trace", { layer: id }, this.options);
    return id;
  }

  #setTopK(topK: number): void {
    checkModelSizes("trace", { topK }, this.options);
    this.#topK = topK;
  }

  #rowsOf(layer: number): LayerRows {
    const id = this.#idOf(layer);
    let rows = this.#layers.get(id);
    if (!rows) {
      const keepWarmup = this.options.keepWarmup ?? false;
      rows = new LayerRows(this.#width, { keepWarmup, sampling: this.#sampling });
      this.#layers.set(id, rows);
      this.#sampling.add(id, rows);
    }
    return rows;
  }

  #topKFault(width: number): RowFault | undefined {
    if (this.#topK === 0) this.#setTopK(width);
    if (this.#width === 0) this.#width = this.#topK;
    if (this.#topK === width && width <= this.#width) return undefined;
    return {
      found: `found ${width} experts in a token, expected ${Math.min(this.#topK, this.#width)} as in the others`,
      advice: "Maybe the line is damaged, or the trace mixes models.",
    };
  }

  /** What is wrong with the number of experts of a token, of which padding is no part. */
  #countFault(
    ids: ArrayLike<number>,
    { count, width }: { count: number; width: number },
  ): RowFault | undefined {
    if (count > this.#width) return this.#topKFault(count);
    if (count === this.#topK || (count < this.#topK && (this.#mayVary || this.#dropped.size > 0)))
      return undefined;
    if (count > this.#topK) return this.#topKFault(count);
    const found =
      count < width
        ? outOfRange(ids[count], this.options.firstExpert ?? 0, this.#numExperts ?? this.#maxExperts).found
        : `found ${count} experts in a token, expected ${this.#topK} as in the others`;
    return {
      found,
      advice: `Maybe tokens have varying numbers of experts; pass topK ${this.#topK}, the most of them.`,
    };
  }

  /** Counts ids from 0, leaves out those that are to be, and checks them. */
  #renumber(experts: ArrayLike<number>, width: number): RowFault | undefined {
    const first = this.options.firstExpert ?? 0;
    const limit = this.#numExperts ?? this.#maxExperts;
    const row = this.#row++;
    let length = 0;
    for (let place = 0; place < width; place++) {
      if (this.#dropped.has(experts[place])) continue;
      const expert = experts[place] - first;
      if (isNever(experts[place], this.options) || !(expert >= 0 && expert < limit)) {
        return outOfRange(experts[place], first, limit, place === width - 1 && width > 1);
      }
      if (this.#lastRow[expert] === row) return { found: `expert ${experts[place]} comes twice in a token` };
      this.#lastRow[expert] = row;
      if (expert > this.#largest) this.#largest = expert;
      if (expert > this.#largestSure && !(this.isByte && expert === BYTE_PADDING)) this.#largestSure = expert;
      this.#renumbered[length++] = expert;
    }
    this.#numRenumbered = length;
    this.#renumbered.fill(NO_EXPERT, length, Math.max(length, this.#width));
    return undefined;
  }
}

function outOfRange(expert: number, first: number, limit: number, isLast = false): RowFault {
  const found = `expert ${expert} is out of range [${first}, ${first + limit})`;
  if (expert === limit && first === 0) {
    const shared = `${expert} is a shared expert, which is no routed one; pass dropExperts ${expert}. Or the trace`;
    return {
      found,
      advice: `Maybe ${isLast ? shared : "the trace"} counts experts from 1; pass firstExpert 1.`,
    };
  }
  if (expert > limit && expert < NO_EXPERT) {
    return { found, advice: "Maybe raise numExperts or, above 4096 of them, maxExperts." };
  }
  if (expert === 0 && first === 1) {
    return { found, advice: "Maybe the trace counts experts from 0; pass firstExpert 0." };
  }
  return { found };
}

function doubtfulByte(): Required<RowFault> {
  return {
    found: `found id ${BYTE_PADDING} in numbers of 8 bits, which may be an expert or padding`,
    advice: `Maybe pass padding ${BYTE_PADDING} or, where it is an expert, pass padding none.`,
  };
}

/** A layer whose rows are as wide as the token that has most experts. */
function withWidth(layer: LayerTrace, width: number, topK: number): LayerTrace {
  if (width === topK) return layer;
  const experts = new Uint16Array(layer.numTokens * topK).fill(NO_EXPERT);
  for (let token = 0; token < layer.numTokens; token++) {
    const row = layer.experts.subarray(token * width, token * width + Math.min(width, topK));
    experts.set(row, token * topK);
  }
  return { ...layer, experts };
}
