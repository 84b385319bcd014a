/** Marks at the beginning of text in UTF-16, the lower half of every unit first or last. */
const [LITTLE, BIG] = [0xfffe, 0xfeff];

/** Whether bytes begin with the mark of UTF-16, as PowerShell and Excel write it. */
export function isUtf16(bytes: Buffer): boolean {
  return bytes.length >= 2 && [LITTLE, BIG].includes(bytes.readUInt16BE());
}

/** Text of UTF-16 as UTF-8, without the mark, piece by piece. */
export async function* decodeUtf16(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  for await (const chunk of chunks) {
    decoder ??= new TextDecoder(chunk[0] === LITTLE >> 8 ? "utf-16le" : "utf-16be");
    yield Buffer.from(decoder.decode(chunk, { stream: true }));
  }
}
