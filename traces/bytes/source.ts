import { open, stat, type FileHandle } from "node:fs/promises";
import { InputError } from "../../lib/errors.js";
import { checkUnpacked, type UnpackedUse } from "../../lib/plausible-size.js";
import { gunzip } from "./gunzip.js";
import { openStandardInput, STANDARD_INPUT } from "./standard-input.js";
import { decodeUtf16, isUtf16 } from "./utf16.js";
import { isZstd, unpackZstd } from "./zstd.js";

/** Told how many bytes of a file, as it lies on the disk, have been read. */
export type OnBytes = (bytes: number) => void;

/** How a file as a whole may be packed, or its text written. */
export type Packing = "gzip" | "zstd" | "UTF-16";

/** Where bytes come from, one after the other, unpacked. */
export interface Source {
  readonly packing: Packing | undefined;
  /** Bytes to make room for: all of a short file, because room that is made and not used takes time too. */
  readonly pieceBytes: number;
  /** Reads some bytes and says how many; 0 at the end. */
  read(into: Buffer): Promise<number>;
  close(): Promise<void>;
}

/** Options of {@link openSource}. */
export interface SourceOptions {
  readonly onBytes?: OnBytes | undefined;
  /** What the bytes are for, which decides how many of them may be packed into how few. Default streamed. */
  readonly use?: UnpackedUse;
  /** Whether no more than the beginning is wanted, and all of standard input has to be there afterwards. */
  readonly isHead?: boolean;
}

/** Bytes read at a time. */
export const CHUNK_BYTES = 1 << 20;
/** Bytes of a beginning that formats are told by. */
export const HEAD_BYTES = 1 << 16;
const LEAST_BYTES = 1 << 12;
/** What most files unpack to at most, for every byte of them. */
const UNPACKED_RATIO = 32;
/** The system reads no more at a time. */
const MAX_READ_BYTES = 1 << 30;
const GZIP_MAGIC = 0x1f8b;
const MAGIC_BYTES = 4;

/**
 * Opens a file, or standard input, and unpacks it where its content is gzip, zstd or UTF-16, which becomes UTF-8.
 *
 * @throws InputError if there is no such file; reading does if what it was packed with is broken, closing if the file has
 *   changed since.
 */
export async function openSource(path: string, options: SourceOptions = {}): Promise<Source> {
  const { onBytes = () => undefined, use = "streamed" } = options;
  if (path === STANDARD_INPUT) return openStandard(options);
  const { file, size, close } = await openUnchanging(path);
  const start = Buffer.alloc(MAGIC_BYTES);
  const { bytesRead } = await orMissing(path, file.read(start, 0, MAGIC_BYTES, 0));
  const packing = packingOf(start.subarray(0, bytesRead));
  if (packing === undefined)
    return { ...openPlain(path, file, onBytes), pieceBytes: pieceOf(size), close: () => close() };
  const stream = file.createReadStream({ start: 0, highWaterMark: pieceOf(size), autoClose: false });
  const packed = counting(stream as AsyncIterable<Buffer>, onBytes);
  return openUnpacked(
    path,
    { packing, packed, pieceBytes: pieceOf(Math.max(HEAD_BYTES, UNPACKED_RATIO * size)) },
    (unpacked) => {
      checkUnpacked(path, { packed: size, unpacked }, use);
    },
    () => close(() => stream.destroy()),
  );
}

function pieceOf(numBytes: number): number {
  // One byte more, to see the end of a file.
  return Math.min(CHUNK_BYTES, Math.max(LEAST_BYTES, numBytes + 1));
}

/** A file that is to stay as it is for as long as it is read. */
export interface UnchangingFile {
  readonly file: FileHandle;
  readonly size: number;
  /**
   * @param stop Stops who still reads, once the file has been looked at: a stream that is stopped closes its file.
   * @throws InputError if the file has changed.
   */
  readonly close: (stop?: () => void) => Promise<void>;
}

