// Unions of sets of tokens, a bit each, of solvers/bounds/token-counter.ts. Addresses and sizes are in bytes, sizes whole vectors.

/** Bytes of a set. */
let numBytes: usize = 0;
/** Of every expert, the tokens that chose it. */
let rows: usize = 0;
let union: usize = 0;

export function configure(bytesOfSet: usize, rowsAt: usize, unionAt: usize): void {
  numBytes = bytesOfSet;
  rows = rowsAt;
  union = unionAt;
}

export function clear(): void {
  memory.fill(union, 0, numBytes);
}

/** Adds the tokens of an expert to the union. */
export function unite(expert: usize): void {
  const row = rows + expert * numBytes;
  for (let at: usize = 0; at < numBytes; at += 16)
    v128.store(union + at, v128.or(v128.load(union + at), v128.load(row + at)));
}

/** Counts the union with the tokens of an expert. */
export function countWith(expert: usize): i32 {
  const row = rows + expert * numBytes;
  let counts = i32x4.splat(0);
  for (let at: usize = 0; at < numBytes; at += 16) {
    const bits = i8x16.popcnt(v128.or(v128.load(union + at), v128.load(row + at)));
    counts = i32x4.add(counts, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bits)));
  }
  return (
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3)
  );
}
