import type { Tensor } from "../lib/containers/tensor.js";
import { DEFAULT_LIMITS } from "../lib/plausible-size.js";
import { BYTE_PADDING } from "./padding.js";

/** -1 in unsigned numbers of 16, 32 and 64 bits; of those with 64, loads may come close. */
const NEVER = [2 ** 16 - 1, 2 ** 32 - 1, 2 ** 64];

/** Ids from there on are loads: no model has so many experts. */
export const MAX_ID = DEFAULT_LIMITS.maxExperts;
/** Experts that tokens have in common where all layers are the same. */
const ALL_SHARED = 0.9;
const MANY_DEVIATIONS = 6;
/** Fewer, by chance, tell nothing. */
const FEW_SHARED = 10;

/** What is seen of the numbers of an array, by which experts of tokens are told from loads. */
export interface ArrayFacts {
  readonly numRows: number;
  readonly numValues: number;
  /** Of the numbers that may be experts: without padding. */
  readonly least: number;
  readonly most: number;
  /** How many of them are beyond all ids. */
  readonly numHuge: number;
  /** Whether some numbers are those that stand for no expert, which no load is. */
  readonly hasNever: boolean;
  /** Rows, but for those of one value only, with a value twice; what fills the places behind a token's experts is none. */
  readonly numRepeats: number;
  /** Rows whose sum is that of the row before in the same entry of the first dimension; of other numbers than that. */
  readonly numEqualSums: number;
  readonly numSums: number;
  readonly isWhole: boolean;
  readonly isBinary: boolean;
  /** How many are no whole numbers, and the first of them. */
  readonly numOdd: number;
  readonly odd: number | undefined;
  /** Whether some numbers are negative, and no whole ones. */
  readonly hasNegative: boolean;
}

/** Looks at all numbers of an array of two or three dimensions; the last one makes up a row. */
export function factsOf({ shape, strides, start, values }: Tensor): ArrayFacts {
  const [numEntries, numRows, width] = shape.length === 3 ? shape : [1, ...shape];
  const [entryStride, rowStride, stride] = strides.length === 3 ? strides : [0, ...strides];
  const facts = {
    least: Infinity,
    most: -Infinity,
    numHuge: 0,
    hasNever: false,
    numRepeats: 0,
    numEqualSums: 0,
    numSums: 0,
    isWhole: true,
    isBinary: true,
    numOdd: 0,
    odd: undefined as number | undefined,
    hasNegative: false,
  };
  // Thousands of rows are looked at: what is made of them is made in the same memory.
  // A header may claim rows of any width, and have none.
  const room = numEntries * numRows > 0 ? width : 0;
  let [chosen, chosenBefore] = [new Float64Array(room), new Float64Array(room)];
  for (let entry = 0; entry < numEntries; entry++) {
    let [numBefore, sumBefore] = [0, 0];
    for (let row = 0; row < numRows; row++) {
      const first = start + entry * entryStride + row * rowStride;
      let numChosen = 0;
      let sum = 0;
      for (let at = 0; at < width; at++) {
        const id = values[first + at * stride];
        if (!Number.isInteger(id)) {
          facts.isWhole = false;
          facts.numOdd++;
          facts.odd ??= id;
          facts.hasNegative ||= id < 0;
        }
        if (!(id >= 0) || (id >= NEVER[0] && NEVER.includes(id))) continue;
        chosen[numChosen++] = id;
        sum += id;
        if (id < facts.least) facts.least = id;
        if (id > facts.most) facts.most = id;
        if (id >= MAX_ID) facts.numHuge++;
        if (id > 1) facts.isBinary = false;
      }
      facts.hasNever ||= numChosen < width;
      const found = chosen.subarray(0, numChosen);
      if (hasRepeat(found)) facts.numRepeats++;
      if (sum === 0) continue;
      // The same tokens in two layers, or all experts in each, have equal sums and say nothing.
      const before = chosenBefore.subarray(0, numBefore);
      if (numBefore > 0 && !(sum === sumBefore && isSameSet(found, before))) {
        facts.numSums++;
        facts.numEqualSums += Number(sum === sumBefore);
      }
      [chosen, chosenBefore] = [chosenBefore, chosen];
      [numBefore, sumBefore] = [numChosen, sum];
    }
  }
  return { ...facts, numRows: numEntries * numRows, numValues: numEntries * numRows * width };
}