/** @throws InputError if there is no such file. */
export async function openUnchanging(path: string): Promise<UnchangingFile> {
  const file = await orMissing(path, open(path));
  const before = await orMissing(path, file.stat());
  return {
    file,
    size: before.size,
    close: async (stop = () => undefined) => {
      // Newer versions of Node close the file with the end of a stream, whatever it was told of closing.
      const after = await (file.fd === -1 ? orMissing(path, stat(path)) : file.stat());
      stop();
      await file.close();
      if (before.isFile() && (after.size !== before.size || after.mtimeMs !== before.mtimeMs)) {
        throw new InputError(
          `${path}: found a file that changed while it was read, expected it to stay as it is`,
          "Maybe it is still being recorded; read it when it is whole.",
        );
      }
    },
  };
}

/** Standard input, whose size nobody knows: what was read of it so far is what it may have unpacked from. */
async function openStandard({
  onBytes = () => undefined,
  use = "streamed",
  isHead = false,
}: SourceOptions): Promise<Source> {
  const standard = openStandardInput();
  const start = await standard.peek();
  const packing = packingOf(start);
  let numPacked = 0;
  const chunks = isHead ? ofOne(start) : standard.read();
  const packed = counting(chunks, (bytes) => {
    numPacked += bytes;
    onBytes(bytes);
  });
  return openUnpacked(STANDARD_INPUT, { packing, packed, pieceBytes: CHUNK_BYTES }, (unpacked) => {
    if (packing !== undefined) checkUnpacked(STANDARD_INPUT, { packed: numPacked, unpacked }, use);
  });
}

function packingOf(start: Buffer): Packing | undefined {
  if (start.length >= 2 && start.readUInt16BE() === GZIP_MAGIC) return "gzip";
  if (isUtf16(start)) return "UTF-16";
  return isZstd(start) ? "zstd" : undefined;
}

function openPlain(path: string, file: FileHandle, onBytes: OnBytes): Pick<Source, "packing" | "read"> {
  let position = 0;
  return {
    packing: undefined,
    async read(into) {
      const length = Math.min(into.length, MAX_READ_BYTES);
      const { bytesRead } = await orMissing(path, file.read(into, 0, length, position));
      position += bytesRead;
      if (bytesRead > 0) onBytes(bytesRead);
      return bytesRead;
    },
  };
}

/** @param onUnpacked Told after every piece how many bytes there have been. */
function openUnpacked(
  path: string,
  { packing, packed, pieceBytes }: Pick<Source, "packing" | "pieceBytes"> & { packed: AsyncIterable<Buffer> },
  onUnpacked: OnBytes,
  close: () => Promise<void> = () => Promise.resolve(),
): Source {
  const chunks = unpack(packing, packed, pieceBytes);
  let chunk: Buffer = Buffer.alloc(0);
  let unpacked = 0;
  return {
    packing,
    pieceBytes,
    async read(into) {
      try {
        while (chunk.length === 0) {
          const next = await chunks.next();
          if (next.done === true) return 0;
          chunk = next.value;
          unpacked += chunk.length;
        }
      } catch (error) {
        if (error instanceof InputError || packing === undefined) throw error;
        throw new InputError(
          `${path}: found ${(error as Error).message}, expected a whole ${packing} file`,
          packing === "zstd" ? "Maybe unpack it first: zstd -d --long=31 FILE." : undefined,
        );
      }
      onUnpacked(unpacked);
      const length = chunk.copy(into);
      chunk = chunk.subarray(length);
      return length;
    },
    async close() {
      await chunks.return(undefined);
      await close();
    },
  };
}

function unpack(
  packing: Packing | undefined,
  packed: AsyncIterable<Buffer>,
  pieceBytes: number,
): AsyncGenerator<Buffer, undefined> {
  if (packing === "gzip") return gunzip(packed, pieceBytes);
  if (packing === "UTF-16") return decodeUtf16(packed);
  return packing === "zstd" ? unpackZstd(packed) : asGenerator(packed);
}

async function* asGenerator(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  yield* chunks;
}

async function* ofOne(chunk: Buffer): AsyncGenerator<Buffer, undefined> {
  yield await Promise.resolve(chunk);
}

async function* counting(chunks: AsyncIterable<Buffer>, onBytes: OnBytes): AsyncGenerator<Buffer, undefined> {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** Does something with a file that the user named, which may not be there. */
export async function orMissing<T>(path: string, opened: Promise<T>): Promise<T> {
  try {
    return await opened;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = code === "ENOENT" ? "no such file" : (error as Error).message;
    throw new InputError(`${path}: found ${found}, expected a trace`);
  }
}
