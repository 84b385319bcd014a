import { InputError } from "../lib/errors.js";
import { withDefaults } from "../lib/plausible-size.js";
import type { RowFacts } from "../lib/trace/id-rows.js";
import { NO_EXPERT, whyTwice } from "../lib/trace/routing-trace.js";
import type { NumberingOptions } from "./numbering.js";
import { BYTE_PADDING, isDoubtful, isNever, type PaddingRule } from "./padding.js";
import { doubtfulByte, noNumber, outOfRange, type RowFault } from "./row-fault.js";

/**
 * The expert ids of a trace: counts them from 0, leaves out those that are to be, refuses those that cannot be, and knows the
 * largest.
 */
export class ExpertIds {
  /** Number of experts, where it was declared. */
  numExperts: number | undefined;
  /** Whether the ids that come next are unsigned numbers of 8 bits. */
  isByte = false;
  /** Largest id met, -1 where there is none. */
  largest = -1;
  /** The row last renumbered; its first `numRenumbered` ids count. */
  readonly renumbered = new Int32Array(4096);
  numRenumbered = 0;

  readonly #options: NumberingOptions;
  readonly #first: number;
  readonly #dropped: ReadonlySet<number>;
  /** Most experts that are believed where no file tells, beside `NO_EXPERT`. */
  readonly #maxExperts: number;
  /** Largest id besides that which may be padding of 8 bits. */
  #largestSure = -1;
  #numDoubtful = 0;
  /** Row in which each expert came last. Shape [#maxExperts]. */
  readonly #lastRow: Int32Array;
  #row = 0;

  constructor(options: NumberingOptions) {
    this.#options = options;
    this.numExperts = options.numExperts;
    this.#first = options.firstExpert ?? 0;
    this.#dropped = new Set(options.dropExperts);
    this.#maxExperts = Math.min(withDefaults(options).maxExperts, NO_EXPERT);
    this.#lastRow = new Int32Array(this.#maxExperts).fill(-1);
  }

  /** Number of rows renumbered. */
  get numRows(): number {
    return this.#row;
  }

  /** Whether some experts are to be left out. */
  get leavesOut(): boolean {
    return this.#dropped.size > 0;
  }

