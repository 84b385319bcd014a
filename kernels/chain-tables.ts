// The tables of solvers/bounds/set-chain.ts, and what an expert more changes in them. solvers/bounds/vector-chain-tables.ts lays
// them out. Sizes and addresses are in bytes.

import { entry } from "./shared/rows";

/** Bytes of a table with 32 bits for every expert, filled up to whole vectors. */
let rowBytes: usize = 0;
/** Rows of the matrix of pairs. */
let numExperts: usize = 0;
let members: usize = 0;
/** Experts each weigh. */
let own: usize = 0;
/** The matrix of pairs. */
let ofPairs: usize = 0;
/** Where the rows of pairs begin, and their entries: four times an expert, and its weight. */
let pairStarts: usize = 0;
let pairEntries: usize = 0;
/** Of the triple a < b < c, at a + comb(b, 2) + comb(c, 3): the place of its row + 1, 0 where it has none. */
let tripleRows: usize = 0;
/** Rows of triples: how many entries, and these. */
let tripleEntries: usize = 0;
let comb2: usize = 0;
let comb3: usize = 0;
/** Room for the rows that an expert has with those in the set. */
let rowsAtHand: usize = 0;
/** Three tables a level: what each expert would add in pairs, triples and quadruples. */
let levels: usize = 0;
/** Of every level, 16 bits for every expert. */
let listed: usize = 0;

export function configure(
  bytesOfRow: usize,
  experts: usize,
  membersAt: usize,
  ownAt: usize,
  ofPairsAt: usize,
  pairStartsAt: usize,
  pairEntriesAt: usize,
  tripleRowsAt: usize,
  tripleEntriesAt: usize,
  comb2At: usize,
  comb3At: usize,
  rowsAtHandAt: usize,
  levelsAt: usize,
  listedAt: usize,
): void {
  rowBytes = bytesOfRow;
  numExperts = experts;
  members = membersAt;
  own = ownAt;
  ofPairs = ofPairsAt;
  pairStarts = pairStartsAt;
  pairEntries = pairEntriesAt;
  tripleRows = tripleRowsAt;
  tripleEntries = tripleEntriesAt;
  comb2 = comb2At;
  comb3 = comb3At;
  rowsAtHand = rowsAtHandAt;
  levels = levelsAt;
  listed = listedAt;
}

function member(at: usize): usize {
  return load<u16>(members + (at << 1));
}

/** Adds the weights of entries to the table of the experts they name. */
function addEntries(table: usize, at: usize, end: usize): void {
  for (; at < end; at += 8) {
    const pair = load<u64>(at);
    const to = table + usize(pair & 0xffffffff);
    store<i32>(to, load<i32>(to) + i32(pair >> 32));
  }
}

/** Makes the level behind `size` of the one before and an expert, which becomes the last member. */
export function push(size: usize, expert: usize): void {
  const before = levels + 3 * size * rowBytes;
  const pairs = before + 3 * rowBytes;
  const triples = pairs + rowBytes;
  const quadruples = triples + rowBytes;
  const row = ofPairs + expert * rowBytes;
  for (let at: usize = 0; at < rowBytes; at += 16) {
    v128.store(pairs + at, i32x4.add(v128.load(before + at), v128.load(row + at)));
    v128.store(triples + at, v128.load(before + rowBytes + at));
    v128.store(quadruples + at, v128.load(before + 2 * rowBytes + at));
  }
  // All rows are looked up before any is added, so that memory answers these questions at the same time.
  let last = rowsAtHand;
  for (let i: usize = 0; i < size; i++) {
    const low = min(member(i), expert);
    const high = max(member(i), expert);
    const ofPair = low + load<u32>(entry(comb2, high));
    for (let j: usize = 0; j < i; j++) {
      const third = member(j);
      const place =
        third > high
          ? ofPair + load<u32>(entry(comb3, third))
          : third > low
            ? low + load<u32>(entry(comb2, third)) + load<u32>(entry(comb3, high))
            : third + load<u32>(entry(comb2, low)) + load<u32>(entry(comb3, high));
      const row = load<u32>(entry(tripleRows, place));
      if (row === 0) continue;
      store<u32>(last, row - 1);
      last += 4;
    }
  }
  for (let i: usize = 0; i < size; i++) {
    const low = min(member(i), expert);
    const high = max(member(i), expert);
    const start = entry(pairStarts, low * numExperts + high);
    addEntries(triples, pairEntries + (load<u32>(start) << 3), pairEntries + (load<u32>(start + 4) << 3));
  }
  for (let at = rowsAtHand; at < last; at += 4) {
    const first = tripleEntries + (load<u32>(at) << 3);
    addEntries(quadruples, first + 8, first + 8 + (load<u32>(first) << 3));
  }
  store<u16>(members + (size << 1), u16(expert));
}

/**
 * Lists, ascending, the experts that would add at most `most` to the set of so many members: what they weigh, and add in pairs,
 * triples and quadruples, times these factors.
 *
 * @returns How many. Those that fill vectors up may be among them, behind all others.
 */
export function list(size: usize, f1: f64, f2: f64, f3: f64, f4: f64, most: f64): usize {
  const pairs = levels + 3 * size * rowBytes;
  const start = listed + size * (rowBytes >> 1);
  const factor1 = f64x2.splat(f1);
  const factor2 = f64x2.splat(f2);
  const factor3 = f64x2.splat(f3);
  const factor4 = f64x2.splat(f4);
  const limit = f64x2.splat(most);
  let to = start;
  for (let at: usize = 0; at < rowBytes; at += 16) {
    const one = v128.load(own + at);
    const two = v128.load(pairs + at);
    const three = v128.load(pairs + rowBytes + at);
    const four = v128.load(pairs + 2 * rowBytes + at);
    const low = f64x2.add(
      f64x2.add(
        f64x2.add(
          f64x2.mul(factor1, f64x2.convert_low_i32x4_s(one)),
          f64x2.mul(factor2, f64x2.convert_low_i32x4_s(two)),
        ),
        f64x2.mul(factor3, f64x2.convert_low_i32x4_s(three)),
      ),
      f64x2.mul(factor4, f64x2.convert_low_i32x4_s(four)),
    );
    const high = f64x2.add(
      f64x2.add(
        f64x2.add(
          f64x2.mul(factor1, f64x2.convert_low_i32x4_s(upper(one))),
          f64x2.mul(factor2, f64x2.convert_low_i32x4_s(upper(two))),
        ),
        f64x2.mul(factor3, f64x2.convert_low_i32x4_s(upper(three))),
      ),
      f64x2.mul(factor4, f64x2.convert_low_i32x4_s(upper(four))),
    );
    let lanes = i64x2.bitmask(f64x2.le(low, limit)) | (i64x2.bitmask(f64x2.le(high, limit)) << 2);
    for (; lanes !== 0; lanes &= lanes - 1) {
      store<u16>(to, u16((at >> 2) + ctz(lanes)));
      to += 2;
    }
  }
  return (to - start) >> 1;
}

/** The upper half of a vector, for where the lower one is taken. */
function upper(lanes: v128): v128 {
  return v128.shuffle<i64>(lanes, lanes, 1, 1);
}
