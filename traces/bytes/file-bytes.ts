import { constants as bufferConstants } from "node:buffer";
import { open, readdir, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { constants, createGunzip } from "node:zlib";
import { InputError } from "../../lib/errors.js";
import { checkLineLength, checkUnpacked, type UnpackedUse } from "../../lib/plausible-size.js";

/** What a file begins with, gunzipped: enough to tell its format by. */
export interface FileHead {
  readonly path: string;
  readonly bytes: Buffer;
  /** The bytes as text, one character a byte, without a byte order mark. */
  readonly text: string;
}

/** Told how many bytes of a file, as it lies on the disk, have been read. */
export type OnBytes = (bytes: number) => void;

const HEAD_BYTES = 65536;
const CHUNK_BYTES = 1 << 20;
/** The system reads no more at a time. */
const MAX_READ_BYTES = 1 << 30;
const GZIP_MAGIC = 0x1f8b;
/** Of UTF-8, which some editors write. */
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/**
 * Lists the files that a path stands for: itself, or everything directly in the folder, numbers in names in order.
 *
 * @throws InputError if there is no such file.
 */
export async function listFiles(path: string): Promise<string[]> {
  const found = await orMissing(path, stat(path));
  if (found.isFile()) return [path];
  if (!found.isDirectory()) {
    // Its beginning is read twice: to tell the format, and for what it holds.
    throw new InputError(`${path}: found a pipe or a device, expected a file`);
  }
  const entries = await readdir(path, { withFileTypes: true });
  const order = new Intl.Collator("en", { numeric: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort((one, other) => order.compare(one, other) || (one < other ? -1 : 1))
    .map((name) => join(path, name));
}

/** Reads what a file begins with. */
export async function readHead(path: string): Promise<FileHead> {
  const source = await openSource(path);
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    const length = await fill(source, bytes);
    const hasMark = bytes.subarray(0, 3).equals(BYTE_ORDER_MARK);
    const text = bytes.toString("latin1", hasMark ? 3 : 0, length);
    return { path, bytes: bytes.subarray(0, length), text };
  } finally {
    await source.close();
  }
}

/**
 * Streams a file, gunzipped where its content is gzip. The end of a cut-off gzip file is simply missing.
 *
 * @throws InputError if there is no such file or its compression is broken.
 */
export async function* readBytes(path: string, onBytes?: OnBytes): AsyncGenerator<Buffer> {
  const source = await openSource(path, onBytes);
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
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
 */
export async function* readBlocks(
  path: string,
  cut: (bytes: Buffer) => number,
  onBytes?: OnBytes,
): AsyncGenerator<Buffer> {
  const source = await openSource(path, onBytes);
  try {
    let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let start = 0;
    let end = 0;
    for (;;) {
      const length = start < end ? cut(buffer.subarray(start, end)) : 0;
      if (length > 0) {
        yield buffer.subarray(start, start + length);
        start += length;
        continue;
      }
      checkLineLength(path, end - start);
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
  const source = await openSource(path, onBytes, use);
  try {
    // One byte more than the file has, to see its end without growing.
    let bytes = allocate(path, (await stat(path)).size + 1);
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
  const bytes = await readWhole(path, onBytes, "document");
  if (bytes.length > bufferConstants.MAX_STRING_LENGTH) throw tooLarge(path, bytes.length);
  return bytes.toString("utf8").replace(/^\uFEFF/, "");
}

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

/** Where bytes come from, one after the other. */
interface Source {
  /** Reads some bytes and says how many; 0 at the end. */
  read(into: Buffer): Promise<number>;
  close(): Promise<void>;
}

async function openSource(
  path: string,
  onBytes: OnBytes = () => undefined,
  use: UnpackedUse = "streamed",
): Promise<Source> {
  const file = await orMissing(path, open(path));
  const start = Buffer.alloc(2);
  const { bytesRead } = await orMissing(path, file.read(start, 0, 2, 0));
  if (bytesRead < 2 || start.readUInt16BE() !== GZIP_MAGIC) return openPlain(path, file, onBytes);
  const { size } = await orMissing(path, file.stat());
  return openGzip(path, file, {
    onBytes,
    onUnpacked: (unpacked) => {
      checkUnpacked(path, { packed: size, unpacked }, use);
    },
  });
}

function openPlain(path: string, file: FileHandle, onBytes: OnBytes): Source {
  let position = 0;
  return {
    async read(into) {
      const length = Math.min(into.length, MAX_READ_BYTES);
      const { bytesRead } = await orMissing(path, file.read(into, 0, length, position));
      position += bytesRead;
      if (bytesRead > 0) onBytes(bytesRead);
      return bytesRead;
    },
    close: () => file.close(),
  };
}

function openGzip(
  path: string,
  handle: FileHandle,
  { onBytes, onUnpacked }: { onBytes: OnBytes; onUnpacked: OnBytes },
): Source {
  const file = handle.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES });
  // Z_SYNC_FLUSH: what a truncated file still holds is worth having.
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
  file.on("error", (error) => gunzip.destroy(error));
  file.on("data", (chunk) => {
    onBytes(chunk.length);
  });
  file.pipe(gunzip);
  const chunks = readChunks(gunzip);
  let chunk: Buffer = Buffer.alloc(0);
  let unpacked = 0;
  return {
    async read(into) {
      try {
        while (chunk.length === 0) {
          const next = await chunks.next();
          if (next.done === true) return 0;
          chunk = next.value;
          unpacked += chunk.length;
        }
      } catch (error) {
        throw new InputError(`${path}: found ${(error as Error).message}, expected a whole gzip file`);
      }
      onUnpacked(unpacked);
      const length = chunk.copy(into);
      chunk = chunk.subarray(length);
      return length;
    },
    async close() {
      gunzip.destroy();
      file.destroy();
      await handle.close();
    },
  };
}

async function* readChunks(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  yield* stream;
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

async function orMissing<T>(path: string, opened: Promise<T>): Promise<T> {
  try {
    return await opened;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = code === "ENOENT" ? "no such file" : (error as Error).message;
    throw new InputError(`${path}: found ${found}, expected a trace`);
  }
}
