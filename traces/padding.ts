import { NO_EXPERT, type LayerTrace } from "../lib/trace/routing-trace.js";

/** What is known of the ids in a file, by which padding is told from experts. */
export interface PaddingRule {
  /** Experts of a layer, where they are known. */
  readonly numExperts?: number | undefined;
  /** What the user said stands for no expert: an id, or nothing but negative numbers. */
  readonly padding?: number | "none" | undefined;
  /** Whether ids are unsigned numbers of 8 bits, whose largest, 255, is what -1 becomes. */
  readonly isByte?: boolean | undefined;
}

/** Largest unsigned number of 8 bits: -1 written into them. */
export const BYTE_PADDING = 255;

const NEVER = new Set([NO_EXPERT, 2 ** 32 - 1]);

/**
 * How many experts a token has. What fills the places behind them, in files whose rows are all of one width, is none;
 * this is the only place that says what that is:
 *
 * - negative numbers, and -1 as unsigned numbers of 16, 32 and 64 bits have it, are never experts;
 * - 255 is none where it fills two or more places, or where a layer is known to have fewer than 256 experts; so it is in
 *   8 bits that cannot hold all experts. Alone in the last place, where a layer may have 256 experts, it is an expert;
 * - the number of experts, one more than the last id, is none where it fills two or more places;
 * - an id that the user named is none, and then 255 and the number of experts are ids like any other.
 *
 * Whatever is none and stands before an expert is not padding, and wrong.
 *
 * @param ids The first `width` count.
 *
 * @example
 * countExperts([8, 26, -1, -1], 4, {}); // 2
 * countExperts([8, 26, 64, 64], 4, { numExperts: 64 }); // 2
 */
export function countExperts(ids: ArrayLike<number>, width: number, rule: PaddingRule): number {
  let end = width;
  while (end > 0 && isNever(ids[end - 1], rule)) end--;
  if (end === 0 || rule.padding !== undefined) return end;
  const last = ids[end - 1];
  if (last !== BYTE_PADDING && last !== rule.numExperts) return end;
  let start = end - 1;
  while (start > 0 && ids[start - 1] === last) start--;
  const isFill = end - start > 1 || (last === BYTE_PADDING && cannotBeByte(rule));
  return isFill ? start : end;
}

/** Whether 255 in a place of its own may be the last of 256 experts as well as padding of 8 bits. */
export function isDoubtful(id: number, { isByte, numExperts, padding }: PaddingRule): boolean {
  return id === BYTE_PADDING && isByte === true && padding === undefined && (numExperts ?? 256) === 256;
}

/** Whether an id is no expert, wherever it stands. */
export function isNever(id: number, { padding }: Pick<PaddingRule, "padding">): boolean {
  return !(id >= 0 && id < 2 ** 63) || NEVER.has(id) || id === padding;
}

function cannotBeByte({ numExperts, isByte = false }: PaddingRule): boolean {
  return numExperts !== undefined && (numExperts < 256 || (isByte && numExperts > 256));
}

/** A layer whose rows are `topK` wide: as the token that has most experts. */
export function withWidth(layer: LayerTrace, width: number, topK: number): LayerTrace {
  if (width === topK) return layer;
  const experts = new Uint16Array(layer.numTokens * topK).fill(NO_EXPERT);
  for (let token = 0; token < layer.numTokens; token++) {
    const row = layer.experts.subarray(token * width, token * width + Math.min(width, topK));
    experts.set(row, token * topK);
  }
  return { ...layer, experts };
}
