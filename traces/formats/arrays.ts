import { InputError } from "../../lib/errors.js";
import { entryOf, vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import { appendIds, appendLayers, loadsOfLayers } from "../bytes/tensor-rows.js";
import { sharesBySecond } from "../array-facts.js";
import { kindOfArray, refuseKind, type ReadAs } from "../array-kind.js";
import { MAX_LAYERS } from "../counted-columns.js";
import { expectedRepeats, MAX_TOP_K } from "../why-loads.js";
import type { TraceBuilder } from "../trace-builder.js";

/** What an array without names is for. */
export interface ArrayOptions {
  readonly where: string;
  /** Default: as the user asked for. */
  readonly as?: ReadAs | undefined;
  /** Layer of an array that holds one layer's tokens or loads. Default 0. */
  readonly layer?: number;
}

/**
 * Reads an array for what its numbers say it is.
 *
 * @throws InputError if it is neither experts of tokens nor loads, or may be both.
 */
export function appendArray(builder: TraceBuilder, array: Tensor, options: ArrayOptions): void {
  const { where, layer = 0, as = builder.options.as } = options;
  const { shape, strides } = array;
  const { kind, why } = kindOfArray(array, { ...builder.options, as });
  switch (kind) {
    case "tokens":
      noteOrder(builder, array, where);
      appendRequest(builder, array, where);
      return;
    case "layers of tokens":
      appendRequest(
        builder,
        {
          ...array,
          shape: [shape[1], shape[0], shape[2]],
          strides: [strides[1], strides[0], strides[2]],
        },
        where,
      );
      return;
    case "top-1 tokens":
      checkTopOne(builder, array, where);
      appendTopOne(builder, array, where);
      return;
    case "tokens of a layer":
      appendIds(builder, layer, shape.length === 1 ? column(array) : array, where);
      return;
    case "loads":
      if (shape.length === 1) builder.addStep(where, [[layer, vectorOf(array)]]);
      else appendLoads(builder, array, where);
      return;
    case "table":
    case "either":
    case "either tokens":
    case "scores":
    case "damaged":
    case "neither":
      return refuseKind(where, shape, kind, why);
  }
}

const LAYERS_FIRST = "where layers come first";

/** Says, once, that what may be layers was taken for tokens: fewer tokens than layers, whose experts tell nothing. */
function noteOrder(builder: TraceBuilder, ids: Tensor, where: string): void {
  const [numTokens, numLayers] = ids.shape;
  if (!isShort(ids.shape) || builder.options.numLayers !== undefined) return;
  if (builder.warnings.some((warning) => warning.endsWith(LAYERS_FIRST)) || sharesBySecond(ids)) return;
  builder.warnings.push(
    `${where}: taken for ${numTokens} tokens of ${numLayers} layers; pass numLayers ${numTokens} ${LAYERS_FIRST}`,
  );
}

/** Whether an array would have fewer tokens than layers. Shape [numTokens, numLayers, topK]. */
export function isShort([numTokens, numLayers, topK]: readonly number[]): boolean {
  return numTokens > 1 && numTokens < numLayers && topK > 0;
}

/** Appends the tokens of a request. Shape [numTokens, numLayers, topK]. */
function appendRequest(builder: TraceBuilder, ids: Tensor, where: string): void {
  startRequest(builder, ids.shape);
  appendLayers(builder, ids, where);
}

/** Says that a request comes next, which is a sequence. Shape [numTokens, numLayers, topK]. */
export function startRequest(builder: TraceBuilder, [numTokens, numLayers, topK]: readonly number[]): void {
  for (let layer = 0; layer < numLayers; layer++) {
    builder.startSequence(layer, { topK });
    builder.reserve(layer, numTokens);
  }
}

/** Repeats that chance would make, from which on rows without any are those of tokens with several experts. */
const SURE = 20;

/**
 * Refuses the experts of several layers side by side, [tokens, layers x top-k]: no expert comes twice within top-k columns.
 *
 * @throws InputError unless it was told that tokens have one expert.
 */
function checkTopOne(builder: TraceBuilder, { shape, strides, start, values }: Tensor, where: string): void {
  const [numRows, width] = shape;
  if (builder.options.topK === 1) return;
  const seen = Math.min(numRows, 1024);
  const idAt = (row: number, column: number) => values[start + row * strides[0] + column * strides[1]];
  for (let topK = 2; topK <= Math.min(MAX_TOP_K, width / 2); topK++) {
    if (width % topK !== 0) continue;
    let [most, isDistinct, numAcross] = [0, true, 0];
    for (let row = 0; row < seen && isDistinct; row++) {
      for (let first = 0; first < width && isDistinct; first += topK) {
        const ids = Array.from({ length: topK }, (_, at) => idAt(row, first + at));
        for (const id of ids) most = Math.max(most, id);
        isDistinct = new Set(ids).size === topK;
        // Neighbours of two layers may be the same.
        numAcross += Number(first > 0 && idAt(row, first - 1) === ids[0]);
      }
    }
    const isChance = numAcross === 0 || expectedRepeats(topK, (seen * width) / topK, most) < SURE;
    if (!isDistinct || isChance) continue;
    throw new InputError(
      `${where}: found numbers [${shape.join(", ")}] without an expert twice within ${topK} columns each, expected one expert for each ` +
        "layer of a top-1 model",
      `Maybe they are [tokens, layers x top-k]: save them as [${numRows}, ${width / topK}, ${topK}]; or pass topK 1.`,
    );
  }
}

/** Appends the tokens of a model of top-1 layers. Shape [numTokens, numLayers]. */
function appendTopOne(builder: TraceBuilder, ids: Tensor, where: string): void {
  appendLayers(builder, column(ids), where);
}

/**
 * Adds loads [numLayers, numExperts], or of several steps or ranks.
 *
 * @throws InputError if they are omni-infer's placement patterns [devices, layers, experts], which hold nothing but 0 and
 *   1 and say where experts are, not how often they are chosen; or if there are more rows than a model has layers.
 */
function appendLoads(builder: TraceBuilder, loads: Tensor, where: string): void {
  const numLayers = loads.shape[loads.shape.length - 2];
  if (numLayers > MAX_LAYERS && builder.options.as === undefined) {
    throw new InputError(
      `${where}: found loads [${loads.shape.join(", ")}], ${numLayers} layers, expected [layers, experts] or [steps, layers, experts]`,
      "Maybe reshape them; where these are tokens of a top-1 model, pass as tokens, and where they are layers, pass as loads.",
    );
  }
  if (loads.shape.length === 2) {
    builder.addStep(where, loadsOfLayers(loads));
    return;
  }
  if (loads.values.every((value) => value === 0 || value === 1)) {
    throw new InputError(
      `${where}: found a placement pattern of nothing but 0 and 1, expected loads`,
      "Maybe this is for moeplace import or moeplace verify.",
    );
  }
  const entries = Array.from({ length: loads.shape[0] }, (_, at) => loadsOfLayers(entryOf(loads, at)));
  // Steps differ, and ranks may. Those that all have the same computed the same batch.
  const first = String(entries[0]);
  const areRanks = entries.length > 1 && entries.every((entry) => String(entry) === first);
  for (const [at, entry] of entries.entries())
    builder.addStep(areRanks ? `${where}: rank ${at}` : where, entry);
}

/** A tensor with a last dimension of 1 more. */
function column(tensor: Tensor): Tensor {
  return { ...tensor, shape: [...tensor.shape, 1], strides: [...tensor.strides, 0] };
}
