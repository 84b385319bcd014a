import type { LayerTrace } from "../lib/routing-trace.js";

/**
 * Consecutive tokens of a layer with the very same experts in the same order, from which on they count as warm-up.
 *
 * Engines send thousands of dummy tokens through the model to measure memory and to warm up, and log them like any
 * other: 31 to 87 % of published vLLM route logs. Left in, a layer's busiest expert seems to carry 10 to 13 times
 * the mean load where the truth is 1.5 times. Real text does not repeat a token's whole routing so often in a row.
 */
export const WARMUP_RUN = 20;

/** Collects the tokens of one layer while a file is read, and leaves out warm-up rows. */
export class LayerRows {
  /** Rows handed in. */
  rowsRead = 0;

  readonly #keepWarmup: boolean;
  #topK = 0;
  #experts = new Uint16Array(0);
  #length = 0;
  /** The last row handed in. Held back until it is known how often it comes. */
  #pending = new Uint16Array(0);
  /** How often the last row has come in a row. */
  #run = 0;
  /** Rows at which sequences begin, as handed in. */
  readonly #starts: number[] = [];
  /** Warm-up as stretches of rows handed in. */
  readonly #dropped: { from: number; to: number }[] = [];
  #warmupRows = 0;

  constructor(keepWarmup: boolean) {
    this.#keepWarmup = keepWarmup;
  }

  /** Rows left out because they were warm-up. */
  get warmupRows(): number {
    return this.#warmupRows + (this.#pendingIsWarmup() ? this.#run : 0);
  }

  /**
   * Takes the next token, which must have been checked.
   *
   * @param experts The first `topK` count.
   * @param topK The same for every token.
   */
  append(experts: ArrayLike<number>, topK: number): void {
    if (this.#topK === 0) {
      this.#topK = topK;
      this.#experts = new Uint16Array(1024 * topK);
      this.#pending = new Uint16Array(topK);
    }
    if (this.#run > 0 && this.#equalsPending(experts)) {
      this.#run++;
    } else {
      this.#store();
      for (let place = 0; place < this.#topK; place++) this.#pending[place] = experts[place];
      this.#run = 1;
    }
    this.rowsRead++;
  }

  /** Says that the next token begins a sequence. */
  startSequence(): void {
    if (this.#starts.at(-1) !== this.rowsRead) this.#starts.push(this.rowsRead);
  }

  /**
   * Ends the layer.
   *
   * @param sequenceLengths Used where they add up to the rows handed in.
   */
  finish(layer: number, sequenceLengths: readonly number[] = []): LayerTrace {
    this.#store();
    this.#run = 0;
    const experts = this.#experts.slice(0, this.#length);
    const numTokens = this.#topK === 0 ? 0 : experts.length / this.#topK;
    const starts = this.#keptStarts(sequenceLengths).filter((start) => start < numTokens);
    return {
      layer,
      numTokens,
      experts,
      ...(starts.length > 0 && { sequenceStarts: Uint32Array.from(new Set([0, ...starts])) }),
    };
  }

  #keptStarts(sequenceLengths: readonly number[]): number[] {
    const fromLengths = startsOf(sequenceLengths);
    const starts = fromLengths.end === this.rowsRead ? fromLengths.starts : this.#starts;
    let next = 0;
    let gone = 0;
    return starts.map((start) => {
      for (; next < this.#dropped.length && this.#dropped[next].to <= start; next++) {
        gone += this.#dropped[next].to - this.#dropped[next].from;
      }
      // A sequence that begins inside a dropped stretch begins where the stretch ends.
      return next < this.#dropped.length ? Math.min(start, this.#dropped[next].from) - gone : start - gone;
    });
  }

  #equalsPending(experts: ArrayLike<number>): boolean {
    for (let place = 0; place < this.#topK; place++) {
      if (experts[place] !== this.#pending[place]) return false;
    }
    return true;
  }

  #pendingIsWarmup(): boolean {
    return this.#run >= WARMUP_RUN && !this.#keepWarmup;
  }

  #store(): void {
    if (this.#pendingIsWarmup()) {
      this.#dropped.push({ from: this.rowsRead - this.#run, to: this.rowsRead });
      this.#warmupRows += this.#run;
      return;
    }
    for (let copy = 0; copy < this.#run; copy++) {
      if (this.#length + this.#topK > this.#experts.length) {
        const larger = new Uint16Array(2 * this.#experts.length);
        larger.set(this.#experts);
        this.#experts = larger;
      }
      this.#experts.set(this.#pending, this.#length);
      this.#length += this.#topK;
    }
  }
}

function startsOf(lengths: readonly number[]): { starts: number[]; end: number } {
  let end = 0;
  const starts = lengths.map((length) => {
    end += length;
    return end - length;
  });
  return { starts, end };
}
