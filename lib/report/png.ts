import { zlibSync } from "fflate";

const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);

/**
 * Encodes an image of palette colours as a PNG file; the same pixels give the same bytes.
 *
 * Source: PNG specification, third edition: colour type 3, eight bits a pixel, no filter.
 *
 * @param pixels Index into the palette of every pixel. Shape [height, width], row-major.
 * @param palette Red, green and blue of up to 256 colours, 0 to 255. Shape [numColours, 3].
 */
export function encodePng(
  pixels: Uint8Array,
  { width, palette }: { width: number; palette: readonly (readonly [number, number, number])[] },
): Uint8Array {
  const height = pixels.length / width;
  const rows = new Uint8Array(height * (width + 1));
  for (let row = 0; row < height; row++) {
    // Every row begins with the number of its filter, 0 for none.
    rows.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 3, 0, 0, 0], 8);
  return concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", Uint8Array.from(palette.flat())),
    chunk("IDAT", zlibSync(rows, { level: 9 })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const typed = concat([new TextEncoder().encode(type), data]);
  const length = new Uint8Array(4);
  const checksum = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, data.length);
  new DataView(checksum.buffer).setUint32(0, crc32(typed));
  return concat([length, typed, checksum]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