  /** What tells padding from experts in the ids that come next. */
  get paddingRule(): PaddingRule {
    return { numExperts: this.#limit, padding: this.#options.padding, isByte: this.isByte };
  }

  /** Whether an id is to be left out. */
  isDropped(expert: number): boolean {
    return this.#dropped.has(expert);
  }

  /** A number of experts without those, the last ones, that are left out. */
  withoutDropped(numExperts: number): number {
    while (numExperts > 1 && this.#dropped.has(numExperts - 1 + this.#first)) numExperts--;
    return numExperts;
  }

  /** Whether a row is one id that may be padding; remembered, and wrong where the experts were declared to be 256. */
  takeDoubtful(experts: ArrayLike<number>, width: number): { fault?: RowFault } | undefined {
    if (width !== 1 || !isDoubtful(experts[0], this.paddingRule)) return undefined;
    if (this.numExperts !== undefined) return { fault: doubtfulByte() };
    this.#numDoubtful++;
    return {};
  }

  /** Counts the ids of a row from 0, leaves out those that are to be, and checks them. */
  renumber(experts: ArrayLike<number>, width: number): RowFault | undefined {
    const limit = this.numExperts ?? this.#maxExperts;
    const row = this.#row++;
    let length = 0;
    for (let place = 0; place < width; place++) {
      if (this.#dropped.has(experts[place])) continue;
      // What stands behind the experts of a token is no part of the row.
      if (experts[place] === this.#options.padding)
        return { found: `${experts[place]}, named as padding, stands before an expert` };
      const expert = experts[place] - this.#first;
      if (!Number.isInteger(expert)) return noNumber(experts[place]);
      if (isNever(experts[place], this.#options) || !(expert >= 0 && expert < limit)) {
        return this.outOfRange(experts[place], place === width - 1 && width > 1);
      }
      if (this.#lastRow[expert] === row)
        return { found: `expert ${experts[place]} comes twice in a token`, advice: whyTwice(experts[place]) };
      this.#lastRow[expert] = row;
      if (expert > this.largest) this.largest = expert;
      if (expert > this.#largestSure && !(this.isByte && expert === BYTE_PADDING)) this.#largestSure = expert;
      this.renumbered[length++] = expert;
    }
    this.numRenumbered = length;
    return undefined;
  }

  /** Whether many rows are ids that {@link renumber} would accept, none of them to be left out. */
  accepts(rows: Uint16Array, { largest, hasRepeat }: RowFacts): boolean {
    return (
      this.#dropped.size === 0 &&
      this.#options.padding === undefined &&
      (this.#first === 0 || rows.every((expert) => expert >= this.#first)) &&
      largest - this.#first < (this.numExperts ?? this.#maxExperts) &&
      !hasRepeat
    );
  }

  /**
   * Whether rows hold padding, or what may be, or something is to be left out.
   *
   * @param facts What is true of the rows.
   */
  needCare({ largest, hasRepeat }: RowFacts, topK: number): boolean {
    if (this.#dropped.size > 0 || this.#options.padding !== undefined || largest === NO_EXPERT) return true;
    const limit = this.#limit ?? this.#maxExperts;
    if (largest < Math.min(limit, BYTE_PADDING)) return false;
    // Of 256 experts, 255 is the last one wherever it stands alone.
    const mayBePadding = topK === 1 || (limit !== BYTE_PADDING + 1 && limit < this.#maxExperts);
    return (this.isByte && mayBePadding) || hasRepeat;
  }

  /**
   * Counts the ids of many rows from 0 at once; without padding, and whether ids come twice is checked later.
   *
   * @param largest The largest id of the rows.
   */
  renumberMany(
    rows: Uint16Array,
    largest: number,
  ): { rows: Uint16Array; largest: number } | { fault: RowFault } {
    const first = this.#first;
    if (first !== 0) {
      const below = rows.find((expert) => expert < first);
      if (below !== undefined) return { fault: this.outOfRange(below) };
      rows = rows.map((expert) => expert - first);
    }
    if (this.numExperts === undefined) {
      if (largest - first >= this.#maxExperts) return { fault: this.outOfRange(largest) };
      this.#noteLargest(rows, largest - first);
    }
    return { rows, largest: largest - first };
  }

  /** What is wrong with an id, as the file has it, that is no expert. */
  outOfRange(expert: number, isLast = false): RowFault {
    return outOfRange(expert, this.#first, this.numExperts ?? this.#maxExperts, isLast);
  }

  /**
   * Refuses 255 in 8 bits where it may be an expert and may be padding.
   *
   * @throws InputError if nothing tells.
   */
  checkDoubtful(numExperts: number): void {
    const isDeclared = this.numExperts !== undefined || this.#options.padding !== undefined;
    if (isDeclared || !(this.#numDoubtful > 0 ? numExperts === 256 : this.#isGap())) return;
    const { found, advice } = doubtfulByte();
    throw new InputError(`trace: ${found}, and no other above ${this.#largestSure}`, advice);
  }

  /** Number of experts beyond which no id goes, where it is known, as the ids in the files are counted. */
  get #limit(): number | undefined {
    return this.numExperts === undefined ? undefined : this.numExperts + this.#first;
  }

  #noteLargest(rows: Uint16Array, largest: number): void {
    this.largest = Math.max(this.largest, largest);
    const isSure = !this.isByte || largest !== BYTE_PADDING;
    const sure = isSure
      ? largest
      : rows.reduce((most, id) => (id === BYTE_PADDING ? most : Math.max(most, id)), -1);
    this.#largestSure = Math.max(this.#largestSure, sure);
  }

  /** Whether 255 in 8 bits is the largest id, and no other is among the last 4 of 256. */
  #isGap(): boolean {
    return this.largest === BYTE_PADDING && this.#largestSure < BYTE_PADDING - 3;
  }
}
