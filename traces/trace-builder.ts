import { InputError } from "../lib/errors.js";
import { checkModelSizes } from "../lib/plausible-size.js";
import type { LoadTrace } from "../lib/trace/load-trace.js";
import { factsOfRows, type RowFacts } from "../lib/trace/id-rows.js";
import {
  assembleTrace,
  createRoutingTrace,
  NO_EXPERT,
  type RoutingTrace,
} from "../lib/trace/routing-trace.js";
import { ExpertIds } from "./expert-ids.js";
import { HeldLayers } from "./held-layers.js";
import { LoadSums } from "./load-sums.js";
import type { NumberingOptions } from "./numbering.js";
import { countExperts, withWidth } from "./padding.js";
import type { RowFault } from "./row-fault.js";
import { SameBatch } from "./same-batch.js";
import { Sampling } from "./sampling.js";
import type { SlotMap } from "./slot-map.js";
import { sharedExperts } from "./suspicions.js";
import { TokenWidth } from "./token-width.js";

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

  readonly #layers: HeldLayers;
  readonly #loads = new LoadSums();
  readonly #sampling: Sampling;
  readonly #ids: ExpertIds;
  readonly #tokens: TokenWidth;
  /** Whether an expert may come twice in a token that was taken: rows taken many at once are checked in the end. */
  #mayRepeat = false;
  /** Largest id of rows taken many at once, counted from 0. */
  #largestOfMany = -1;

  /** Shared, as sampling is, by all traces that are read together. */
  readonly sameBatch: SameBatch;
  readonly #slotMap: SlotMap | undefined;

  constructor(options: NumberingOptions = {}, shared: SharedState = {}) {
    const { sampling = new Sampling(options.maxTokens), sameBatch = new SameBatch(), slotMap } = shared;
    this.options = options;
    this.#sampling = sampling;
    const { numExperts, topK, numLayers } = options;
    checkModelSizes("trace", { numExperts, topK, numLayers }, options);
    this.#ids = new ExpertIds(options);
    this.sameBatch = sameBatch;
    this.#slotMap = slotMap;
    this.#tokens = new TokenWidth(options);
    this.#layers = new HeldLayers(options, sampling);
  }

  /** Whether the ids that come next are unsigned numbers of 8 bits. */
  get isByte(): boolean {
    return this.#ids.isByte;
  }

  set isByte(isByte: boolean) {
    this.#ids.isByte = isByte;
  }

  /** Number of experts, where it was declared. */
  get numExperts(): number | undefined {
    return this.#ids.numExperts;
  }

  /** Experts a token has, where it is known yet. */
  get topK(): number | undefined {
    return this.#tokens.topK || this.#tokens.places || undefined;
  }

  /** Experts of the token that has most, 0 where there are none. */
  get widestToken(): number {
    return this.#tokens.widest;
  }

  /** Whether neither tokens nor loads were handed in. */
  get isEmpty(): boolean {
    return this.#layers.isEmpty && this.#loads.isEmpty;
  }

  /** Whether some tokens have fewer experts than others. */
  get varies(): boolean {
    return this.#tokens.narrowest < this.#tokens.widest;
  }

  /** Largest expert id met, -1 where there is none. */
  get largestExpert(): number {
    return this.#ids.largest;
  }

  /** Rows handed in and left out, layer by layer. */
  get counts(): { layer: number; rowsRead: number; warmupRows: number }[] {
    return this.#layers.counts;
  }

  /** How many times loads of a layer were handed in: steps, or ranks. */
  get batches(): { layer: number; batches: number }[] {
    return this.#loads.batches;
  }

  /** Whether loads were handed in rather than tokens. */
  get hasLoads(): boolean {
    return !this.#loads.isEmpty;
  }

  /**
   * Takes what a file says about all of its rows.
   *
   * @throws InputError if it contradicts what is known, or is beyond the limits of what is read.
   */
  declare(where: string, { numExperts, topK }: { numExperts?: number; topK?: number }): void {
    checkModelSizes(where, { numExperts, topK }, this.options);
    if (numExperts !== undefined) {
      const { numExperts: known } = this.#ids;
      if (known !== undefined && known !== numExperts) {
        throw new InputError(
          `${where}: found ${numExperts} experts, expected ${known}`,
          "Maybe pass numExperts where experts without tokens have no row.",
        );
      }
      this.#ids.numExperts = numExperts;
    }
    if (topK !== undefined) {
      const fault = this.#tokens.fault(topK);
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
    this.#tokens.mayVary = true;
  }

  /**
   * Takes the next token of a layer. One without experts, all of them padding or left out, is none.
   *
   * @param layer Layer number as in the file.
   * @param experts Ids as in the file; the first `width` count.
   * @returns What is wrong with the row, if anything is.
   */
  append(layer: number, experts: ArrayLike<number>, width = experts.length): RowFault | undefined {
    const doubtful = this.#ids.takeDoubtful(experts, width);
    if (doubtful) return doubtful.fault;
    const count = countExperts(experts, width, this.#ids.paddingRule);
    if (count === 0) return undefined;
    const tokens = this.#tokens;
    tokens.expect(this.#ids.leavesOut ? width : count, width);
    const fault = this.#countFault(experts, { count, width }) ?? this.#ids.renumber(experts, count);
    if (fault) return fault;
    const { renumbered, numRenumbered } = this.#ids;
    if (numRenumbered === 0) return undefined;
    if (numRenumbered > tokens.topK) return tokens.unlike(numRenumbered);
    renumbered.fill(NO_EXPERT, numRenumbered, Math.max(numRenumbered, tokens.places));
    tokens.count(numRenumbered);
    this.#layers.rowsOf(layer, this.#tokens.places).append(renumbered);
    if (this.#ids.numRows % 65536 === 0) this.#sampling.limit(this.#tokens.places);
    return undefined;
  }

  /**
   * Whether rows may be handed to {@link appendMany}, as {@link append} would accept every one of them.
   *
   * @param rows Ids as in the file. Shape [numRows, width], row-major.
   * @param facts What is true of the rows.
   */
  accepts(rows: Uint16Array, width: number, facts: RowFacts): boolean {
    const { topK } = this.#tokens;
    return (topK === 0 || width === topK) && this.#ids.accepts(rows, facts);
  }

  /**
   * Takes the next tokens of a layer at once. Whether ids are too large or come twice is checked when the trace is
   * finished.
   *
   * @param rows Ids as in the file. Shape [numRows, topK], row-major.
   * @param facts What is true of the rows, where it is known.
   */
  appendMany(
    layer: number,
    rows: Uint16Array,
    topK: number,
    facts = factsOfRows(rows, topK),
  ): RowFault | undefined {
    const isNarrower = this.#tokens.places > 0 && this.#tokens.places !== topK;
    if (isNarrower || this.#ids.needCare(facts, topK)) {
      for (let at = 0; at < rows.length; at += topK) {
        const fault = this.append(layer, rows.subarray(at, at + topK));
        if (fault) return fault;
      }
      return undefined;
    }
    const fault = this.#tokens.fault(topK);
    if (fault) return fault;
    const counted = this.#ids.renumberMany(rows, facts.largest);
    if ("fault" in counted) return counted.fault;
    this.#mayRepeat ||= facts.hasRepeat;
    this.#largestOfMany = Math.max(this.#largestOfMany, counted.largest);
    this.#tokens.count(topK);
    this.#layers.rowsOf(layer, this.#tokens.places).appendMany(counted.rows);
    this.#sampling.limit(this.#tokens.places);
    return undefined;
  }

  /** Makes room in a layer for so many rows at once. */
  reserve(layer: number, numRows: number): void {
    if (this.#tokens.places > 0)
      this.#layers
        .rowsOf(layer, this.#tokens.places)
        .reserve(Math.min(numRows, this.#sampling.maxRows(this.#tokens.places)));
  }

  /**
   * Says that a token of a layer begins a sequence.
   *
   * @param after How many more tokens come before it; none, by default.
   */
  startSequence(layer: number, { topK = this.#tokens.topK, after = 0 } = {}): void {
    this.#tokens.hold(topK);
    this.#layers.rowsOf(layer, this.#tokens.places).startSequence(after);
  }

  /**
   * Adds the loads of the next step, or of all there was, as a rank recorded them. What another rank recorded just so at
   * its step of the same number is the same batch, and counts once.
   *
   * @param rank Whose they are: the file, and where in it they stand.
   * @param layers The loads of each layer. Shape [numExperts].
   */
  addStep(rank: string, layers: readonly (readonly [layer: number, load: Float64Array])[]): void {
    if (this.sameBatch.isRepeatedStep(rank, layers)) return;
    for (const [layer, load] of layers) this.addLoad(rank, layer, load);
  }

  /**
   * Adds to the loads of a layer.
   *
   * @param load Times each expert was chosen. Shape [numExperts].
   */
  addLoad(where: string, layer: number, load: Float64Array): void {
    if (this.#ids.leavesOut) {
      load = load.map((tokens, expert) => (this.#ids.isDropped(expert) ? 0 : tokens));
      load = load.subarray(0, this.withoutDropped(load.length));
    }
    this.declare(where, { numExperts: load.length });
    this.#loads.add(this.#layers.numberOf(layer), load);
  }

  /** A number of experts without those, the last ones, that are left out. */
  withoutDropped(numExperts: number): number {
    return this.#ids.withoutDropped(numExperts);
  }

  /**
   * Says that all rows were handed in, and tells warm-up from the text. Of traces read together, all are settled before
   * one is finished.
   */
  settle(): void {
    this.#layers.settle();
    this.#sampling.limit(this.#tokens.places);
  }

  /** Numbers of the layers, and of those of them that look as engines record layers without experts. Once settled. */
  get denseLayers(): { layers: readonly number[]; dense: readonly number[] } {
    return { layers: this.#layers.numbers, dense: this.#layers.withoutChoice };
  }

  /** Leaves out all tokens of a layer. */
  dropLayer(layer: number): void {
    this.#layers.drop(layer);
  }

  /**
   * Ends a trace of tokens, which was settled.
   *
   * @param topK Experts of the token that has most, of all traces that are read together.
   * @throws InputError if nothing was read or ids are wrong.
   */
  finish(numExperts: number, topK = this.#tokens.widest): RoutingTrace {
    this.#ids.checkDoubtful(numExperts);
    const layers = this.#layers
      .finish(this.sequenceLengths)
      .map((layer) => withWidth(layer, this.#tokens.places, topK));
    const shared = sharedExperts(layers, topK, 2).find((expert) => expert >= numExperts);
    if (shared !== undefined) {
      throw new InputError(
        `trace: found expert ${shared} in every token, expected [0, ${numExperts})`,
        `Maybe it is a shared expert, which is no routed one; pass dropExperts ${shared}.`,
      );
    }
    const sampledOneIn = this.sampledBefore * this.#sampling.stride;
    const largest = Math.max(this.#ids.largest, this.#largestOfMany);
    const isChecked = !this.#mayRepeat && largest < numExperts && numExperts <= NO_EXPERT;
    const create = isChecked ? assembleTrace : createRoutingTrace;
    return create({
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
    return this.#loads.finish(this.model, this.#ids.numExperts ?? 0);
  }

  /** What is wrong with the number of experts of a token, of which padding is no part. */
  #countFault(
    ids: ArrayLike<number>,
    { count, width }: { count: number; width: number },
  ): RowFault | undefined {
    if (count > this.#tokens.places) return this.#tokens.fault(count);
    // What is left of a row from which experts are left out is counted afterwards.
    if (this.#ids.leavesOut || count === this.#tokens.topK) return undefined;
    if (count < this.#tokens.topK && this.#tokens.mayVary) return undefined;
    if (count > this.#tokens.topK) return this.#tokens.fault(count);
    const behind = count < width ? ` and ${ids[count]} behind` : "";
    return {
      found: `found ${count} expert${count === 1 ? "" : "s"} in a token${behind}, expected ${this.#tokens.topK} as in the others`,
      advice: `Maybe tokens have varying numbers of experts; pass topK ${this.#tokens.topK}, the most of them.`,
    };
  }
}
