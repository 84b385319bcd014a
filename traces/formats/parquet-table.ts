import { isParquet, openParquet } from "../containers/parquet.js";
import type { OnBytes } from "../bytes/file-bytes.js";
import { takerOf } from "../table.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * A Parquet file, as data sets of Hugging Face are: a row for every layer and token with the list of its experts, or a
 * column for every place or every expert; a row for every token or request with nested lists [layers][top-k] or
 * [tokens][layers][top-k]; or a row for every layer and expert with how often it was chosen.
 */
export const parquetTable: TraceFormat = {
  name: "Parquet",
  sign: "PAR1, and columns such as layer and experts, or routed_experts",
  recognises: ({ bytes }) => isParquet(bytes),
  async read(paths, builder, onBytes) {
    for (const path of paths) await readFile(path, builder, onBytes);
  },
};

async function readFile(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const table = await openParquet(path, onBytes);
  try {
    const taker = takerOf(table.columns, builder, path);
    let row = 0;
    for await (const rows of table.rows(taker.columns)) {
      if (row === 0) taker.begin?.(rows);
      for (const values of rows) taker.take(values, `${path}: row ${row++}`);
    }
    taker.end?.();
  } finally {
    await table.close();
  }
}
