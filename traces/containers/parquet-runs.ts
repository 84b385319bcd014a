import { snappyUncompress } from "hyparquet";
import type { Compressors, PageHeader, SchemaElement } from "hyparquet";

/** A column as its pages are packed. */
export interface PackedColumn {
  readonly codec: string;
  readonly compressors: Compressors;
  readonly isBoolean: boolean;
  /** Largest level of repetition: lists around a value. */
  readonly mostRepeated: number;
  /** Largest level of definition: optional or repeated elements around a value, itself included. */
  readonly mostDefined: number;
}

/** The largest levels of a column: the elements of its path that repeat, and those that may be absent. */
export function levelsOf(
  schema: readonly SchemaElement[],
  path: readonly string[],
): Pick<PackedColumn, "mostRepeated" | "mostDefined"> {
  const onPath = elementsOnPath(schema, path);
  return {
    mostRepeated: onPath.filter(({ repetition_type: type }) => type === "REPEATED").length,
    mostDefined: onPath.filter(({ repetition_type: type }) => type !== "REQUIRED").length,
  };
}

/** Where the schema goes on after an element and all that is in it. */
export function afterElement(schema: readonly SchemaElement[], at: number): number {
  let next = at + 1;
  for (let child = 0; child < (schema[at].num_children ?? 0) && next < schema.length; child++)
    next = afterElement(schema, next);
  return next;
}

/**
 * Walks the runs of a data page's levels and dictionary entries, which unpacking believes: a run of four bytes may claim
 * to repeat a value 2^27 times.
 *
 * @throws Error that says what claims more values than the page has.
 */
export function checkRuns(packed: Uint8Array, header: PageHeader, column: PackedColumn): void {
  const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: unpackedSize } = header;
  const levels = [column.mostRepeated, column.mostDefined].map((most) => 32 - Math.clz32(most));
  if (v1) {
    const page = unpack(packed, unpackedSize, column);
    let at = 0;
    for (const width of levels) if (width > 0) at = walkSized(page, at, { width, numValues: v1.num_values });
    walkEntries(page.subarray(at), { ...v1, isBoolean: column.isBoolean });
  } else if (v2) {
    const { repetition_levels_byte_length: repeated, definition_levels_byte_length: defined } = v2;
    const ends = [repeated, repeated + defined];
    levels.forEach((width, index) => {
      const run = packed.subarray(index === 0 ? 0 : repeated, ends[index]);
      if (width > 0) walk(run, { width, numValues: v2.num_values });
    });
    const rest = packed.subarray(repeated + defined);
    const restSize = unpackedSize - repeated - defined;
    const isPacked = v2.is_compressed !== false && restSize > 0;
    walkEntries(isPacked ? unpack(rest, restSize, column) : rest, { ...v2, isBoolean: column.isBoolean });
  }
}

function elementsOnPath(schema: readonly SchemaElement[], path: readonly string[]): SchemaElement[] {
  let at = 0;
  return path.map((name) => {
    const numChildren = schema[at].num_children ?? 0;
    let next = at + 1;
    for (let child = 0; child < numChildren && next < schema.length; child++) {
      if (schema[next].name === name) break;
      next = afterElement(schema, next);
    }
    if (schema[next]?.name !== name) throw new Error(`a column ${name} that the schema lacks`);
    at = next;
    return schema[at];
  });
}

function unpack(packed: Uint8Array, size: number, { codec, compressors }: PackedColumn): Uint8Array {
  if (codec === "UNCOMPRESSED") return packed;
  const page = new Uint8Array(size);
  if (codec !== "SNAPPY") return compressors[codec as keyof Compressors]?.(packed, size) ?? page;
  snappyUncompress(packed, page);
  return page;
}

/** Walks runs that begin with their size of four bytes. @returns where what follows begins */
function walkSized(page: Uint8Array, at: number, runs: { width: number; numValues: number }): number {
  if (at + 4 > page.length) throw new Error("levels that end early");
  const size = new DataView(page.buffer, page.byteOffset + at).getUint32(0, true);
  if (size > page.length - at - 4) throw new Error(`levels of ${size} bytes in a page of ${page.length}`);
  walk(page.subarray(at + 4), runs);
  return at + 4 + size;
}

function walkEntries(
  values: Uint8Array,
  page: { encoding: string; num_values: number; isBoolean: boolean },
): void {
  const { encoding, num_values: numValues, isBoolean } = page;
  if (encoding === "RLE" && isBoolean) walkSized(values, 0, { width: 1, numValues });
  else if (encoding.endsWith("_DICTIONARY") && values.length > 0)
    walk(values.subarray(1), { width: values[0], numValues });
}

/** Walks runs until they have given all values or the bytes end. */
function walk(bytes: Uint8Array, { width, numValues }: { width: number; numValues: number }): void {
  let seen = 0;
  let at = 0;
  while (seen < numValues && at < bytes.length) {
    let head = 0;
    for (let shift = 0; at < bytes.length; shift += 7) {
      const byte = bytes[at++];
      head += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    const isBitPacked = head % 2 === 1;
    const count = Math.floor(head / 2) * (isBitPacked ? 8 : 1);
    // The last group of bit-packed values may be padded.
    if (count >= numValues - seen + 8) {
      throw new Error(`a run of ${count} values where ${numValues - seen} are left`);
    }
    at += isBitPacked ? (count / 8) * width : Math.ceil(width / 8);
    seen += count;
  }
}
