// The tables of solvers/search/swap-gains.ts, and what a swap changes in them. That file says what they mean, and
// solvers/search/vector-gain-tables.ts lays them out.
//
// A pattern is a row of lanes: its experts, 16 bits each, and behind them the chiplet of each. So one comparison of a whole
// vector finds an expert, or all experts on a chiplet, and no table of pin counts is needed.

import { add, addToRow, entry } from "./shared/rows";

/** Chiplet of a lane that is not in use. Its expert is the last column of the tables, which nobody reads. */
const UNUSED: u16 = 0xffff;

let numPatterns: usize = 0;
let numChiplets: usize = 0;
/** Bytes of the experts of a row, and of their chiplets. */
let rowBytes: usize = 0;
/** Entries of a row of `penalty` and `common`. */
let columns: usize = 0;
let rows: usize = 0;
let counts: usize = 0;
let starts: usize = 0;
let index: usize = 0;
let chipletTokens: usize = 0;
let benefit: usize = 0;
let penalty: usize = 0;
let common: usize = 0;

/** Takes the sizes, and where everything lies: addresses in bytes. */
export function configure(
  patterns: usize,
  chiplets: usize,
  lanes: usize,
  columnsOfTables: usize,
  rowsAt: usize,
  countsAt: usize,
  startsAt: usize,
  indexAt: usize,
  chipletTokensAt: usize,
  benefitAt: usize,
  penaltyAt: usize,
  commonAt: usize,
): void {
  numPatterns = patterns;
  numChiplets = chiplets;
  rowBytes = 2 * lanes;
  columns = columnsOfTables;
  rows = rowsAt;
  counts = countsAt;
  starts = startsAt;
  index = indexAt;
  chipletTokens = chipletTokensAt;
  benefit = benefitAt;
  penalty = penaltyAt;
  common = commonAt;
}

/** Address of the experts of a pattern; its chiplets are `rowBytes` behind. */
function rowOf(pattern: usize): usize {
  return rows + 2 * pattern * rowBytes;
}

/** Address of a lane. */
function lane(row: usize, at: i32): usize {
  return row + (usize(at) << 1);
}

/** Lanes, a bit each, of experts or chiplets that are `wanted`. */
function lanesWith(row: usize, wanted: v128): i32 {
  let found = i16x8.bitmask(i16x8.eq(v128.load(row), wanted));
  for (let offset: usize = 16; offset < rowBytes; offset += 16) {
    const lanes = i16x8.bitmask(i16x8.eq(v128.load(row + offset), wanted));
    found |= lanes << i32(offset >> 1);
  }
  return found;
}

function addBenefit(expert: usize, row: usize, count: i32): void {
  add(entry(benefit, expert), count);
  addToRow(entry(common, expert * columns), row, rowBytes, count);
}

/**
 * Moves an expert from chiplet `a` to `b`, where `peer` comes from or has come from in exchange.
 *
 * @param isSecond Whether the peer has moved: chiplets of patterns with both change then.
 * @returns Token copies more than before.
 */
