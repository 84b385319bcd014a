import { InputError } from "../lib/errors.js";
import { isNpy, parseNpyHeader } from "../lib/containers/npy.js";
import {
  BYTES_OF,
  decodeValues,
  denseTensor,
  rowMajorStrides,
  type Tensor,
} from "../lib/containers/tensor.js";
import { factsOf, MAX_ID, sharesByFirst, type ArrayFacts } from "./array-facts.js";
import { counterAmong, countingOf, MAX_LAYERS, type Rows } from "./counted-columns.js";
import { expectedRepeats, MAX_TOP_K, MIN_EXPERTS, reasonForLoads } from "./why-loads.js";
import type { FileHead } from "./bytes/file-bytes.js";

/**
 * What the numbers of an array without names are:
 *
 * - `tokens`: experts, [tokens, layers, top-k];
 * - `top-1 tokens`: one expert for every layer, [tokens, layers];
 * - `tokens of a layer`: [tokens, top-k];
 * - `layers of tokens`: [layers, tokens, top-k];
 * - `loads`: [layers, experts], or [steps, layers, experts];
 * - `table`: rows of layer, token and experts, or behind a number of the row;
 * - `either tokens`: one of the two before;
 * - `either`: tokens or loads;
 * - `scores`: what a router thinks of experts, or the weights of those it chose: no ids and no loads;
 * - `damaged`: whole numbers, but for a few;
 * - `neither`: no array of two or three dimensions.
 */
export type ArrayKind =
  | "tokens"
  | "top-1 tokens"
  | "tokens of a layer"
  | "layers of tokens"
  | "loads"
  | "table"
  | "either tokens"
  | "either"
  | "scores"
  | "damaged"
  | "neither";

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
  /** Experts of a token. */
  readonly topK?: number | undefined;
  /** Experts of a layer. */
  readonly numExperts?: number | undefined;
  /** Layers of the model, dense ones included. */
  readonly numLayers?: number | undefined;
}

/** Numbers that are looked at. */
const MAX_SEEN = 65536;
/** No model of top-1 layers has as many; many models have as many experts. */
const MAX_TOP_1_LAYERS = 59;
/** Fewer numbers are nobody's tokens. */
export const MIN_NUMBERS = 100;
/** Repeats to expect of numbers drawn by chance, from which on rows without any are tokens. */
const DISTINCT = 4;

/**
 * Tells experts of tokens from loads, by shape, range, sums and repeats: a token has no expert twice, ids begin at 0 or
 * 1, and in every layer the loads of a step add up to the same.
 *
 * @param array All of it, or the beginning of it along the first dimension.
 * @param options What decides where both are possible.
 * @param length Entries along the first dimension, if these are but the first of them.
 */
export function kindOfArray(
  array: Tensor,
  options: DetectOptions = {},
  length = array.shape[0],
): ArrayVerdict {
  const { shape } = array;
  if (shape.length === 1) return kindOfVector(array, options);
  if (shape.length !== 2 && shape.length !== 3) return { kind: "neither", why: `${shape.length} dimensions` };
  const perEntry = shape.slice(1).reduce((product, size) => product * size, 1);
  const numEntries = Math.min(shape[0], Math.max(1, Math.floor(MAX_SEEN / Math.max(1, perEntry))));
  const beginning = { ...array, shape: [numEntries, ...shape.slice(1)] };
  const facts = factsOf(beginning);
  const width = shape[shape.length - 1];
  if (shape.length === 3 && width <= MAX_TOP_K) {
    if (options.numLayers === length && shape[1] !== length)
      return { kind: "layers of tokens", why: `${length} layers, as was told` };
    if (shape[1] > MAX_LAYERS)
      return { kind: "neither", why: `a second dimension of ${shape[1]}, more than layers of any model` };
  }
  const verdict = kindOfRows(beginning, facts, options, length);
  const mayBeLayers = shape.length === 3 && length <= MAX_LAYERS && options.numLayers !== shape[1];
  return verdict.kind === "tokens" && mayBeLayers && sharesByFirst(beginning)
    ? { kind: "neither", why: "whose first dimension seems to be layers" }
    : verdict;
}

