import { InputError } from "../lib/errors.js";
import { factsOfRows } from "../lib/trace/id-rows.js";
import type { RowScanner } from "./bytes/row-scanner.js";
import type { TraceBuilder } from "./trace-builder.js";

const BATCH_IDS = 16384;
/** Fewer rows than this are handed on one by one. */
const FEW_ROWS = 8;

/** Gathers rows of one layer that come line after line, and hands them on together, at a fraction of the time. */
export class RowBatch {
  readonly #path: string;
  readonly #builder: TraceBuilder;
  /** Shape [#numRows, #width] at the beginning. */
  readonly #ids = new Uint16Array(BATCH_IDS);
  #numRows = 0;
  #width = 0;
  #layer = -1;
  #firstLine = 0;

  constructor(path: string, builder: TraceBuilder) {
    this.#path = path;
    this.#builder = builder;
  }

  /**
   * Takes a row.
   *
   * @throws InputError if it, or one taken before, is wrong.
   */
  add({ layer, width, experts }: RowScanner, line: number): void {
    const isFull = (this.#numRows + 1) * width > BATCH_IDS;
    if (layer !== this.#layer || width !== this.#width || isFull) {
      this.flush();
      this.#layer = layer;
      this.#width = width;
    }
    if (this.#numRows === 0) this.#firstLine = line;
    let at = this.#numRows * width;
    // Beyond 16 bits as soon as one id is, or is negative.
    let bits = 0;
    for (let place = 0; place < width; place++) {
      const expert = experts[place];
      this.#ids[at++] = expert;
      bits |= expert;
    }
    if (bits >>> 16 === 0 && width <= BATCH_IDS) {
      this.#numRows++;
    } else {
      // The builder says what is wrong with it.
      this.flush();
      this.#append(experts.subarray(0, width), line);
    }
  }

  /**
   * Hands on what was gathered.
   *
   * @throws InputError with the line of the first row that is wrong.
   */
  flush(): void {
    const width = this.#width;
    const rows = this.#ids.subarray(0, this.#numRows * width);
    const facts = this.#numRows >= FEW_ROWS ? factsOfRows(rows, width) : undefined;
    if (facts && this.#builder.accepts(rows, width, facts)) {
      this.#builder.appendMany(this.#layer, rows, width, facts);
    } else {
      for (let row = 0; row < this.#numRows; row++) {
        this.#append(rows.subarray(row * width, (row + 1) * width), this.#firstLine + row);
      }
    }
    this.#numRows = 0;
  }

  #append(row: ArrayLike<number>, line: number): void {
    const fault = this.#builder.append(this.#layer, row);
    if (fault) throw new InputError(`${this.#path}:${line}: ${fault.found}`, fault.advice);
  }
}