export function move(expert: usize, peer: usize, a: usize, b: usize, isSecond: bool): i32 {
  const ofExpert = i16x8.splat(i16(expert));
  const ofPeer = i16x8.splat(i16(peer));
  const onA = i16x8.splat(i16(a));
  const onB = i16x8.splat(i16(b));
  const end = entry(index, load<u32>(entry(starts, expert + 1)));
  let added = 0;
  for (let at = entry(index, load<u32>(entry(starts, expert))); at < end; at += 4) {
    const pattern: usize = load<u32>(at);
    const row = rowOf(pattern);
    const chiplets = row + rowBytes;
    const count = load<i32>(entry(counts, pattern));
    const laneOfExpert = lanesWith(row, ofExpert);
    const laneOfPeer = lanesWith(row, ofPeer);
    const pinsOnA = lanesWith(chiplets, onA);
    const pinsOnB = lanesWith(chiplets, onB);
    const numOnA = popcnt(pinsOnA);
    const numOnB = popcnt(pinsOnB);
    if (laneOfPeer !== 0) {
      const change = i32(numOnB === 1) - i32(numOnA === 1);
      if (change !== 0) addBenefit(expert, row, change * count);
      if (isSecond) {
        store<u16>(lane(chiplets, ctz(laneOfExpert)), u16(b));
        store<u16>(lane(chiplets, ctz(laneOfPeer)), u16(a));
      }
      continue;
    }
    store<u16>(lane(chiplets, ctz(laneOfExpert)), u16(b));
    if (numOnA === 1) {
      add(entry(chipletTokens, a), -count);
      added -= count;
      addToRow(entry(penalty, a * columns), row, rowBytes, count);
    } else if (numOnA === 2) {
      addBenefit(load<u16>(lane(row, ctz(pinsOnA ^ laneOfExpert))), row, count);
    }
    if (numOnB === 0) {
      add(entry(chipletTokens, b), count);
      added += count;
      addToRow(entry(penalty, b * columns), row, rowBytes, -count);
    } else if (numOnB === 1) {
      addBenefit(load<u16>(lane(row, ctz(pinsOnB))), row, -count);
    }
    const change = i32(numOnB === 0) - i32(numOnA === 1);
    if (change !== 0) addBenefit(expert, row, change * count);
  }
  return added;
}

/**
 * Counts all tables for a placement. Time O(numPatterns * topK^2 + numChiplets * numOccupants).
 *
 * @param chipletOf Chiplet of every occupant, 16 bits each.
 */
export function count(chipletOf: usize): void {
  const bytesOfRow = columns << 2;
  memory.fill(chipletTokens, 0, numChiplets << 2);
  memory.fill(benefit, 0, bytesOfRow);
  memory.fill(common, 0, bytesOfRow * (columns - 1));
  // Each expert would bring all of its tokens to a chiplet, but for those that are there.
  memory.fill(penalty, 0, bytesOfRow);
  for (let pattern: usize = 0; pattern < numPatterns; pattern++) {
    addToRow(penalty, rowOf(pattern), rowBytes, load<i32>(entry(counts, pattern)));
  }
  for (let chiplet: usize = 1; chiplet < numChiplets; chiplet++) {
    memory.copy(penalty + chiplet * bytesOfRow, penalty, bytesOfRow);
  }
  const numLanes = i32(rowBytes >> 1);
  for (let pattern: usize = 0; pattern < numPatterns; pattern++) {
    const row = rowOf(pattern);
    const chiplets = row + rowBytes;
    const tokens = load<i32>(entry(counts, pattern));
    let seen = 0;
    for (let at = 0; at < numLanes; at++) {
      const expert: usize = load<u16>(lane(row, at));
      const isUsed = expert < columns - 1;
      if (!isUsed) seen |= 1 << at;
      store<u16>(lane(chiplets, at), isUsed ? load<u16>(chipletOf + (expert << 1)) : UNUSED);
    }
    for (let at = 0; at < numLanes; at++) {
      if (((seen >> at) & 1) !== 0) continue;
      const chiplet: usize = load<u16>(lane(chiplets, at));
      const pins = lanesWith(chiplets, i16x8.splat(i16(chiplet)));
      seen |= pins;
      add(entry(chipletTokens, chiplet), tokens);
      addToRow(entry(penalty, chiplet * columns), row, rowBytes, -tokens);
      if (popcnt(pins) === 1) addBenefit(load<u16>(lane(row, at)), row, tokens);
    }
  }
}

/** Copies the chiplets of all patterns to `to`, one behind the other. */
export function saveChiplets(to: usize): void {
  for (let pattern: usize = 0; pattern < numPatterns; pattern++, to += rowBytes) {
    const chiplets = rowOf(pattern) + rowBytes;
    for (let at: usize = 0; at < rowBytes; at += 16) v128.store(to + at, v128.load(chiplets + at));
  }
}

/** Takes the chiplets of all patterns back. */
export function restoreChiplets(from: usize): void {
  for (let pattern: usize = 0; pattern < numPatterns; pattern++, from += rowBytes) {
    const chiplets = rowOf(pattern) + rowBytes;
    for (let at: usize = 0; at < rowBytes; at += 16) v128.store(chiplets + at, v128.load(from + at));
  }
}
