/** Bytes that are met again and again, as words to compare: the last one overlaps the one before it. */
export interface BytePiece {
  readonly length: number;
  readonly first: number;
  readonly last: number;
  readonly between: Int32Array;
  /** The bytes themselves, where they are fewer than a word. */
  readonly few: Uint8Array;
}

export function createPiece(bytes: Uint8Array): BytePiece {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (length < 4)
    return { length, first: 0, last: 0, between: new Int32Array(0), few: Uint8Array.from(bytes) };
  const between = Int32Array.from({ length: Math.max(0, Math.ceil(length / 4) - 2) }, (_, word) =>
    view.getInt32(4 + 4 * word, true),
  );
  const [first, last] = [view.getInt32(0, true), view.getInt32(length - 4, true)];
  return { length, first, last, between, few: new Uint8Array(0) };
}

/** Whether a piece begins at `at`. */
export function isPiece(view: DataView, at: number, piece: BytePiece): boolean {
  const { length, between, few } = piece;
  if (at + length > view.byteLength) return false;
  if (length < 4) {
    for (let byte = 0; byte < length; byte++) if (view.getUint8(at + byte) !== few[byte]) return false;
    return true;
  }
  if (view.getInt32(at, true) !== piece.first || view.getInt32(at + length - 4, true) !== piece.last) {
    return false;
  }
  for (let word = 0; word < between.length; word++) {
    if (view.getInt32(at + 4 + 4 * word, true) !== between[word]) return false;
  }
  return true;
}
