import { createVectorLoops } from "./vector-loops.js";

// The two questions that are asked of every id of every trace, answered eight ids at a time: one at a time, checking a
// trace takes several times as long as reading it.

/** Ids that are looked at together: few enough to stay in the first-level cache. */
const BLOCK_IDS = 8192;
const LANES = 8;
/** Wider rows are no tokens of any model; they are looked at one by one. */
const MAX_WIDTH = 64;

const { memory, largest, equalLanes } = createVectorLoops();
const block = new Uint16Array(memory.buffer, 0, BLOCK_IDS);
// Loops may look at a row's length of ids behind the block, and leave them unused.
const largestAt = 2 * (BLOCK_IDS + 2 * MAX_WIDTH);
const largestLanes = new Uint16Array(memory.buffer, largestAt, LANES);

/**
 * The largest of many ids, -1 where there are none.
 *
 * @example
 * largestId(Uint16Array.of(3, 9, 4)); // 9
 */
export function largestId(ids: Uint16Array): number {
  let found = -1;
  for (let start = 0; start < ids.length; start += BLOCK_IDS) {
    const part = ids.subarray(start, start + BLOCK_IDS);
    block.set(part);
    block.fill(0, part.length, LANES * Math.ceil(part.length / LANES));
    largest(0, 2 * part.length, largestAt);
    for (const id of largestLanes) if (id > found) found = id;
  }
  return found;
}

/**
 * The first row in which an id comes twice, -1 where there is none.
 *
 * Every id is compared with those behind it in its row: for every distance, whole vectors are compared with those so
 * far behind them, and lanes whose partner is in the next row do not count. Time O(ids * width / 8).
 *
 * @param ids Shape [numRows, width], row-major.
 *
 * @example
 * rowWithRepeat(Uint16Array.of(3, 9, 4, 4), 2); // 1
 */
export function rowWithRepeat(ids: Uint16Array, width: number): number {
  const comparisons = width <= MAX_WIDTH ? comparisonsOf(width) : [];
  // After so many vectors, rows begin at the same lanes again.
  const period = numPhases(width) * LANES;
  const capacity = Math.floor(BLOCK_IDS / period) * period;
  let start = 0;
  while (width <= MAX_WIDTH && ids.length - start >= period) {
    const part = ids.subarray(start, start + capacity);
    const end = part.length - (part.length % period);
    block.set(part);
    const step = 2 * period;
    const hasRepeat = comparisons.some(
      ({ phase, distance, lanes }) => equalLanes(16 * phase, 2 * end, step, 2 * distance) & lanes,
    );
    if (hasRepeat) break;
    start += end;
  }
  const row = oneByOne(ids.subarray(start), width);
  return row < 0 ? -1 : row + start / width;
}

interface Comparison {
  /** Vectors phase, phase + numPhases, ... are compared. */
  readonly phase: number;
  readonly distance: number;
  /** Bit l is set where the id in lane l and the one `distance` behind it are of the same row. */
  readonly lanes: number;
}

function comparisonsOf(width: number): Comparison[] {
  const comparisons: Comparison[] = [];
  for (let phase = 0; phase < numPhases(width); phase++) {
    for (let distance = 1; distance < width; distance++) {
      let lanes = 0;
      for (let lane = 0; lane < LANES; lane++) {
        if (((phase * LANES + lane) % width) + distance < width) lanes |= 1 << lane;
      }
      if (lanes !== 0) comparisons.push({ phase, distance, lanes });
    }
  }
  return comparisons;
}

/** Vectors after which a row begins at lane 0 again. */
function numPhases(width: number): number {
  let phases = 1;
  while ((phases * LANES) % width !== 0) phases++;
  return phases;
}

function oneByOne(ids: Uint16Array, width: number): number {
  const lastRow = new Map<number, number>();
  for (let at = 0; at < ids.length; at++) {
    const row = Math.floor(at / width);
    if (lastRow.get(ids[at]) === row) return row;
    lastRow.set(ids[at], row);
  }
  return -1;
}
