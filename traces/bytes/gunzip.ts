import { Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";

/**
 * Unpacks gzip, several members one after the other too. What a truncated file still holds is worth having.
 *
 * @param pieceBytes Length of the pieces that come out.
 */
export async function* gunzip(
  packed: AsyncIterable<Buffer>,
  pieceBytes: number,
): AsyncGenerator<Buffer, undefined> {
  const unzip = createGunzip({ chunkSize: pieceBytes, finishFlush: constants.Z_SYNC_FLUSH });
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
