import { InputError } from "../lib/errors.js";
import { isNpy, parseNpyHeader } from "../lib/containers/npy.js";
import {
  BYTES_OF,
  decodeValues,
  denseTensor,
  rowMajorStrides,
  type Tensor,
} from "../lib/containers/tensor.js";
import type { FileHead } from "./bytes/file-bytes.js";

/**
 * What the numbers of an array without names are:
 *
 * - `tokens`: experts, [tokens, layers, top-k];
 * - `top-1 tokens`: one expert for every layer, [tokens, layers];
 * - `tokens of a layer`: [tokens, top-k];
 * - `loads`: [layers, experts], or [steps, layers, experts];
 * - `either`: several of these are possible;
 * - `neither`: no array of two or three dimensions.
 */
export type ArrayKind = "tokens" | "top-1 tokens" | "tokens of a layer" | "loads" | "either" | "neither";

/** What an array is, and what tells. */
export interface ArrayVerdict {
  readonly kind: ArrayKind;
  readonly why: string;
}

/** How the user said that arrays are to be read. */
export type ReadAs = "tokens" | "loads";

/** What the user said about the files, where they may be several things. */
export interface DetectOptions {
  /** Whether arrays without names are experts of tokens, or loads. */
  readonly as?: ReadAs | undefined;
}

/** No model gives a token more experts; a longer last dimension counts experts. */
const MAX_TOP_K = 24;
/** Ids beyond are loads: no model has so many experts. */
const MAX_ID = 4096;
/** -1 in unsigned numbers. */
const LARGEST = new Set([65535, 2 ** 32 - 1, 2 ** 64]);
/** Numbers that are looked at. */
const MAX_SEEN = 65536;
/** No model has more layers. */
const MAX_LAYERS = 128;
/** Fewer rows are taken for layers, as the smallest models have. */
const MIN_TOKENS = 32;
/** The chance of ids, drawn from all experts, to leave out as many small ones. */
const UNLIKELY = 1e-6;
/** Logarithm of the chance of loads to be distinct in all rows, from which on they are no loads. */
const DISTINCT = 4;

/**
 * Tells experts of tokens from loads, by shape, range, sums and repeats: a token has no expert twice, ids begin at 0 or
 * 1, and in every layer the loads of a step add up to the same.
 *
 * @param array All of it, or the beginning of it along the first dimension.
 * @param options.as Decides where both are possible.
 */
export function kindOfArray(
  array: Tensor,
  { as, isFloat }: { as?: ReadAs | undefined; isFloat: boolean },
): ArrayVerdict {
  const { shape } = array;
  if (shape.length !== 2 && shape.length !== 3) return { kind: "neither", why: `${shape.length} dimensions` };
  const perEntry = shape.slice(1).reduce((product, size) => product * size, 1);
  const numEntries = Math.min(shape[0], Math.max(1, Math.floor(MAX_SEEN / Math.max(1, perEntry))));
  const facts = factsOf({ ...array, shape: [numEntries, ...shape.slice(1)] });
  const width = shape[shape.length - 1];
  const asTokens = (): ArrayKind =>
    shape.length === 3
      ? "tokens"
      : facts.numRepeats === 0 && width <= MAX_TOP_K
        ? "tokens of a layer"
        : "top-1 tokens";
  if (as !== undefined) return { kind: as === "loads" ? "loads" : asTokens(), why: "as asked for" };
  const loads = reasonForLoads(shape, facts, isFloat);
  if (loads !== undefined) return { kind: "loads", why: loads };
  return shape.length === 3 ? kindOfCube(array, facts) : kindOfMatrix(shape, facts, asTokens);
}

/** Tells what a .npy file holds, from what it begins with. */
export function kindOfNpy({ bytes, path }: FileHead, as?: ReadAs): ArrayVerdict {
  if (!isNpy(bytes)) return { kind: "neither", why: "no .npy" };
  const { type, shape, isFortran, isBigEndian, dataStart } = parseNpyHeader(bytes, path);
  const values = decodeValues(type, bytes.subarray(dataStart), isBigEndian);
  const perEntry = shape.slice(1).reduce((product, size) => product * size, 1);
  const isFloat = type.startsWith("float");
  const numEntries = perEntry > 0 ? Math.min(shape[0], Math.floor(values.length / perEntry)) : 0;
  const isWhole = shape.length > 0 && shape[0] * perEntry <= (bytes.length - dataStart) / BYTES_OF[type];
  if (isFortran && isWhole) {
    const strides = rowMajorStrides(shape.toReversed()).toReversed();
    return kindOfArray({ shape, strides, start: 0, values }, { as, isFloat });
  }
  // What is seen of numbers in another order, or of an entry that is longer than that, are no whole rows.
  const seen = isFortran || numEntries === 0 ? [] : values.subarray(0, numEntries * perEntry);
  const sample = denseTensor(
    isFortran ? [0, ...shape.slice(1)] : [numEntries, ...shape.slice(1)],
    Float64Array.from(seen),
  );
  return kindOfArray(withType(sample, values), { as, isFloat });
}

/** Refuses an array of which several readings are possible. */
export function refuseEither(where: string, shape: readonly number[]): never {
  throw new InputError(
    `${where}: found numbers [${shape.join(", ")}] that may be experts of tokens and may be loads, expected what tells`,
    "Maybe pass as tokens, or pass as loads.",
  );
}

