import { Gunzip } from "fflate";

/** Unpacks gzip, several members one after the other too. What a truncated file still holds is worth having. */
export async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let unpacked: Uint8Array[] = [];
  const unzip = new Gunzip((bytes) => unpacked.push(bytes));
  for await (const chunk of packed) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      unzip.push(chunk.subarray(at, at + PIECE_BYTES));
      for (const bytes of unpacked) {
        yield Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
      }
      unpacked = [];
    }
  }
}

const PIECE_BYTES = 1 << 18;
