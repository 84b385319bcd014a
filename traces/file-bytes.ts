import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { constants, createGunzip } from "node:zlib";
import { InputError } from "../lib/errors.js";

/** What a file begins with, gunzipped: enough to tell its format by. */
export interface FileHead {
  readonly path: string;
  readonly bytes: Buffer;
  /** The bytes as text, one character a byte. */
  readonly text: string;
}

/** Told how many bytes of a file, as it lies on the disk, have been read. */
export type OnBytes = (bytes: number) => void;

const HEAD_BYTES = 65536;
const CHUNK_BYTES = 1 << 20;

/**
 * Lists the files that a path stands for: itself, or everything directly in the folder, numbers in names in order.
 *
 * @throws InputError if there is no such file.
 */
export async function listFiles(path: string): Promise<string[]> {
  const found = await orMissing(path, stat(path));
  if (!found.isDirectory()) return [path];
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
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of readBytes(path)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= HEAD_BYTES) break;
  }
  const bytes = Buffer.concat(chunks).subarray(0, HEAD_BYTES);
  return { path, bytes, text: bytes.toString("latin1") };
}

/**
 * Streams a file, gunzipped where its content is gzip. The end of a cut-off gzip file is simply missing.
 *
 * @throws InputError if there is no such file or its compression is broken.
 */
export async function* readBytes(path: string, onBytes: OnBytes = () => undefined): AsyncGenerator<Buffer> {
  const isGzip = await startsLikeGzip(path);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  if (!isGzip) {
    for await (const chunk of file as AsyncIterable<Buffer>) {
      onBytes(chunk.length);
      yield chunk;
    }
    return;
  }
  // Z_SYNC_FLUSH: what a truncated file still holds is worth having.
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
  file.on("error", (error) => gunzip.destroy(error));
  file.on("data", (chunk) => {
    onBytes(chunk.length);
  });
  file.pipe(gunzip);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    throw new InputError(`${path}: found ${(error as Error).message}, expected a whole gzip file`);
  } finally {
    file.destroy();
  }
}

/** Reads a file to its end, for formats that cannot be streamed. */
export async function readWhole(path: string, onBytes?: OnBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readBytes(path, onBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function startsLikeGzip(path: string): Promise<boolean> {
  const file = await orMissing(path, open(path));
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
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
