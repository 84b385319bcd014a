import { Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";

const CHUNK_BYTES = 1 << 20;

/** Unpacks gzip, several members one after the other too. What a truncated file still holds is worth having. */
export async function* gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  const unzip = createGunzip({ chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
  const input = Readable.from(packed);
  input.on("error", (error) => unzip.destroy(error));
  input.pipe(unzip);
  try {
    yield* unzip as AsyncIterable<Buffer>;
  } finally {
    unzip.destroy();
    input.destroy();
  }
}
