import type { LayerTrace } from "../lib/trace/routing-trace.js";
import { keepsBlock, SAMPLE_BLOCK, type Sampling } from "./sampling.js";
import { WARMUP_RUN, type Run } from "./warm-up.js";

/** Rows from `from` on and before `to`, as handed in. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Collects the tokens of one layer while a file is read, sets long runs apart, and samples what remains.
 *
 * A row is held back until the next one differs, because only then it is known whether it may be warm-up. Long runs are
 * held as one row each until all layers were read and it is known which of them are real.
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
  /** The last row handed in. */
  readonly #pending: Uint16Array;
  /** How often the last row has come in a row. */
  #run = 0;
  /** Rows at which sequences begin, as handed in. */
  readonly #starts: number[] = [];
  /** Long runs that are not among the rows kept: warm-up, unless restored. */
  #runs: readonly Run[] = [];
  readonly #newRuns: Run[] = [];

  constructor(topK: number, { keepWarmup, sampling }: { keepWarmup: boolean; sampling: Sampling }) {
    this.#topK = topK;
    this.#keepWarmup = keepWarmup;
    this.#sampling = sampling;
    this.#experts = new Uint16Array(1024 * topK);
    this.#pending = new Uint16Array(topK);
  }

  /** Rows left out because they are warm-up, as far as is known. */
  get warmupRows(): number {
    const pending = this.#pendingIsRun() ? this.#run : 0;
    return this.runs.reduce((sum, { from, to }) => sum + to - from, pending);
  }

  /** Runs of at least {@link WARMUP_RUN} rows that are not among the rows held, ascending. */
  get runs(): readonly Run[] {
    if (this.#newRuns.length > 0) this.#runs = [...this.#runs, ...this.#newRuns.splice(0)];
    return this.#runs;
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
      const end = endWithoutRun(rows, next, topK);
      if (end === next) continue;
      this.settle();
      this.#keep(rows.subarray(next * topK, end * topK), this.rowsRead);
      this.rowsRead += end - next;
      next = end;
    }
  }

  /** Says that the token after so many more begins a sequence. */
  startSequence(after: number): void {
    const start = this.rowsRead + after;
    if (this.#starts.at(-1) !== start) this.#starts.push(start);
  }

  /** Lets go of the row held back: among the rows kept or, where it came too often, among the runs. */
  settle(): void {
    const from = this.rowsRead - this.#run;
    if (this.#pendingIsRun()) {
      this.#newRuns.push({ from, to: this.rowsRead, row: this.#pending.slice() });
    } else {
      for (let index = 0; index < this.#run; index++) this.#keep(this.#pending, from + index);
    }
    this.#run = 0;
  }

  /** How many of the rows held are each of the given ones. */
  countRows(rows: readonly Uint16Array[]): number[] {
    const counts = rows.map(() => 0);
    const wanted = new Map<number, number[]>();
    rows.forEach((row, at) => wanted.set(row[0], [...(wanted.get(row[0]) ?? []), at]));
    for (let first = 0; first < this.#length; first += this.#topK) {
      for (const at of wanted.get(this.#experts[first]) ?? []) {
        if (!rows[at].some((expert, place) => this.#experts[first + place] !== expert)) counts[at]++;
      }
    }
    return counts;
  }

  /** Whether all rows, those left out as well, are the first experts in the order of their ids. Once settled. */
  get hasNoChoice(): boolean {
    const [topK, held] = [this.#topK, this.#experts];
    // A few tokens may have chosen so.
    if (this.rowsRead === 0 || (topK > 1 && this.rowsRead < WARMUP_RUN)) return false;
    for (let at = 0; at < this.#length; at++) if (held[at] !== at % topK) return false;
    return this.runs.every(({ row }) => row.every((id, place) => id === place));
  }

  /** Takes runs back among the rows held, where they came. */
  restore(real: ReadonlySet<Run>): void {
    if (real.size === 0) return;
    const held = this.#experts;
    const restored = this.runs.filter((run) => real.has(run));
    this.#runs = this.runs.filter((run) => !real.has(run));
    this.#length = 0;
    this.#experts = new Uint16Array(held.length);
    let next = 0;
    let read = 0;
    for (const { from, to } of this.#heldStretches(this.#sampling.stride)) {
      for (let row = from; row < to;) {
        while (next < restored.length && restored[next].to <= row) next++;
        const run = next < restored.length ? restored[next] : { from: to, to, row: held };
        if (run.from <= row) {
          for (; row < Math.min(to, run.to); row++) this.#add(run.row);
        } else {
          const end = Math.min(to, run.from);
          const length = (end - row) * this.#topK;
          this.#add(held.subarray(read, read + length));
          read += length;
          row = end;
        }
      }
    }
  }

  /** Drops the blocks that are not kept any more, after the stride was doubled. */
  thin(): void {
    const { stride } = this.#sampling;
    let read = 0;
    let length = 0;
    for (const { from, to } of this.#heldStretches(stride / 2)) {
      // A block that is still being read may not be there to its end.
      const end = Math.min(read + (to - from) * this.#topK, this.#length);
      for (let row = from; row < to && read < end;) {
        const block = Math.floor(row / SAMPLE_BLOCK);
        const next = Math.min(to, (block + 1) * SAMPLE_BLOCK);
        const ids = Math.min(end - read, (next - row) * this.#topK);
        if (keepsBlock(block, stride)) {
          this.#experts.copyWithin(length, read, read + ids);
          length += ids;
        }
        read += ids;
        row = next;
      }
    }
    this.#length = length;
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

  #pendingIsRun(): boolean {
    return this.#run >= WARMUP_RUN && !this.#keepWarmup;
  }

  #equalsPending(experts: ArrayLike<number>): boolean {
    for (let place = 0; place < this.#topK; place++) {
      if (experts[place] !== this.#pending[place]) return false;
    }
    return true;
  }

  /** Adds rows to those held, as far as they are sampled. */
  #keep(rows: Uint16Array, firstRow: number): void {
    const { stride } = this.#sampling;
    if (stride === 1) {
      this.#add(rows);
      return;
    }
    const numRows = rows.length / this.#topK;
    for (let row = 0, end = 0; row < numRows; row = end) {
      const block = Math.floor((firstRow + row) / SAMPLE_BLOCK);
      end = Math.min(numRows, (block + 1) * SAMPLE_BLOCK - firstRow);
      if (keepsBlock(block, stride)) this.#add(rows.subarray(row * this.#topK, end * this.#topK));
    }
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
    if (starts.length === 0) return [];
    const stretches = this.#heldStretches(this.#sampling.stride);
    let at = 0;
    let before = 0;
    return starts.map((start) => {
      for (; at < stretches.length && stretches[at].to <= start; at++) {
        before += stretches[at].to - stretches[at].from;
      }
      // A sequence that begins among rows left out begins where the next one is that was not.
      return before + (at < stretches.length ? Math.max(0, start - stretches[at].from) : 0);
    });
  }

  /** Rows held at a stride, ascending: what is in blocks that are kept, without the runs. */
  #heldStretches(stride: number): Stretch[] {
    const { rowsRead, runs } = this;
    if (stride === 1 && runs.length === 0) return [{ from: 0, to: rowsRead }];
    const stretches: Stretch[] = [];
    const step = stride === 1 ? rowsRead : SAMPLE_BLOCK;
    let next = 0;
    for (let block = 0; block * step < rowsRead; block++) {
      if (!keepsBlock(block, stride)) continue;
      const end = Math.min(rowsRead, (block + 1) * step);
      while (next < runs.length && runs[next].to <= block * step) next++;
      let from = block * step;
      for (let at = next; at < runs.length && runs[at].from < end; at++) {
        if (runs[at].from > from) stretches.push({ from, to: runs[at].from });
        from = Math.max(from, runs[at].to);
      }
      if (from < end) stretches.push({ from, to: end });
    }
    return stretches;
  }
}

/**
 * Up to where, from `first` on, no row is part of a long run, if the row before `first` begins none.
 *
 * Only every so many rows are compared: of a run that is long enough, two of these are neighbours. The one that begins
 * between the last two that differ may be long enough.
 */
function endWithoutRun(rows: Uint16Array, first: number, topK: number): number {
  const step = (WARMUP_RUN / 2) * topK;
  let at = first * topK;
  while (at + step < rows.length && rowsDiffer(rows, at, at + step, topK)) at += step;
  return Math.max(first, (at - step) / topK + 1);
}

/** Whether the rows that begin at two places differ. */
function rowsDiffer(rows: Uint16Array, start: number, laterStart: number, topK: number): boolean {
  for (let place = 0; place < topK; place++) {
    if (rows[start + place] !== rows[laterStart + place]) return true;
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
