/** The files that were dropped on the page, in the place of node:fs/promises; a path without a slash is one of them. */
const files = new Map<string, Uint8Array>();

/** Forgets the files there were, and keeps these. */
export function setFiles(dropped: readonly { readonly name: string; readonly bytes: Uint8Array }[]): void {
  files.clear();
  for (const { name, bytes } of dropped) files.set(name, bytes);
}

export async function open(path: string) {
  const bytes = await bytesOf(path);
  return {
    read(into: Uint8Array, offset: number, length: number, position: number) {
      const part = bytes.subarray(position, position + Math.min(length, into.length - offset));
      into.set(part, offset);
      return Promise.resolve({ bytesRead: part.length });
    },
    stat: () => stat(path),
    close: () => Promise.resolve(),
    createReadStream: () => ({
      async *[Symbol.asyncIterator]() {
        yield await Promise.resolve(Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length));
      },
      destroy: () => undefined,
    }),
  };
}

export async function stat(path: string) {
  const { length } = await bytesOf(path);
  return { size: length, mtimeMs: 0, isFile: () => true, isDirectory: () => false };
}

export async function readFile(path: string): Promise<string> {
  return new TextDecoder().decode(await bytesOf(path));
}

/** Folders are dropped as their files. */
export function readdir(): Promise<never[]> {
  return Promise.resolve([]);
}

function bytesOf(path: string): Promise<Uint8Array> {
  const bytes = files.get(path);
  return bytes ? Promise.resolve(bytes) : Promise.reject(Object.assign(new Error(path), { code: "ENOENT" }));
}
