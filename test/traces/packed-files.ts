/** A file of zstd whose blocks hold the bytes as they are, as the format allows. */
export function zstdFile(bytes: Uint8Array, { blockBytes = 1000, windowLog = 17 } = {}): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3]);
  const blocks: Buffer[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += blockBytes) {
    const block = bytes.subarray(start, start + blockBytes);
    const isLast = start + blockBytes >= bytes.length;
    const size = Buffer.alloc(3);
    size.writeUIntLE((block.length << 3) | Number(isLast), 0, 3);
    blocks.push(size, Buffer.from(block));
  }
  return Buffer.concat([header, ...blocks]);
}
