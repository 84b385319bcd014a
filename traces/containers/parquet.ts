import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { decompress } from "fzstd";
import {
  parquetMetadataAsync,
  parquetRead,
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
} from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { InputError } from "../../lib/errors.js";
import { sum } from "../../lib/statistics.js";
import { afterElement, checkRuns, levelsOf } from "./parquet-runs.js";
import { readHead, readWhole, type OnBytes } from "../bytes/file-bytes.js";
import { openUnchanging } from "../bytes/source.js";
import { STANDARD_INPUT } from "../bytes/standard-input.js";

/** A row by the names of its columns; lists are arrays, whole numbers of 64 bits are BigInt. */
export type ParquetRow = Readonly<Record<string, unknown>>;

/** A Parquet file whose head was read. */
export interface ParquetTable {
  readonly columns: readonly string[];
  /** Reads some of the columns, a row group at a time, of which the columns are in memory at once and some of the rows. */
  rows(columns: readonly string[]): AsyncGenerator<readonly ParquetRow[]>;
  close(): Promise<void>;
}

/** Values of a row group: more of them than any writer puts there. */
const MOST_VALUES = 2 ** 25;
/** Values of a file that need no justification, and values for every byte of it. */
const PLAUSIBLE_VALUES = [2 ** 20, 24] as const;
/** Bytes of a page that need no justification, bytes for every byte packed, and more than any writer puts there. */
const PLAUSIBLE_BYTES = [2 ** 20, 1000, 2 ** 24] as const;
/** Rows that are made of their columns at a time. */
const ROWS_AT_ONCE = 2 ** 16;

const COMPRESSORS: Compressors = {
  ZSTD: (input, length) => decompress(input, new Uint8Array(length)),
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: length }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: length }),
};

/** Whether bytes begin like a Parquet file. */
export function isParquet(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "PAR1";
}

/**
 * Opens a Parquet file.
 *
 * @throws InputError if it is damaged, here and while rows are read.
 */
export async function openParquet(path: string, onBytes: OnBytes): Promise<ParquetTable> {
  const file = await openFile(path, onBytes);
  const metadata = await sound(path, () => parquetMetadataAsync(file.buffer, { geoparquet: false })).catch(
    async (error: unknown) => {
      await file.close();
      throw error;
    },
  );
  return {
    columns: topColumns(metadata),
    async *rows(columns) {
      let rowStart = 0;
      const [few, perByte] = PLAUSIBLE_VALUES;
      let valuesLeft = Math.max(few, perByte * file.buffer.byteLength);
      const numDeclared = sum(metadata.row_groups.map((group) => Number(group.num_rows)));
      if (!(numDeclared <= valuesLeft)) {
        throw new InputError(
          `${path}: found ${metadata.row_groups.length} row groups of ${numDeclared} rows in ${file.buffer.byteLength} bytes, ` +
            `expected at most ${valuesLeft}`,
        );
      }
      for (const group of metadata.row_groups) {
        const numRows = Number(group.num_rows);
        const mostValues = Math.min(MOST_VALUES, valuesLeft);
        const packed = { file: file.buffer, schema: metadata.schema, mostValues };
        valuesLeft -= await sound(path, () => checkGroup(group, columns, packed));
        const found = new Map<string, ArrayLike<unknown>[]>();
        await sound(path, () =>
          parquetRead({
            file: file.buffer,
            metadata,
            columns: [...columns],
            rowStart,
            rowEnd: rowStart + numRows,
            compressors: COMPRESSORS,
            onChunk({ columnName, columnData }) {
              found.set(columnName, [...(found.get(columnName) ?? []), columnData]);
            },
          }),
        );
        yield* rowsOf(found, numRows);
        rowStart += numRows;
      }
    },
    close: file.close,
  };
}

