import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import promises, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { Readable } from "node:stream";

/**
 * Lets this process open and read files at once, rather than in threads: of a small file in memory, most of the time went by
 * with waking them. The files, and the code that reads them, are the same.
 */
export function openDirectly(): void {
  Object.assign(promises, {
    open: (path: string, flags?: string) => now(() => openHandle(path, flags)),
    stat: (path: string) => now(() => statSync(path)),
    readdir: (path: string, options: { withFileTypes: true }) => now(() => readdirSync(path, options)),
    readFile: (path: string, encoding: BufferEncoding) => now(() => readFileSync(path, encoding)),
  });
  syncBuiltinESMExports();
}

/** As much of a handle as readers use. */
function openHandle(
  path: string,
  flags: string | undefined,
): Pick<FileHandle, "fd" | "stat" | "read" | "close" | "createReadStream"> {
  const fd = openSync(path, flags ?? "r");
  const read = (into: Buffer, offset: number, length: number, position: number | null) =>
    now(() => ({ bytesRead: readSync(fd, into, offset, length, position), buffer: into }));
  const handle = {
    fd,
    stat: () => now(() => fstatSync(fd)),
    read,
    close: () =>
      now(() => {
        closeSync(fd);
      }),
    createReadStream({ highWaterMark = 65536 }: { highWaterMark?: number } = {}) {
      return Readable.from(pieces(fd, highWaterMark));
    },
  };
  return handle as unknown as FileHandle;
}

function* pieces(fd: number, numBytes: number): Generator<Buffer, undefined> {
  for (let position = 0; ;) {
    const piece = Buffer.allocUnsafe(numBytes);
    const length = readSync(fd, piece, 0, numBytes, position);
    if (length === 0) return;
    position += length;
    yield piece.subarray(0, length);
  }
}

/** What a function gives or throws, as what is waited for. */
function now<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
