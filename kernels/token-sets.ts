// Sets of tokens as bits, and how many tokens a block of such sets would have after an exchange. solvers/objectives/token-sets.ts
// says what they mean and lays them out.

/** Bytes of a set. */
let setBytes: usize = 0;
/** Counters of a block. */
let numPlanes: usize = 0;
/** Pairs of 32 bits: tokens that a bit stands for, and where such bits end, in bytes. */
let runs: usize = 0;
let runsEnd: usize = 0;

/** Takes the sizes, and where the runs lie: addresses in bytes. */
export function configure(bytesOfSet: usize, planes: usize, runsAt: usize, numRuns: usize): void {
  setBytes = bytesOfSet;
  numPlanes = planes;
  runs = runsAt;
  runsEnd = runsAt + (numRuns << 3);
}

/**
 * Tokens of a block after a set has gone and another has come.
 *
 * @param to Where they are written.
 */
export function exchange(block: usize, out: usize, into: usize, to: usize): i32 {
  const planesEnd = block + (numPlanes + 1) * setBytes;
  let tokens = 0;
  let at: usize = 0;
  for (let run = runs; run < runsEnd; run += 8) {
    const end: usize = load<u32>(run + 4);
    let sums = i32x4.splat(0);
    for (; at < end; at += 16) {
      let twice = i32x4.splat(0);
      for (let plane = block + 2 * setBytes + at; plane < planesEnd; plane += setBytes) {
        twice = v128.or(twice, v128.load(plane));
      }
      const gone = v128.andnot(v128.load(out + at), twice);
      const left = v128.or(v128.andnot(v128.load(block + at), gone), v128.load(into + at));
      v128.store(to + at, left);
      const bits = i16x8.extadd_pairwise_i8x16_u(i8x16.popcnt(left));
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(bits));
    }
    const bits =
      i32x4.extract_lane(sums, 0) +
      i32x4.extract_lane(sums, 1) +
      i32x4.extract_lane(sums, 2) +
      i32x4.extract_lane(sums, 3);
    tokens += bits * load<i32>(run);
  }
  return tokens;
}

/** Takes a set out of a block, and another one in. */
export function change(block: usize, out: usize, into: usize): void {
  for (let at: usize = 0; at < setBytes; at += 16) {
    let borrow = v128.load(out + at);
    let carry = v128.load(into + at);
    let any = i32x4.splat(0);
    let plane = block + setBytes + at;
    for (let left = numPlanes; left > 0; left--, plane += setBytes) {
      const bits = v128.load(plane);
      const less = v128.xor(bits, borrow);
      borrow = v128.andnot(borrow, bits);
      const sum = v128.xor(less, carry);
      carry = v128.and(less, carry);
      v128.store(plane, sum);
      any = v128.or(any, sum);
    }
    v128.store(block + at, any);
  }
}
