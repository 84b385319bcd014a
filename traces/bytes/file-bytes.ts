import { constants as bufferConstants } from "node:buffer";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../lib/errors.js";
import { checkLineLength, checkMade, type UnpackedUse } from "../../lib/plausible-size.js";
import {
  CHUNK_BYTES,
  HEAD_BYTES,
  openSource,
  orMissing,
  type OnBytes,
  type Packing,
  type Source,
} from "./source.js";
import { STANDARD_INPUT } from "./standard-input.js";

export type { OnBytes } from "./source.js";

/** What a file begins with, unpacked: enough to tell its format by. */
export interface FileHead {
  readonly path: string;
  readonly bytes: Buffer;
  /** How the file was packed. */
  readonly packing?: Packing | undefined;
  /** The bytes as text, one character a byte, without a byte order mark. */
  readonly text: string;
}

/** Of UTF-8, which some editors write. */
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/**
 * Lists the files that a path stands for: itself, or everything directly in the folder, numbers in names in order.
 *
 * @throws InputError if there is no such file.
 */
export async function listFiles(path: string): Promise<string[]> {
  if (path === STANDARD_INPUT) return [path];
  const found = await orMissing(path, stat(path));
  if (found.isFile()) return [path];
  if (!found.isDirectory()) {
    // Its beginning is read twice: to tell the format, and for what it holds.
    throw new InputError(
      `${path}: found a pipe or a device, expected a file`,
      "Maybe pass it as standard input, which is called -.",
    );
  }
  const entries = await readdir(path, { withFileTypes: true });
  const order = new Intl.Collator("en", { numeric: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort((a, b) => order.compare(a, b) || (a < b ? -1 : 1))
    .map((name) => join(path, name));
}

/** Reads what a file begins with. */
export async function readHead(path: string): Promise<FileHead> {
  const source = await openSource(path, { isHead: true });
  try {
    const bytes = Buffer.alloc(Math.min(HEAD_BYTES, source.pieceBytes));
    const length = await fill(source, bytes);
    const hasMark = bytes.subarray(0, 3).equals(BYTE_ORDER_MARK);
    const text = bytes.toString("latin1", hasMark ? 3 : 0, length);
    return { path, bytes: bytes.subarray(0, length), text, packing: source.packing };
  } finally {
    await source.close();
  }
}

/**
 * Streams a file, unpacked where its content is gzip or zstd. The end of what was cut off is simply missing.
 *
 * @throws InputError if there is no such file or its compression is broken.
 */
export async function* readBytes(path: string, onBytes?: OnBytes): AsyncGenerator<Buffer> {
  const source = await openSource(path, { onBytes });
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(source.pieceBytes);
      const length = await source.read(chunk);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } finally {
    await source.close();
  }
}

/**
 * Streams a file as {@link readBytes} does, in blocks of whole lines, rows or whatever `cut` makes of them.
 *
 * Memory is used over and over: a block is valid until the next one is asked for. Only the last one may end with a
 * piece of something.
 *
 * @param cut How many of the bytes make up the next block; 0 asks for more of them.
 * @param options.mostBytes Longest block. Default as long as lines may be.
 */
export async function* readBlocks(
  path: string,
  cut: (bytes: Buffer) => number,
  { onBytes, mostBytes }: { onBytes?: OnBytes | undefined; mostBytes?: number } = {},
): AsyncGenerator<Buffer> {
  const source = await openSource(path, { onBytes });
  try {
    let buffer = Buffer.allocUnsafeSlow(source.pieceBytes);
    let start = 0;
    let end = 0;
    for (;;) {
      const length = start < end ? cut(buffer.subarray(start, end)) : 0;
      if (length > 0) {
        yield buffer.subarray(start, start + length);
        start += length;
        continue;
      }
      checkLineLength(path, end - start, mostBytes);
      // What is not whole yet moves to the front, and what comes next is read behind it.
      const roomier = end - start > buffer.length / 2 ? Buffer.allocUnsafeSlow(2 * buffer.length) : buffer;
      buffer.copy(roomier, 0, start, end);
      buffer = roomier;
      end -= start;
      start = 0;
      const numRead = await source.read(buffer.subarray(end));
      if (numRead === 0) break;
      end += numRead;
    }
    if (end > 0) yield buffer.subarray(0, end);
  } finally {
    await source.close();
  }
}

/**
 * Reads a file to its end, for formats that cannot be streamed.
 *
 * @param use What the bytes are, which decides how many of them may be packed into how few.
 * @throws InputError as {@link readBytes} does, or if the file is too large to be in memory at once.
 */
export async function readWhole(
  path: string,
  onBytes?: OnBytes,
  use: UnpackedUse = "array",
): Promise<Buffer> {
  const source = await openSource(path, { onBytes, use });
  try {
    // One byte more than the file has, to see its end without growing.
    let bytes = allocate(path, path === STANDARD_INPUT ? CHUNK_BYTES : (await stat(path)).size + 1);
    let length = 0;
    for (;;) {
      length += await fill(source, bytes.subarray(length));
      if (length < bytes.length) return bytes.subarray(0, length);
      const larger = allocate(path, 2 * bytes.length);
      bytes.copy(larger);
      bytes = larger;
    }
  } finally {
    await source.close();
  }
}

/**
 * Reads a file of text to its end, for formats that cannot be streamed. A byte order mark is left out.
 *
 * @throws InputError as {@link readWhole} does, or if the text is longer than a string can be.
 */
export async function readText(path: string, onBytes?: OnBytes): Promise<string> {
  let packed = 0;
  const count: OnBytes = (numBytes) => {
    packed += numBytes;
    onBytes?.(numBytes);
  };
  const bytes = await readWhole(path, count, "document");
  if (bytes.length > packed) checkMade(path, { packed, ...countValues(bytes) });
  if (bytes.length > bufferConstants.MAX_STRING_LENGTH) throw tooLarge(path, bytes.length);
  return bytes.toString("utf8").replace(/^\uFEFF/, "");
}

/** Lists and objects of JSON, and values by the commas between them. */
function countValues(bytes: Buffer): { lists: number; values: number } {
  let lists = 0;
  let values = 0;
  for (const byte of bytes) {
    if (byte === COMMA) values++;
    else if (byte === LIST || byte === OBJECT) lists++;
  }
  return { lists, values };
}

const [COMMA, LIST, OBJECT] = Buffer.from(",[{");

/**
 * Reads a file of JSON to its end.
 *
 * @throws InputError as {@link readText} does, or if the text is not JSON.
 */
export async function readJson(path: string, onBytes?: OnBytes): Promise<unknown> {
  const text = await readText(path, onBytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: found ${(error as Error).message}, expected JSON`);
  }
}

/** Reads until the buffer is full or there is no more. */
async function fill(source: Source, buffer: Buffer): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const numRead = await source.read(buffer.subarray(length));
    if (numRead === 0) break;
    length += numRead;
  }
  return length;
}

function allocate(path: string, length: number): Buffer {
  if (length <= bufferConstants.MAX_LENGTH) return Buffer.allocUnsafeSlow(length);
  throw tooLarge(path, length);
}

function tooLarge(path: string, length: number): InputError {
  return new InputError(
    `${path}: found ${length} bytes, expected fewer in a format that is read at once`,
    "Maybe split it; the files of a folder are read as one trace.",
  );
}
