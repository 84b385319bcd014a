import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { InputError } from "../../lib/errors.js";
import { readBytes, type FileHead, type OnBytes } from "../bytes/file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/** A quote that never closes would make one row of all that follows. */
const MOST_ROW_BYTES = 2 ** 20;
const HEADER = "Layer ID,Batch Number,Token,Activated Expert IDs";

/**
 * The table of MoE-Beyond: `Layer ID,Batch Number,Token,Activated Expert IDs`, where the token is a piece of text,
 * quoted if it has a comma, a quote or a newline, and the ids are a quoted list. A batch is a sequence.
 */
export const moeBeyondCsv: TraceFormat = {
  name: "MoE-Beyond CSV",
  sign: "the header Layer ID,Batch Number,Token,Activated Expert IDs",
  recognises({ bytes }: FileHead) {
    return bytes
      .toString("utf8", 0, 256)
      .replace(/^\uFEFF/, "")
      .startsWith(HEADER);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) await readTable(path, builder, onBytes);
  },
};

async function readTable(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const parser = parse({
    bom: true,
    info: true,
    from: 2,
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: MOST_ROW_BYTES,
  });
  const batchOf = new Map<number, string>();
  let failure: unknown;
  const take = async (rows: AsyncIterable<CsvRow>) => {
    try {
      for await (const { record, info } of rows)
        appendRow(builder, record, { path, line: info.lines, batchOf });
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  const bytes = readBytes(path, onBytes);
  try {
    await pipeline(Readable.from(bytes), parser, take);
  } catch (error) {
    // Which of its parts a pipeline blames is a matter of chance.
    const cause = failure instanceof InputError || failure instanceof CsvError ? failure : error;
    if (cause instanceof CsvError) throw new InputError(`${path}: found ${cause.message}, expected a table`);
    throw cause;
  } finally {
    // A pipeline that is broken off does not wait for its source to close the file.
    await bytes.return(undefined);
  }
}

interface CsvRow {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

function appendRow(
  builder: TraceBuilder,
  [layerText, batch, , list = ""]: readonly string[],
  { path, line, batchOf }: { path: string; line: number; batchOf: Map<number, string> },
): void {
  const layer = Number(layerText);
  const ids = /^\s*\[([\d,\s]+)\]\s*$/.exec(list)?.[1];
  if (!Number.isInteger(layer) || ids === undefined) {
    throw new InputError(`${path}:${line}: found ${list || layerText}, expected ids like [8, 26]`);
  }
  const experts = ids.split(",").map(Number);
  if (batchOf.get(layer) !== batch) builder.startSequence(layer, { topK: experts.length });
  batchOf.set(layer, batch);
  const fault = builder.append(layer, experts);
  if (fault) throw new InputError(`${path}:${line}: ${fault.found}`, fault.advice);
}
