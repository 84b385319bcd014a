import type { Tensor } from "../lib/containers/tensor.js";
import { factsOf, MAX_ID, type ArrayFacts } from "./array-facts.js";

/** No model gives a token more experts; a longer last dimension counts experts. */
export const MAX_TOP_K = 24;
/** Fewer of so many numbers are damaged ids, where no row has a number twice. */
const LONE_ONE_IN = 200;
/** No model has fewer experts. */
export const MIN_EXPERTS = 4;
/** The chance of ids, drawn from all experts, to leave out as many small ones; and of loads to have no repeats. */
const UNLIKELY = 1e-6;

/** Why the numbers of an array [layers, experts] cannot be ids; undefined where they can. */
export function whyLoads(matrix: Tensor): string | undefined {
  return reasonForLoads(matrix.shape, factsOf(matrix));
}

/** Why numbers cannot be ids; undefined where they can. */
export function reasonForLoads(shape: readonly number[], facts: ArrayFacts): string | undefined {
  const { least, most, hasNever, numValues, numRepeats, numRows, numSums, numEqualSums, isBinary } = facts;
  const width = shape[shape.length - 1];
  if (!facts.isWhole) return "fractions";
  if (shape.length === 3 && width > MAX_TOP_K)
    return `a last dimension of ${width}, more than experts of a token`;
  // Before padding: among loads, a number may be what stands for no expert by chance.
  const isLone = LONE_ONE_IN * facts.numHuge < numValues && numRepeats === 0;
  if (most >= MAX_ID && !isLone) return `a number of ${most}, larger than any id`;
  if (hasNever) return undefined;
  const mayBeIdle = (shape.length === 3 && width < MIN_EXPERTS) || isSurelyDistinct(width, facts);
  if (!mayBeIdle && numValues > 0 && least > 1 && (1 - least / (most + 1)) ** numValues < UNLIKELY) {
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

/** How many rows would have a number twice, if numbers were drawn by chance. */
export function expectedRepeats(width: number, numRows: number, most: number): number {
  return (numRows * width * (width - 1)) / 2 / (most + 1);
}

/** Whether rows are without repeats, which loads would have. */
function isSurelyDistinct(width: number, { numRows, numRepeats, most }: ArrayFacts): boolean {
  return numRepeats === 0 && Math.exp(-expectedRepeats(width, numRows, most)) < UNLIKELY;
}