/**
 * Whether a row has a number twice, besides what fills it up from the right: 255, or one that is above all others. Thousands of
 * rows are looked at, most of them short: hot.
 */
function hasRepeat(ids: Float64Array): boolean {
  const last = ids[ids.length - 1];
  let end = ids.length;
  while (end > 0 && ids[end - 1] === last) end--;
  if (end === 0) return false;
  let isFill = true;
  if (last !== BYTE_PADDING) for (let at = 0; at < end; at++) if (ids[at] > last) isFill = false;
  const length = isFill ? end + 1 : ids.length;
  if (length > FEW) return new Set(ids.subarray(0, length)).size < length;
  for (let at = 1; at < length; at++) {
    for (let before = 0; before < at; before++) if (ids[before] === ids[at]) return true;
  }
  return false;
}

/** Numbers of a row that are compared pair by pair. */
const FEW = 32;

/** Whether two rows have the same numbers, each as often, in whatever order. */
function isSameSet(a: Float64Array, b: Float64Array): boolean {
  const sorted = b.toSorted();
  return a.length === b.length && a.toSorted().every((id, at) => id === sorted[at]);
}

/** Whether rows of the same first index have more numbers in common than rows of the same second one, as tokens of a layer do. */
export function sharesByFirst(cube: Tensor): boolean {
  const rows = groupsOf(cube);
  return sharesMore(rows, transposed(rows));
}

/** Whether those of the same second index have, as where tokens come first. */
export function sharesBySecond(cube: Tensor): boolean {
  const rows = groupsOf(cube);
  return sharesMore(transposed(rows), rows);
}

function groupsOf({ shape, strides, start, values }: Tensor): number[][][] {
  const rowOf = (first: number, second: number) =>
    Array.from(
      { length: shape[2] },
      (_, place) => values[start + first * strides[0] + second * strides[1] + place * strides[2]],
    );
  return Array.from({ length: shape[0] }, (_, first) =>
    Array.from({ length: shape[1] }, (__, second) => rowOf(first, second)),
  );
}

function transposed<T>(rows: readonly (readonly T[])[]): T[][] {
  return Array.from({ length: rows[0]?.length ?? 0 }, (_, second) => rows.map((row) => row[second]));
}

/** Rows in groups: all that have the same index one way. Shape [numGroups][numRows][width]. */
export type Groups = readonly (readonly (readonly number[])[])[];

/**
 * Whether rows of a group have more numbers in common than those of groups made another way, beyond chance: so tokens of one
 * layer do, which share its busy experts. Where all layers have the same, nothing tells; rows of one number are no tokens.
 */
export function sharesMore(groups: Groups, others: Groups): boolean {
  const width = groups.find((rows) => rows.length > 0)?.[0].length ?? 0;
  const [own, other] = [sharedOf(groups), sharedOf(others)];
  const deviation = own.share / Math.sqrt(own.shared) + other.share / Math.sqrt(Math.max(1, other.shared));
  const isAll = own.share > ALL_SHARED * width;
  const isEnough = own.share * other.pairs >= FEW_SHARED;
  return isEnough && !isAll && own.share - other.share > MANY_DEVIATIONS * deviation;
}

/** Numbers that two rows of a group have in common: in all pairs, and in one. */
function sharedOf(groups: Groups): {
  shared: number;
  pairs: number;
  share: number;
} {
  let [shared, pairs] = [0, 0];
  for (const group of groups) {
    const counts = new Map<number, number>();
    let numRows = 0;
    for (const row of group) {
      if (new Set(row).size < row.length) continue;
      pairs += numRows++;
      for (const id of row) {
        if (!(id >= 0) || NEVER.includes(id)) continue;
        const before = counts.get(id) ?? 0;
        shared += before;
        counts.set(id, before + 1);
      }
    }
  }
  return { shared, pairs, share: shared / Math.max(1, pairs) };
}
