import { startIdRows, type IdRowsKernel } from "../kernels/id-rows-kernel.js";
import { plainLargestId, plainRowWithRepeat } from "./plain-id-rows.js";

// The two questions that are asked of every id of every trace, answered eight ids at a time: one at a time, checking a
// trace takes several times as long as reading it.

/** Ids that are looked at together: few enough to stay in the first-level cache. */
const BLOCK_IDS = 8192;
const LANES = 8;
/** Wider rows are no tokens of any model; they are looked at one by one. */
const MAX_WIDTH = 64;
/** Loops may look at a row's length of ids behind the block, and leave them unused. */
const BEHIND_IDS = 2 * MAX_WIDTH;
/** Where the vectors are that say which lanes of a row are compared. */
const TURNS_AT = 2 * (BLOCK_IDS + BEHIND_IDS);
/** Turns that bring any two of eight lanes together. */
const NUM_TURNS = LANES / 2;

const kernel = startIdRows(TURNS_AT + 2 * LANES * NUM_TURNS);
const block = kernel ? new Uint16Array(kernel.buffer, 0, BLOCK_IDS + BEHIND_IDS) : new Uint16Array();

/** What is asked of rows of ids. */
export interface RowFacts {
  /** The largest id, -1 where there is none. */
  readonly largest: number;
  /** Whether an id comes twice in any of the rows. */
  readonly hasRepeat: boolean;
}

/**
 * Answers both questions at once, which takes less time than one after the other.
 *
 * @param ids Shape [numRows, width], row-major.
 *
 * @example
 * factsOfRows(Uint16Array.of(3, 9, 4, 4), 2); // { largest: 9, hasRepeat: true }
 */
export function factsOfRows(ids: Uint16Array, width: number): RowFacts {
  if (!kernel || width > MAX_WIDTH)
    return { largest: largestId(ids), hasRepeat: rowWithRepeat(ids, width) >= 0 };
  const { hasRepeat, period } = searchOf(kernel, width);
  const capacity = Math.floor(BLOCK_IDS / period) * period;
  const facts = { largest: -1, hasRepeat: false };
  for (let start = 0; start < ids.length; start += capacity) {
    const part = ids.subarray(start, start + capacity);
    const end = part.length - (part.length % period);
    block.set(part);
    // A row that is cut in the middle is no row, but one of a period that is may have a repeat.
    facts.hasRepeat ||= (end > 0 && hasRepeat(2 * end)) || plainRowWithRepeat(part.subarray(end), width) >= 0;
    block.fill(0, part.length, LANES * Math.ceil(part.length / LANES));
    facts.largest = Math.max(facts.largest, kernel.exports.largest(0, 2 * part.length));
  }
  return facts;
}

/**
 * The largest of many ids, -1 where there are none.
 *
 * @example
 * largestId(Uint16Array.of(3, 9, 4)); // 9
 */
export function largestId(ids: Uint16Array): number {
  if (!kernel) return plainLargestId(ids);
  let found = -1;
  for (let start = 0; start < ids.length; start += BLOCK_IDS) {
    const part = ids.subarray(start, start + BLOCK_IDS);
    block.set(part);
    block.fill(0, part.length, LANES * Math.ceil(part.length / LANES));
    found = Math.max(found, kernel.exports.largest(0, 2 * part.length));
  }
  return found;
}

/**
 * The first row in which an id comes twice, -1 where there is none.
 *
 * @param ids Shape [numRows, width], row-major.
 *
 * @example
 * rowWithRepeat(Uint16Array.of(3, 9, 4, 4), 2); // 1
 */
export function rowWithRepeat(ids: Uint16Array, width: number): number {
  if (!kernel || width > MAX_WIDTH) return plainRowWithRepeat(ids, width);
  const { hasRepeat, period } = searchOf(kernel, width);
  const capacity = Math.floor(BLOCK_IDS / period) * period;
  let start = 0;
  while (ids.length - start >= period) {
    const part = ids.subarray(start, start + capacity);
    const end = part.length - (part.length % period);
    block.set(part);
    if (hasRepeat(2 * end)) break;
    start += end;
  }
  const row = plainRowWithRepeat(ids.subarray(start), width);
  return row < 0 ? -1 : row + start / width;
}

/** How rows of some width are searched, in blocks of whole periods. */
interface RepeatSearch {
  readonly width: number;
  /** Ids after which rows begin at the same lanes again. */
  readonly period: number;
  /** Whether any row in the first so many bytes of the block has an id twice. */
  readonly hasRepeat: (numBytes: number) => boolean;
}

/** The one of the width that was asked for last: most traces have one width. */
let search: RepeatSearch | undefined;

function searchOf(started: NonNullable<typeof kernel>, width: number): RepeatSearch {
  if (width !== search?.width)
    search = width <= LANES ? narrowRows(started, width) : wideRows(started, width);
  return search;
}

/** A row that fits a vector is compared with itself, turned by one lane and more: half of the turns bring all pairs together. */
function narrowRows(
  { exports, buffer }: { exports: IdRowsKernel; buffer: ArrayBuffer },
  width: number,
): RepeatSearch {
  const turns = new Uint8Array(buffer, TURNS_AT, 2 * LANES * NUM_TURNS);
  for (let turn = 0; turn < NUM_TURNS; turn++) {
    // What is beyond those that are needed is the last of them again.
    const distance = Math.min(turn + 1, width >> 1);
    for (let lane = 0; lane < LANES; lane++) {
      const from = lane < width ? (lane + distance) % width : lane;
      turns.set([2 * from, 2 * from + 1], 2 * (turn * LANES + lane));
    }
  }
  const lanes = (1 << width) - 1;
  return {
    width,
    period: width,
    hasRepeat: (numBytes) =>
      width > 1 && (exports.equalTurned(0, numBytes, 2 * width, TURNS_AT) & lanes) !== 0,
  };
}

/**
 * Every id of a wider row is compared with those behind it: for every distance, whole vectors with those so far behind
 * them, and lanes whose partner is in the next row do not count. Time O(ids * width / 8).
 */
function wideRows({ exports }: { exports: IdRowsKernel }, width: number): RepeatSearch {
  let numPhases = 1;
  while ((numPhases * LANES) % width !== 0) numPhases++;
  const comparisons: { phase: number; distance: number; lanes: number }[] = [];
  for (let phase = 0; phase < numPhases; phase++) {
    for (let distance = 1; distance < width; distance++) {
      let lanes = 0;
      for (let lane = 0; lane < LANES; lane++) {
        if (((phase * LANES + lane) % width) + distance < width) lanes |= 1 << lane;
      }
      if (lanes !== 0) comparisons.push({ phase, distance, lanes });
    }
  }
  const period = numPhases * LANES;
  return {
    width,
    period,
    hasRepeat: (numBytes) =>
      comparisons.some(
        ({ phase, distance, lanes }) =>
          (exports.equalAhead(2 * LANES * phase, numBytes, 2 * period, 2 * distance) & lanes) !== 0,
      ),
  };
}
