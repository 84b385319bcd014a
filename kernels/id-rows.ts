// Loops over 16-bit ids, eight at a time. lib/trace/id-rows.ts and traces/bytes/id-tile.ts say what they are for. All
// addresses and sizes are in bytes; what is behind the end, up to a vector, is read too.

/** The largest id in [at, end). */
export function largest(at: usize, end: usize): i32 {
  let found = v128.load(at);
  for (at += 16; at < end; at += 16) found = v128.max<u16>(found, v128.load(at));
  let most: i32 = 0;
  // A lane is taken by a constant.
  most = max(most, i32(i16x8.extract_lane_u(found, 0)));
  most = max(most, i32(i16x8.extract_lane_u(found, 1)));
  most = max(most, i32(i16x8.extract_lane_u(found, 2)));
  most = max(most, i32(i16x8.extract_lane_u(found, 3)));
  most = max(most, i32(i16x8.extract_lane_u(found, 4)));
  most = max(most, i32(i16x8.extract_lane_u(found, 5)));
  most = max(most, i32(i16x8.extract_lane_u(found, 6)));
  most = max(most, i32(i16x8.extract_lane_u(found, 7)));
  return most;
}

/**
 * Lanes, a bit each, that equal one of the lanes of the same row that `turns` brings there, in any of the rows in [at, end).
 *
 * @param rowBytes At most those of a vector.
 * @param turns Four vectors: for every byte of a lane, the byte of the lane it is compared with.
 */
export function equalTurned(at: usize, end: usize, rowBytes: usize, turns: usize): i32 {
  const first = v128.load(turns);
  const second = v128.load(turns, 16);
  const third = v128.load(turns, 32);
  const fourth = v128.load(turns, 48);
  let found = i16x8.splat(0);
  for (; at < end; at += rowBytes) {
    const row = v128.load(at);
    found = v128.or(found, i16x8.eq(row, v128.swizzle(row, first)));
    found = v128.or(found, i16x8.eq(row, v128.swizzle(row, second)));
    found = v128.or(found, i16x8.eq(row, v128.swizzle(row, third)));
    found = v128.or(found, i16x8.eq(row, v128.swizzle(row, fourth)));
  }
  return i16x8.bitmask(found);
}

/** Lanes, a bit each, in which a vector at `at`, `at + step`, ... before `end` equals the one `distance` further. */
export function equalAhead(at: usize, end: usize, step: usize, distance: usize): i32 {
  let found = i16x8.splat(0);
  for (; at < end; at += step) {
    found = v128.or(found, i16x8.eq(v128.load(at), v128.load(at + distance)));
  }
  return i16x8.bitmask(found);
}

/**
 * Writes numbers of 8 bits in [from, end) as 16 bits each, a vector of them at a time, which may go beyond the end.
 *
 * @returns Whether any of them has its highest bit set.
 */
export function widenBytes(from: usize, end: usize, to: usize): bool {
  let bits = i8x16.splat(0);
  for (; from < end; from += 16) {
    const bytes = v128.load(from);
    bits = v128.or(bits, bytes);
    v128.store(to, i16x8.extend_low_i8x16_u(bytes));
    v128.store(to, i16x8.extend_high_i8x16_u(bytes), 16);
    to += 32;
  }
  return i8x16.bitmask(bits) !== 0;
}

/**
 * Writes numbers of 32 bits in [from, end) as 16 bits each, wrong where they do not fit, eight of them at a time, which may go beyond the end.
 *
 * @returns Whether any of them has a bit in its upper half.
 */
export function narrowWords(from: usize, end: usize, to: usize): bool {
  let bits = i32x4.splat(0);
  for (; from < end; from += 32) {
    const first = v128.load(from);
    const second = v128.load(from, 16);
    bits = v128.or(bits, v128.or(first, second));
    v128.store(to, i16x8.narrow_i32x4_u(first, second));
    to += 16;
  }
  return v128.any_true(i32x4.shr_u(bits, 16));
}

/**
 * Copies rows of `width` bytes at `from`, `from + stride`, ... before `end` to `to`, one behind the other. Up to 15 bytes
 * behind the last one are written too.
 */
export function gatherRows(from: usize, end: usize, stride: usize, to: usize, width: usize): void {
  for (; from < end; from += stride) {
    for (let at: usize = 0; at < width; at += 16) v128.store(to + at, v128.load(from + at));
    to += width;
  }
}
