import type { LayerTrace } from "../lib/trace/routing-trace.js";
import { keepsBlock, SAMPLE_BLOCK, type Sampling } from "./sampling.js";

/**
 * Consecutive tokens of a layer with the very same experts in the same order, from which on they count as warm-up.
 *
 * Engines send thousands of dummy tokens through the model to measure memory and to warm up, and log them like any
 * other: 31 to 87 % of published vLLM route logs. Left in, a layer's busiest expert seems to carry 10 to 13 times
 * the mean load where the truth is 1.5 times. Real text does not repeat a token's whole routing so often in a row.
 */
export const WARMUP_RUN = 20;

/**
 * Collects the tokens of one layer while a file is read, leaves out warm-up rows, and samples what remains.
 *
 * A row is held back until the next one differs, because only then it is known whether it is warm-up.
 */
export class LayerRows {
  /** Rows handed in. */
  rowsRead = 0;

  readonly #topK: number;
  readonly #keepWarmup: boolean;
  readonly #sampling: Sampling;
  /** Rows kept. Shape [capacity, topK], of which `#length` ids are in use. */
  #experts: Uint16Array;
  #length = 0;
  /** Rows that are no warm-up, whether sampled or not. */
  #realRows = 0;
  /** The last row handed in. */
  readonly #pending: Uint16Array;
  /** How often the last row has come in a row. */
  #run = 0;
  /** Rows at which sequences begin, as handed in. */
  readonly #starts: number[] = [];
  /** Warm-up as stretches of rows handed in. */
  readonly #dropped: { from: number; to: number }[] = [];
  #warmupRows = 0;

  constructor(topK: number, { keepWarmup, sampling }: { keepWarmup: boolean; sampling: Sampling }) {
    this.#topK = topK;
    this.#keepWarmup = keepWarmup;
    this.#sampling = sampling;
    this.#experts = new Uint16Array(1024 * topK);
    this.#pending = new Uint16Array(topK);
  }

  /** Rows left out because they were warm-up. */
  get warmupRows(): number {
    return this.#warmupRows + (this.#pendingIsWarmup() ? this.#run : 0);
  }

  /** Rows in memory. */
  get rowsHeld(): number {
    return this.#length / this.#topK;
  }

