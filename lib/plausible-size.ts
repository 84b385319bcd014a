import { describeValue } from "./describe-value.js";
import { InputError } from "./errors.js";

// What a file declares is believed only as far as it is plausible: against the bytes that are there, and against the
// largest models that are. Asked before anything of that size is made, by every reader of traces and placements.

/** The largest model that is read; larger ones have to be asked for. */
export interface SizeLimits {
  /** Experts of a layer. Default 4096, at most 65536, as ids have 16 bits. */
  readonly maxExperts?: number | undefined;
  /** Layers of a model, dense ones included: layer numbers are below it. Default 1024. */
  readonly maxLayers?: number | undefined;
  /** Experts of a token. Default 64, at most 4096. */
  readonly maxTopK?: number | undefined;
}

export const DEFAULT_LIMITS = { maxExperts: 4096, maxLayers: 1024, maxTopK: 64 } as const;

/** Sizes that a file declares or an array's shape implies. */
export interface DeclaredSizes {
  readonly numExperts?: number | undefined;
  readonly numChiplets?: number | undefined;
  readonly numLayers?: number | undefined;
  readonly layer?: number | undefined;
  readonly topK?: number | undefined;
}

/** Entries that an array may have beyond those there are bytes for, by repeating them or along with an empty dimension. */
const MOST_REPEATED = 2 ** 22;
const MIB = 2 ** 20;

/**
 * Checks the sizes of a model as a file gives them.
 *
 * Chiplets are limited as experts are: each holds at least one of them or is of no use.
 *
 * @throws InputError if one is no whole number, too small to mean anything or beyond its limit.
 *
 * @example
 * checkModelSizes("trace.jsonl:1", { numExperts: 1e9 });
 * // InputError "trace.jsonl:1: found 1000000000 experts, expected 1 to 4096"
 */
export function checkModelSizes(where: string, sizes: DeclaredSizes, limits: SizeLimits = {}): void {
  const { maxExperts, maxLayers, maxTopK } = withDefaults(limits);
  check(where, sizes.numExperts, { name: "experts", least: 1, most: maxExperts, option: "maxExperts" });
  check(where, sizes.numChiplets, { name: "chiplets", least: 1, most: maxExperts, option: "maxExperts" });
  check(where, sizes.numLayers, { name: "layers", least: 1, most: maxLayers, option: "maxLayers" });
  check(where, sizes.topK, { name: "experts in a token", least: 1, most: maxTopK, option: "maxTopK" });
  const { layer } = sizes;
  if (layer !== undefined && !isWithin(layer, 0, maxLayers - 1)) {
    throw new InputError(
      `${where}: found layer ${layer}, expected 0 to ${maxLayers - 1}`,
      layer >= maxLayers ? "Maybe raise maxLayers." : undefined,
    );
  }
}

/** Limits with those filled in that were not told, none above what ids of 16 bits and rows can be. */
export function withDefaults(limits: SizeLimits): { maxExperts: number; maxLayers: number; maxTopK: number } {
  return {
    maxExperts: Math.min(limits.maxExperts ?? DEFAULT_LIMITS.maxExperts, 65536),
    maxLayers: limits.maxLayers ?? DEFAULT_LIMITS.maxLayers,
    maxTopK: Math.min(limits.maxTopK ?? DEFAULT_LIMITS.maxTopK, 4096),
  };
}

/**
 * Number of entries of an array, if that is plausible.
 *
 * An array may have more entries than were stored, along a dimension of stride 0, and any size beside a dimension of
 * 0: both up to 4 million, which loops survive.
 *
 * @param numStored Entries there are bytes for.
 * @throws InputError if a size is no whole number, or their product is beyond what is there.
 */
