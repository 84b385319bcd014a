import { Decompress } from "fzstd";

const MAGIC = 0xfd2fb528;
/** Frames of these sixteen numbers hold nothing to unpack. */
const SKIPPABLE = 0x184d2a5;
const MOST_BLOCK_BYTES = 2 ** 17;
/** Windows that every decoder is asked to have. Source: RFC 8878, 3.1.1.1.2. */
const MOST_WINDOW_BYTES = 2 ** 23;

/** Whether bytes begin like a file of zstd. */
export function isZstd(bytes: Buffer): boolean {
  if (bytes.length < 4) return false;
  const magic = bytes.readUInt32LE();
  return magic === MAGIC || magic >>> 4 === SKIPPABLE;
}

/**
 * Unpacks zstd block by block. The end of a file that was cut off is simply missing.
 *
 * The frames are walked here, and no block is handed on before its size and the window it asks for were found plausible:
 * headers of a few bytes declare gigabytes.
 *
 * Source: RFC 8878, Zstandard Compression.
 *
 * @throws Error that says what is damaged.
 */
export async function* unpackZstd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let packed: Buffer = Buffer.alloc(0);
  let unpacked: Buffer[] = [];
  let frame: { decompress: Decompress; header: Buffer; trailer: number } | undefined;
  let toSkip = 0;
  for await (const chunk of chunks) {
    packed = packed.length === 0 ? chunk : Buffer.concat([packed, chunk]);
    for (;;) {
      const skipped = Math.min(toSkip, packed.length);
      toSkip -= skipped;
      packed = packed.subarray(skipped);
      if (!frame) {
        const header = toSkip > 0 ? undefined : headerOf(packed);
        if (!header) break;
        if (header.isSkippable) {
          toSkip = header.length;
          continue;
        }
        const decompress = new Decompress((data) => {
          unpacked.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
        });
        frame = { decompress, header: packed.subarray(0, header.length), trailer: header.trailer };
        packed = packed.subarray(header.length);
      }
      const block = blockOf(packed);
      if (!block) break;
      // The checksum is not checked, but something has to stand for it.
      const trailer = Buffer.alloc(block.isLast ? frame.trailer : 0);
      const data = Buffer.concat([frame.header, packed.subarray(0, block.length), trailer]);
      frame.decompress.push(data, block.isLast);
      frame.header = Buffer.alloc(0);
      packed = packed.subarray(block.length);
      yield* unpacked;
      unpacked = [];
      if (!block.isLast) continue;
      toSkip = frame.trailer;
      frame = undefined;
    }
  }
}

interface FrameHeader {
  readonly isSkippable: boolean;
  /** Bytes of the header, or of all of a skippable frame. */
  readonly length: number;
  /** Bytes behind the last block. */
  readonly trailer: number;
}

/** The header of the next frame; undefined as long as not all of it is there. */
function headerOf(bytes: Buffer): FrameHeader | undefined {
  if (bytes.length < 8) return undefined;
  const magic = bytes.readUInt32LE();
  if (magic >>> 4 === SKIPPABLE) {
    return { isSkippable: true, length: 8 + bytes.readUInt32LE(4), trailer: 0 };
  }
  if (magic !== MAGIC) throw new Error("no frame where one was to begin");
  const flags = bytes[4];
  const isSingle = (flags & 32) !== 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6];
  const sizeAt = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][flags & 3];
  const length = sizeAt + sizeBytes;
  if (bytes.length < length) return undefined;
  if ((flags & 3) !== 0) throw new Error("a dictionary that is not in the file");
  const exponent = 10 + (bytes[5] >> 3);
  const windowBytes = isSingle
    ? sizeOf(bytes.subarray(sizeAt, length))
    : 2 ** exponent + 2 ** (exponent - 3) * (bytes[5] & 7);
  if (windowBytes > MOST_WINDOW_BYTES) {
    throw new Error(`a window of ${windowBytes} bytes, expected at most ${MOST_WINDOW_BYTES}`);
  }
  return { isSkippable: false, length, trailer: (flags & 4) === 0 ? 0 : 4 };
}

/** The number of bytes that a frame unpacks to; two bytes count from 256. */
function sizeOf(bytes: Buffer): number {
  const size = bytes.reduceRight((sum, byte) => 256 * sum + byte, 0);
  return bytes.length === 2 ? size + 256 : size;
}

/** The next block, its header included; undefined as long as not all of it is there. */
function blockOf(bytes: Buffer): { length: number; isLast: boolean } | undefined {
  if (bytes.length < 3) return undefined;
  const header = bytes.readUIntLE(0, 3);
  const type = (header >> 1) & 3;
  const size = header >> 3;
  if (size > MOST_BLOCK_BYTES) throw new Error(`a block of ${size} bytes`);
  const length = 3 + (type === 1 ? 1 : size);
  return bytes.length < length ? undefined : { length, isLast: (header & 1) === 1 };
}