/** The file itself, read where it is asked for, or all of it where it comes packed or by a pipe. */
async function openFile(
  path: string,
  onBytes: OnBytes,
): Promise<{ buffer: AsyncBuffer; close: () => Promise<void> }> {
  if (path === STANDARD_INPUT || (await readHead(path)).packing !== undefined) {
    const bytes = await readWhole(path, onBytes);
    const slice = (start: number, end = bytes.length) =>
      copyOf(bytes.subarray(Math.max(0, start), Math.max(0, end)));
    return { buffer: { byteLength: bytes.length, slice }, close: () => Promise.resolve() };
  }
  const { file, size, close } = await openUnchanging(path);
  const slice = async (start: number, end = size) => {
    const from = Math.min(Math.max(0, start), size);
    const bytes = Buffer.alloc(Math.max(0, Math.min(end, size) - from));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    onBytes(bytesRead);
    return copyOf(bytes.subarray(0, bytesRead));
  };
  return { buffer: { byteLength: size, slice }, close };
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

/** Rows of columns that come in pieces, some at a time: objects take ten times as much memory. */
function* rowsOf(
  columns: ReadonlyMap<string, readonly ArrayLike<unknown>[]>,
  numRows: number,
): Generator<readonly ParquetRow[]> {
  const cells = [...columns].map(([name, pieces]) => ({ name, next: cellsOf(pieces) }));
  for (let row = 0; row < numRows; row += ROWS_AT_ONCE) {
    yield Array.from({ length: Math.min(ROWS_AT_ONCE, numRows - row) }, () => {
      const values: Record<string, unknown> = {};
      for (const { name, next } of cells) values[name] = next();
      return values;
    });
  }
}

/** Tells a column's values one after the other; undefined behind the last. */
function cellsOf(pieces: readonly ArrayLike<unknown>[]): () => unknown {
  let [piece, at] = [0, 0];
  return () => {
    while (piece < pieces.length && at === pieces[piece].length) [piece, at] = [piece + 1, 0];
    return pieces.at(piece)?.[at++];
  };
}

function topColumns({ schema }: FileMetaData): string[] {
  const found: string[] = [];
  for (let at = 1; at < schema.length; at = afterElement(schema, at)) found.push(schema[at].name);
  return found;
}

/**
 * Walks the pages of a row group and believes their sizes only as far as they are plausible, before any is unpacked.
 *
 * @param packed.mostValues Values that the row group may have: what others have not had, for pages may be told again and again.
 * @returns Values of the columns.
 * @throws Error that says what is not.
 */
async function checkGroup(
  { columns: chunks, num_rows: numRows }: FileMetaData["row_groups"][number],
  columns: readonly string[],
  {
    file,
    schema,
    mostValues,
  }: { readonly file: AsyncBuffer; readonly schema: FileMetaData["schema"]; readonly mostValues: number },
): Promise<number> {
  let numValues = 0;
  let mostInColumn = 0;
  for (const { meta_data: column } of chunks) {
    if (!column || !columns.includes(column.path_in_schema[0])) continue;
    const start = Number(column.dictionary_page_offset ?? column.data_page_offset);
    const bytes = await file.slice(start, start + Number(column.total_compressed_size));
    const reader = { view: new DataView(bytes), offset: 0 };
    const packing = {
      codec: column.codec,
      compressors: COMPRESSORS,
      isBoolean: column.type === "BOOLEAN",
      ...levelsOf(schema, column.path_in_schema),
    };
    let inColumn = 0;
    while (reader.offset < bytes.byteLength - 1) {
      const page = parquetHeader(reader);
      const { compressed_page_size: packed, uncompressed_page_size: unpacked } = page;
      const [few, perByte, mostBytes] = PLAUSIBLE_BYTES;
      const most = Math.min(mostBytes, Math.max(few, perByte * packed));
      if (
        !(packed >= 0 && packed <= bytes.byteLength - reader.offset) ||
        !(unpacked >= 0 && unpacked <= most)
      ) {
        throw new Error(`a page of ${packed} bytes that unpack to ${unpacked}`);
      }
      const pageBytes = new Uint8Array(bytes, reader.offset, packed);
      reader.offset += packed;
      const data = page.data_page_header ?? page.data_page_header_v2;
      const counts = [
        data?.num_values,
        page.dictionary_page_header?.num_values,
        page.data_page_header_v2?.num_nulls,
      ];
      for (const count of counts) {
        if (count !== undefined && !(count >= 0 && count <= mostValues))
          throw new Error(`a page of ${count} values`);
      }
      checkRuns(pageBytes, page, packing);
      inColumn += data?.num_values ?? 0;
    }
    numValues += inColumn;
    mostInColumn = Math.max(mostInColumn, inColumn);
  }
  if (numValues > mostValues) throw new Error(`a row group of ${numValues} values, more than ${mostValues}`);
  if (!(numRows >= 0 && numRows <= mostInColumn)) {
    throw new Error(`a row group of ${numRows} rows and ${mostInColumn} values`);
  }
  return numValues;
}

/** Says of what the library throws that the file is damaged. */
async function sound<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InputError) throw error;
    // The library trips over what damaged metadata lacks.
    const isTold = !(error instanceof TypeError || error instanceof RangeError);
    const message = isTold ? (error as Error).message : "metadata that contradict themselves";
    const codec = /compression codec: (\w+)/.exec(message)?.[1];
    throw new InputError(
      `${path}: found ${message}, expected a sound Parquet file`,
      codec === undefined
        ? "Maybe the file was cut off, or its row groups are too large: write it with row_group_size=100000."
        : 'Maybe write it with compression="zstd".',
    );
  }
}