export function checkShape(where: string, shape: readonly number[], numStored: number): number {
  const isSound = shape.every((size) => isWithin(size, 0, Number.MAX_SAFE_INTEGER));
  // What is no number is only described: to make one of lists nested deep goes beyond the stack.
  const extent = isSound ? shape.reduce((product, length) => product * Math.max(1, length), 1) : Infinity;
  if (extent <= Math.max(numStored, MOST_REPEATED))
    return shape.reduce((product, length) => product * length, 1);
  const found = shape.slice(0, 8).map((length) => describeValue(length));
  throw new InputError(
    `${where}: found an array of shape [${found.join(", ")}], expected at most ${numStored} entries, as are there`,
    "Maybe the file was cut off.",
  );
}

/** What a compressed file may unpack to: how it is used decides how much memory a byte takes. */
export type UnpackedUse = "streamed" | "array" | "document";

/** Bytes unpacked that need no justification, and bytes for every byte packed. */
const unpackedLimits: Readonly<Record<UnpackedUse, readonly [number, number]>> = {
  // Read piece by piece: only time is at stake. Rows of warm-up are alike and compress well.
  streamed: [256 * MIB, 200],
  // Numbers, which take up to eight bytes for one that is there.
  array: [64 * MIB, 100],
  // JSON and text, of which a byte may become an object of thirty.
  document: [32 * MIB, 32],
};

/**
 * Checks how many bytes a compressed file unpacks to, while or before it does.
 *
 * @throws InputError if they are more than any trace compresses to, as in a file made to fill the memory.
 */
export function checkUnpacked(
  where: string,
  sizes: { packed: number; unpacked: number },
  use: UnpackedUse,
): void {
  const { packed, unpacked } = sizes;
  const [floor, ratio] = unpackedLimits[use];
  const most = Math.max(floor, ratio * packed);
  if (unpacked <= most) return;
  throw new InputError(
    `${where}: found ${packed} bytes that unpack to more than ${most}, expected a file that was not made to fill the memory`,
    "Maybe unpack it first, if it can be trusted.",
  );
}

/** Bytes that a list or an object takes once it is read, and one more value in it: measured, rounded up. */
const LIST_BYTES = 100;
const VALUE_BYTES = 24;
/** Bytes that a packed document may take so, and bytes for every byte packed: rows of two of eight experts take 330. */
const MOST_MADE = [256 * MIB, 384] as const;

/**
 * Checks how much memory the lists and values of a packed document will take, before they are made: an empty list takes fifty
 * times its two characters.
 *
 * @throws InputError if it is more than any trace that packs so small takes.
 */
export function checkMade(
  where: string,
  { packed, lists, values }: { packed: number; lists: number; values: number },
): void {
  const [floor, ratio] = MOST_MADE;
  if (LIST_BYTES * lists + VALUE_BYTES * values <= Math.max(floor, ratio * packed)) return;
  throw new InputError(
    `${where}: found ${packed} bytes that unpack to ${lists} lists and ${values} values, expected fewer`,
    "Maybe unpack it first, if it can be trusted.",
  );
}

/** Bytes of a line, or of whatever a streamed file is cut into. */
const MOST_LINE_BYTES = 64 * MIB;

/**
 * Checks how long a line has become while its end is sought.
 *
 * @throws InputError if no line of a trace is that long.
 */
export function checkLineLength(where: string, numBytes: number, most = MOST_LINE_BYTES): void {
  if (numBytes <= most) return;
  throw new InputError(
    `${where}: found a line or a header of more than ${most} bytes, expected shorter ones`,
  );
}

interface CountLimit {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly option: string;
}

function check(where: string, count: number | undefined, { name, least, most, option }: CountLimit): void {
  if (count === undefined || isWithin(count, least, most)) return;
  throw new InputError(
    `${where}: found ${count} ${name}, expected ${least} to ${most}`,
    count > most ? `Maybe the file is damaged; ${option} raises the limit.` : undefined,
  );
}

function isWithin(count: number, least: number, most: number): boolean {
  return Number.isInteger(count) && count >= least && count <= most;
}
