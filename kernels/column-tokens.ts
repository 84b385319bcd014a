// The tables of solvers/columns/column-tokens.ts, which says what they mean, and what an expert changes in them.

import { addToRow, entry } from "./shared/rows";

/** Bytes of a row. */
let rowBytes: usize = 0;
let rows: usize = 0;
let counts: usize = 0;
let starts: usize = 0;
let index: usize = 0;
let pinCounts: usize = 0;
let adds: usize = 0;

/** Takes the size, and where everything lies: addresses in bytes. */
export function configure(
  lanes: usize,
  rowsAt: usize,
  countsAt: usize,
  startsAt: usize,
  indexAt: usize,
  pinCountsAt: usize,
  addsAt: usize,
): void {
  rowBytes = 2 * lanes;
  rows = rowsAt;
  counts = countsAt;
  starts = startsAt;
  index = indexAt;
  pinCounts = pinCountsAt;
  adds = addsAt;
}

/** Puts an expert into the column. */
export function insert(expert: usize): void {
  const end = entry(index, load<u32>(entry(starts, expert + 1)));
  for (let at = entry(index, load<u32>(entry(starts, expert))); at < end; at += 4) {
    const pattern: usize = load<u32>(at);
    const pins = load<u16>(pinCounts + (pattern << 1));
    store<u16>(pinCounts + (pattern << 1), pins + 1);
    if (pins === 0) addToRow(adds, rows + pattern * rowBytes, rowBytes, -load<i32>(entry(counts, pattern)));
  }
}

/** Takes an expert out of the column. */
export function remove(expert: usize): void {
  const end = entry(index, load<u32>(entry(starts, expert + 1)));
  for (let at = entry(index, load<u32>(entry(starts, expert))); at < end; at += 4) {
    const pattern: usize = load<u32>(at);
    const pins: u16 = load<u16>(pinCounts + (pattern << 1)) - 1;
    store<u16>(pinCounts + (pattern << 1), pins);
    if (pins === 0) addToRow(adds, rows + pattern * rowBytes, rowBytes, load<i32>(entry(counts, pattern)));
  }
}