/** Two dimensions, or three of which the last is a row. */
function kindOfRows(array: Tensor, facts: ArrayFacts, options: DetectOptions, length: number): ArrayVerdict {
  const { shape } = array;
  const width = shape[shape.length - 1];
  const { as, topK, numExperts } = options;
  const rows = shape.length === 2 ? rowsOf(array) : [];
  if (countingOf(rows, as) !== undefined)
    return { kind: "table", why: "the first columns count layers, tokens or rows" };
  if (as === "loads") return { kind: "loads", why: "as asked for" };
  const asTokens = () => kindOfTokens(shape, facts, topK);
  if (width === topK && width > 1 && facts.isWhole && facts.most < MAX_ID)
    return { kind: asTokens(), why: `rows of ${topK}, the experts of a token` };
  if (as === "tokens") return { kind: asTokens(), why: "as asked for" };
  const counter = counterAmong(rows);
  if (counter >= 0) return { kind: "neither", why: `whose column ${counter} counts` };
  if (areScores([length, ...shape.slice(1)], facts))
    return { kind: "scores", why: "fractions of at most 1, or below 0" };
  if (isDamaged(facts)) return { kind: "damaged", why: `${facts.odd} among whole numbers` };
  const loads = reasonForLoads(shape, facts);
  if (loads !== undefined) return { kind: "loads", why: loads };
  if (facts.hasNever) return { kind: asTokens(), why: "padding, which no loads have" };
  if (numExperts !== undefined && numExperts !== topK && width === numExperts)
    return { kind: "loads", why: `rows of ${numExperts}, the number of experts` };
  return shape.length === 2
    ? kindOfMatrix([length, width], facts, options, asTokens)
    : kindOfCube(shape, facts);
}

/** Fractions below 0, or of more rows than a model has layers and all of at most 1. Loads that are shares have a row a layer. */
function areScores(shape: readonly number[], { numOdd, odd, most, hasNegative }: ArrayFacts): boolean {
  if (numOdd === 0 || Number.isNaN(odd)) return false;
  return hasNegative || (most <= 1 && (shape.length === 3 || shape[0] > MAX_LAYERS));
}

/** One number in so many may be damaged. */
const ODD_ONE_IN = 100;

function isDamaged({ numOdd, numValues }: ArrayFacts): boolean {
  return numOdd > 0 && ODD_ONE_IN * numOdd <= numValues;
}

/** One dimension: the loads of a layer, or the experts of a top-1 layer's tokens. */
function kindOfVector(array: Tensor, { as }: DetectOptions): ArrayVerdict {
  const { isWhole, hasNever, most } = factsOf({
    ...array,
    shape: [1, ...array.shape],
    strides: [0, ...array.strides],
  });
  if (as !== undefined) return { kind: as === "loads" ? "loads" : "tokens of a layer", why: "as asked for" };
  if (!isWhole) return { kind: "loads", why: "fractions" };
  if (hasNever) return { kind: "tokens of a layer", why: "padding, which no loads have" };
  if (most >= MAX_ID) return { kind: "loads", why: `a number of ${most}, larger than any id` };
  return { kind: "either", why: "a list of numbers" };
}

/** Tells what a .npy file holds, from what it begins with. */
export function kindOfNpy({ bytes, path }: FileHead, options: DetectOptions = {}): ArrayVerdict {
  if (!isNpy(bytes)) return { kind: "neither", why: "no .npy" };
  const { type, shape, isFortran, isBigEndian, dataStart } = parseNpyHeader(bytes, path);
  const values = decodeValues(type, bytes.subarray(dataStart), isBigEndian);
  const perEntry = shape.slice(1).reduce((product, size) => product * size, 1);
  const numEntries = perEntry > 0 ? Math.min(shape[0], Math.floor(values.length / perEntry)) : 0;
  const isWhole = shape.length > 0 && shape[0] * perEntry <= (bytes.length - dataStart) / BYTES_OF[type];
  if (isFortran && isWhole) {
    const strides = rowMajorStrides(shape.toReversed()).toReversed();
    return kindOfArray({ shape, strides, start: 0, values }, options);
  }
  // What is seen of numbers in another order, or of an entry that is longer than that, are no whole rows.
  const seen = isFortran || numEntries === 0 ? [] : values.subarray(0, numEntries * perEntry);
  const sample = denseTensor(
    isFortran ? [0, ...shape.slice(1)] : [numEntries, ...shape.slice(1)],
    Float64Array.from(seen),
  );
  return kindOfArray(sample, options, shape[0]);
}

/** The rows of an array of two dimensions. */
export function rowsOf({ shape, strides, start, values }: Tensor): Rows {
  return Array.from({ length: shape[0] }, (_, row) =>
    Array.from({ length: shape[1] }, (__, column) => values[start + row * strides[0] + column * strides[1]]),
  );
}