interface Facts {
  readonly numRows: number;
  readonly numValues: number;
  readonly least: number;
  readonly most: number;
  /** Rows, but for those of one value only, with a value twice. */
  readonly numRepeats: number;
  /** Rows that are all zero or have the sum of the one before them in the same entry of the first dimension. */
  readonly numEqualSums: number;
  readonly numSums: number;
  readonly isWhole: boolean;
  readonly isBinary: boolean;
  /** Whether numbers are as narrow and unsigned as engines write ids. */
  readonly isNarrow: boolean;
}

function factsOf({ shape, strides, start, values }: Tensor): Facts {
  const [numEntries, numRows, width] = shape.length === 3 ? shape : [1, ...shape];
  const [entryStride, rowStride, stride] = strides.length === 3 ? strides : [0, ...strides];
  const facts = {
    least: Infinity,
    most: -Infinity,
    numRepeats: 0,
    numEqualSums: 0,
    numSums: 0,
    isWhole: true,
    isBinary: true,
  };
  for (let entry = 0; entry < numEntries; entry++) {
    let before: number | undefined;
    for (let row = 0; row < numRows; row++) {
      const ids = Float64Array.from(
        { length: width },
        (_, at) => values[start + entry * entryStride + row * rowStride + at * stride],
      );
      let sum = 0;
      for (const id of ids) {
        sum += id;
        facts.least = Math.min(facts.least, id);
        facts.most = Math.max(facts.most, id);
        facts.isWhole &&= Number.isInteger(id);
        facts.isBinary &&= id === 0 || id === 1;
      }
      const chosen = ids.filter((id) => id >= 0 && id !== 65535 && id !== 255);
      if (new Set(ids).size > 1 && new Set(chosen).size < chosen.length) facts.numRepeats++;
      if (sum === 0) continue;
      if (before !== undefined) {
        facts.numSums++;
        facts.numEqualSums += Number(sum === before);
      }
      before = sum;
    }
  }
  const isNarrow = values instanceof Uint8Array || values instanceof Uint16Array;
  return { ...facts, numRows: numEntries * numRows, numValues: numEntries * numRows * width, isNarrow };
}

/** Why numbers cannot be ids; undefined where they can. */
function reasonForLoads(shape: readonly number[], facts: Facts, isFloat: boolean): string | undefined {
  const { least, most, numValues, numRepeats, numRows, numSums, numEqualSums, isBinary } = facts;
  const width = shape[shape.length - 1];
  if (isFloat || !facts.isWhole) return "fractions";
  if (shape.length === 3 && width > MAX_TOP_K)
    return `a last dimension of ${width}, more than experts of a token`;
  if (most >= MAX_ID && !LARGEST.has(most)) return `a number of ${most}, larger than any id`;
  if (numValues > 0 && least > 1 && (1 - least / (most + 1)) ** numValues < UNLIKELY) {
    return `no number below ${least}, although ids begin at 0`;
  }
  if (isBinary && shape.length === 2 && numRows > 0) return "nothing but 0 and 1";
  if (width >= 4 && numSums >= (shape.length === 3 ? 4 : 1) && numEqualSums === numSums) {
    return "the same sum in every layer";
  }
  if (shape.length === 3 && width >= 4 && numRepeats >= 3 && numRepeats > 0.02 * numRows) {
    return "numbers that come twice in a row";
  }
  return undefined;
}

/** Three dimensions that may be ids. */
function kindOfCube({ shape }: Tensor, { numRows, most, isNarrow }: Facts): ArrayVerdict {
  const width = shape[2];
  const distinct = (numRows * width * (width - 1)) / 2 / (most + 1);
  const isTokens = numRows === 0 || width < 8 || isNarrow || most < width || distinct > DISTINCT;
  return isTokens
    ? { kind: "tokens", why: "whole numbers, in rows as short as a token's and without repeats" }
    : {
        kind: "either",
        why: `${numRows} rows of ${width} distinct numbers up to ${most} are too few to tell`,
      };
}

/** Two dimensions that may be ids. */
function kindOfMatrix(shape: readonly number[], facts: Facts, asTokens: () => ArrayKind): ArrayVerdict {
  const [numRows, width] = shape;
  if (width > MAX_LAYERS) return { kind: "loads", why: `${width} columns, more than layers of any model` };
  if (numRows > MAX_LAYERS)
    return { kind: asTokens(), why: `${numRows} rows, more than layers of any model` };
  if (numRows < MIN_TOKENS) return { kind: "loads", why: `${numRows} rows, as many as a model has layers` };
  const distinct = (numRows * width * (width - 1)) / 2 / (facts.most + 1);
  if (width <= MAX_TOP_K && facts.numRepeats === 0 && distinct > DISTINCT) {
    return { kind: asTokens(), why: "rows as short as a token's and without repeats" };
  }
  return { kind: "either", why: `${numRows} rows may be layers or tokens` };
}

/** A sample with the type of the numbers it was taken from, which tells how narrow they are. */
function withType(sample: Tensor, { constructor }: Tensor["values"]): Tensor {
  return { ...sample, values: (constructor as Float64ArrayConstructor).from(sample.values) };
}