  /** Makes room for so many more rows at once. */
  reserve(numRows: number): void {
    const sampled = Math.ceil(numRows / this.#sampling.stride);
    this.#grow(this.#length + sampled * this.#topK);
  }

  /** Takes the experts of the next token. Shape [topK], or more of which the rest is ignored. */
  append(experts: ArrayLike<number>): void {
    if (this.#run > 0 && this.#equalsPending(experts)) {
      this.#run++;
    } else {
      this.settle();
      for (let place = 0; place < this.#topK; place++) this.#pending[place] = experts[place];
      this.#run = 1;
    }
    this.rowsRead++;
  }

  /** Takes many tokens, most of them at the speed of copying. Shape [numRows, topK], row-major. */
  appendMany(rows: Uint16Array): void {
    const topK = this.#topK;
    const numRows = rows.length / topK;
    for (let next = 0; next < numRows;) {
      this.append(rows.subarray(next * topK, (next + 1) * topK));
      next++;
      if (this.#run > 1) continue;
      const end = endWithoutWarmup(rows, next, topK);
      if (end === next) continue;
      this.settle();
      this.#keep(rows.subarray(next * topK, end * topK));
      this.rowsRead += end - next;
      next = end;
    }
  }

  /** Says that the token after so many more begins a sequence. */
  startSequence(after: number): void {
    const start = this.rowsRead + after;
    if (this.#starts.at(-1) !== start) this.#starts.push(start);
  }

  /** Lets go of the row held back: into the trace or, where it came too often, out of it. */
  settle(): void {
    if (this.#pendingIsWarmup()) {
      this.#dropped.push({ from: this.rowsRead - this.#run, to: this.rowsRead });
      this.#warmupRows += this.#run;
    } else {
      for (let copy = 0; copy < this.#run; copy++) this.#keep(this.#pending);
    }
    this.#run = 0;
  }

  /** Drops the blocks that are not kept any more, after the stride was doubled. */
  thin(): void {
    const { stride } = this.#sampling;
    let from = 0;
    let to = 0;
    for (const block of this.#keptBlocks(stride / 2)) {
      const end = Math.min(from + SAMPLE_BLOCK * this.#topK, this.#length);
      if (keepsBlock(block, stride)) {
        this.#experts.copyWithin(to, from, end);
        to += end - from;
      }
      from = end;
    }
    this.#length = to;
  }

  /**
   * Ends the layer.
   *
   * @param sequenceLengths Used where they add up to the rows handed in.
   */
  finish(layer: number, sequenceLengths: readonly number[] = []): LayerTrace {
    this.settle();
    const isFull = this.#length === this.#experts.length;
    const experts = isFull ? this.#experts : this.#experts.slice(0, this.#length);
    // The rows now belong to the trace, and large traces do not fit twice.
    this.#experts = experts;
    const numTokens = this.rowsHeld;
    const starts = this.#keptStarts(sequenceLengths).filter((start) => start < numTokens);
    return {
      layer,
      numTokens,
      experts,
      ...(starts.length > 0 && { sequenceStarts: Uint32Array.from(new Set([0, ...starts])) }),
    };
  }

  #pendingIsWarmup(): boolean {
    return this.#run >= WARMUP_RUN && !this.#keepWarmup;
  }

  #equalsPending(experts: ArrayLike<number>): boolean {
    for (let place = 0; place < this.#topK; place++) {
      if (experts[place] !== this.#pending[place]) return false;
    }
    return true;
  }

  /** Adds rows to those held, as far as they are sampled. */
  #keep(rows: Uint16Array): void {
    const { stride } = this.#sampling;
    const numRows = rows.length / this.#topK;
    if (stride === 1) {
      this.#add(rows);
    } else {
      for (let row = 0, end = 0; row < numRows; row = end) {
        const block = Math.floor((this.#realRows + row) / SAMPLE_BLOCK);
        end = Math.min(numRows, (block + 1) * SAMPLE_BLOCK - this.#realRows);
        if (keepsBlock(block, stride)) this.#add(rows.subarray(row * this.#topK, end * this.#topK));
      }
    }
    this.#realRows += numRows;
  }

  #add(rows: Uint16Array): void {
    if (this.#length + rows.length > this.#experts.length) {
      this.#grow(Math.max(2 * this.#experts.length, this.#length + rows.length));
    }
    if (rows.length > 32) {
      this.#experts.set(rows, this.#length);
    } else {
      for (let place = 0; place < rows.length; place++) this.#experts[this.#length + place] = rows[place];
    }
    this.#length += rows.length;
  }

  #grow(capacity: number): void {
    const larger = new Uint16Array(capacity);
    larger.set(this.#experts.subarray(0, this.#length));
    this.#experts = larger;
  }

  /** Where sequences begin among the rows kept, in order. */
  #keptStarts(sequenceLengths: readonly number[]): number[] {
    const fromLengths = startsOf(sequenceLengths);
    const starts = fromLengths.end === this.rowsRead ? fromLengths.starts : this.#starts;
    const indexOf = this.#sampledIndices();
    let next = 0;
    let gone = 0;
    return starts.map((start) => {
      for (; next < this.#dropped.length && this.#dropped[next].to <= start; next++) {
        gone += this.#dropped[next].to - this.#dropped[next].from;
      }
      // A sequence that begins inside a dropped stretch begins where the stretch ends.
      const from = next < this.#dropped.length ? this.#dropped[next].from : start;
      return indexOf(Math.min(start, from) - gone);
    });
  }

  /** Tells, for ascending rows that are no warm-up, where among those held each is, or else the next one that is. */
  #sampledIndices(): (realRow: number) => number {
    const kept = this.#sampling.stride === 1 ? undefined : this.#keptBlocks(this.#sampling.stride);
    let before = 0;
    return (realRow) => {
      if (!kept) return realRow;
      const block = Math.floor(realRow / SAMPLE_BLOCK);
      while (before < kept.length && kept[before] < block) before++;
      return before * SAMPLE_BLOCK + (kept[before] === block ? realRow % SAMPLE_BLOCK : 0);
    };
  }

  /** Numbers of the blocks, among those there were so far, that are kept at a stride. */
  #keptBlocks(stride: number): number[] {
    const blocks: number[] = [];
    for (let block = 0; block * SAMPLE_BLOCK < this.#realRows; block++) {
      if (keepsBlock(block, stride)) blocks.push(block);
    }
    return blocks;
  }
}

/**
 * Up to where, from `first` on, no row is part of warm-up, if the row before `first` begins none.
 *
 * Only every so many rows are compared: of a run that is long enough, two of these are neighbours. The one that begins
 * between the last two that differ may be long enough.
 */
function endWithoutWarmup(rows: Uint16Array, first: number, topK: number): number {
  const step = (WARMUP_RUN / 2) * topK;
  let at = first * topK;
  while (at + step < rows.length && rowsDiffer(rows, at, at + step, topK)) at += step;
  return Math.max(first, (at - step) / topK + 1);
}

/** Whether the rows that begin at two places differ. */
function rowsDiffer(rows: Uint16Array, one: number, other: number, topK: number): boolean {
  for (let place = 0; place < topK; place++) {
    if (rows[one + place] !== rows[other + place]) return true;
  }
  return false;
}

function startsOf(lengths: readonly number[]): { starts: number[]; end: number } {
  let end = 0;
  const starts = lengths.map((length) => {
    end += length;
    return end - length;
  });
  return { starts, end };
}