/** Refuses an array of which several readings are possible, or none. */
export function refuseKind(where: string, shape: readonly number[], kind: ArrayKind, why: string): never {
  const found = `${where}: found numbers [${shape.join(", ")}]`;
  if (kind === "either") {
    throw new InputError(
      `${found} that may be experts of tokens and may be loads, expected what tells`,
      "Maybe pass as tokens, or pass as loads.",
    );
  }
  if (kind === "either tokens") {
    throw new InputError(
      `${found} that may be tokens of ${shape[1]} layers and tokens of one layer, expected what tells`,
      `Maybe pass topK 1 for layers of a top-1 model, or pass topK ${shape[1]}.`,
    );
  }
  if (kind === "scores") {
    throw new InputError(
      `${found}, ${why}, as scores and weights of a router are, expected ids of experts or loads`,
      "Maybe save the ids of the experts chosen, such as torch.topk(scores, k).indices; where these are shares of loads, pass as loads.",
    );
  }
  if (kind === "damaged") {
    throw new InputError(
      `${found} with ${why}, expected ids of experts or loads`,
      "Maybe write -1 where a token has no expert; where these are loads, pass as loads.",
    );
  }
  const advice =
    shape.length === 3
      ? `Maybe pass numLayers ${shape[0]} where these are [layers, tokens, top-k].`
      : "Maybe save a table of layer, token and experts as CSV; pass as tokens, or pass as loads, where it is none.";
  throw new InputError(
    `${found}, ${why}, expected experts [tokens, layers, top-k], loads [layers, experts] or rows of layer, token and experts`,
    shape.length === 2 || shape.length === 3 ? advice : undefined,
  );
}

/** Three dimensions that may be ids. */
function kindOfCube(shape: readonly number[], { numRows, numRepeats, most }: ArrayFacts): ArrayVerdict {
  const width = shape[2];
  const isTokens = numRows === 0 || width < MIN_EXPERTS || most < width;
  const expected = expectedRepeats(width, numRows, most);
  return isTokens || (expected > DISTINCT && DISTINCT * numRepeats < expected)
    ? { kind: "tokens", why: "whole numbers, in rows as short as a token's and without repeats" }
    : {
        kind: "either",
        why: `${numRows} rows of ${width} distinct numbers up to ${most} are too few to tell`,
      };
}

/** Two dimensions that may be ids. */
function kindOfMatrix(
  shape: readonly number[],
  { numValues, numRepeats, most }: ArrayFacts,
  { topK, numExperts }: DetectOptions,
  asTokens: () => ArrayKind,
): ArrayVerdict {
  const [numRows, width] = shape;
  // Of fewer tokens than experts nobody learns: such numbers are loads of a top-1 model.
  if (topK === 1 && numValues >= MIN_NUMBERS && most < (numExperts ?? numRows))
    return { kind: asTokens(), why: `one expert for each of ${width} layers, as was told` };
  const mayBeOfLayer = width <= MAX_TOP_K && numRepeats === 0;
  if (width > MAX_TOP_1_LAYERS && !mayBeOfLayer)
    return { kind: "loads", why: `${width} columns, more than layers of any top-1 model` };
  if (numRows > MAX_LAYERS)
    return { kind: asTokens(), why: `${numRows} rows, more than layers of any model` };
  if (numExperts !== undefined && width !== numExperts)
    return { kind: asTokens(), why: `rows of ${width}, which are no loads of ${numExperts} experts` };
  if (numValues < MIN_NUMBERS) return { kind: "loads", why: `${numValues} numbers, too few for tokens` };
  if (mayBeOfLayer && expectedRepeats(width, numRows, most) > DISTINCT) {
    return { kind: asTokens(), why: "rows as short as a token's and without repeats" };
  }
  return { kind: "either", why: `${numRows} rows may be layers or tokens` };
}

/** What tokens of two or three dimensions are; two may be the layers of a top-1 model, or one layer. */
function kindOfTokens(
  shape: readonly number[],
  { numRows, numRepeats, most }: ArrayFacts,
  topK: number | undefined,
): ArrayKind {
  const width = shape[shape.length - 1];
  if (shape.length === 3) return "tokens";
  if (topK !== undefined) return topK === 1 && width > 1 ? "top-1 tokens" : "tokens of a layer";
  if (numRepeats > 0 || width > MAX_TOP_K) return "top-1 tokens";
  return expectedRepeats(width, numRows, most) > DISTINCT ? "tokens of a layer" : "either tokens";
}
