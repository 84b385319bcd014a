import { InputError } from "../../lib/errors.js";
import { entryOf, sizeOf, tensorOfLists, vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import type { ReadAs } from "../array-kind.js";
import { whyLoads } from "../why-loads.js";
import { appendIds } from "../bytes/tensor-rows.js";
import { isTensor, type TorchDict, type TorchValue } from "../containers/torch-file.js";
import type { TraceBuilder } from "../trace-builder.js";
import { appendCounts, countsIn } from "./expert-counts.js";
import { appendTable, layersOf } from "./named-tables.js";
import { byNumber } from "../numbered-names.js";
import { appendNestedRows } from "./nested-rows.js";
import { appendNumbers } from "./numbers.js";
import { isLayerName, layerInKey, layerInName } from "../layer-name.js";

/** Names under which recordings keep the experts of tokens, the likeliest first. */
const TOKENS =
  /^(routed_experts|top_?k_(ids|indices|idx|experts)|top_indices|(router_|expert_|experts_)?(indices|ids|idx)|(selected|chosen|activated)_experts|experts?)$/i;
/** Names under which they keep loads, vllm-ascend's expert_load_view among them. */
const LOADS = /^((logical_|expert_|token_)?(counts?|loads?)|expert_load_(view|pass)|logical_expert_load)$/i;
/** Names of what stands beside the ids. */
const BESIDE =
  /weight|score|prob|logit|gate|bias|hidden|token|input|prompt|mask|position|length|_(len|seq|pos)$/i;
/** Names of the number, or the name, of the layer that all beside it is of. */
const LAYER = /^layer(_?(id|idx|index|no|number|name))?$/i;
/** Values within values; a pickle may hold itself. */
const MOST_DEEP = 6;

/** Whether an array of this name is likely to be experts of tokens, loads, or those of a layer. */
export function isArrayName(name: string): boolean {
  const isOfLayers = isLayerName(name) && (/\d/.test(name) || /(layer|block)s?$/i.test(name));
  return TOKENS.test(name) || LOADS.test(name) || isOfLayers || /^(\d+|tokens)$/i.test(name);
}

/** Where a value stands, and what is known of it. */
interface Place {
  readonly where: string;
  /** As a key or a member beside it tells. */
  readonly layer?: number | undefined;
  /** Whether the layer is but the place in a list, which may be one of requests. */
  readonly isPlace?: boolean;
  /** Whether a name says that it is a layer. */
  readonly isNamed?: boolean;
  /** What the name says. */
  readonly as?: ReadAs | undefined;
  /** Tokens of a sequence, where a member beside it tells. */
  readonly length?: number | undefined;
  readonly depth: number;
}

/**
 * Reads arrays by name: one, of experts or loads as its name and its numbers tell; arrays by layer; or dictionaries of
 * such, with `layer`, `model` and `sequence_length` beside them. What stands beside the ids is left out.
 *
 * @throws InputError if no array is likelier than the others.
 */
export function appendNamed(builder: TraceBuilder, content: TorchValue, path: string): void {
  appendValue(builder, content, { where: path, depth: 0 });
}

function appendValue(builder: TraceBuilder, value: TorchValue, place: Place): void {
  const { where, depth } = place;
  if (depth > MOST_DEEP)
    throw new InputError(`${where}: found values within values, expected arrays by name`);
  if (!isTensor(value) && appendTable(builder, value, where)) return;
  const array = arrayIn(value);
  if (array) {
    appendTensor(builder, array, place);
  } else if (isList(value)) {
    if (value.every(isRow)) appendRagged(builder, value, place);
    else if (place.isNamed === true && place.layer !== undefined)
      // The batches of a layer, one after the other.
      for (const batch of value) appendValue(builder, batch, { ...place, depth: depth + 1 });
    else appendEntries(builder, [...value.entries()], { ...place, isPlace: true });
  } else if (value instanceof Map) {
    appendDict(builder, value as TorchDict, place);
  } else {
    throw new InputError(`${where}: found no array, expected experts of tokens or loads`);
  }
}

/** Appends tokens of layers whose numbers are told. Shape [numTokens, numLayers, topK]. */
function appendNumbered(builder: TraceBuilder, array: Tensor, place: Place, layers: readonly number[]): void {
  const { shape, strides, start } = array;
  for (const [at, layer] of layers.entries()) {
    const ofLayer = { shape: [shape[0], shape[2]], strides: [strides[0], strides[2]], values: array.values };
    appendTensor(
      builder,
      { ...ofLayer, start: start + at * strides[1] },
      { ...place, layer, isPlace: false },
    );
  }
}

function appendTensor(builder: TraceBuilder, array: Tensor, place: Place): void {
  const { where, layer = layerInName(where), isPlace = false, length = 0 } = place;
  const as = builder.options.as ?? place.as;
  const { shape, strides, start } = array;
  const isOfLayer = place.layer !== undefined && !(isPlace && shape.length === 3);
  if (shape.length === 1 && isOfLayer && as === undefined) {
    appendVectors(builder, [[layer, array]], place);
  } else if (shape.length === 2 && as !== "loads" && (isOfLayer || as === "tokens")) {
    const step = length > 0 ? length : Math.max(1, shape[0]);
    for (let first = 0; first < shape[0]; first += step) {
      builder.startSequence(layer, { topK: shape[1] });
      const sequence = [Math.min(step, shape[0] - first), shape[1]];
      appendIds(builder, layer, { ...array, shape: sequence, start: start + first * strides[0] }, where);
    }
  } else if (shape.length === 2 && isOfLayer) {
    for (let step = 0; step < shape[0]; step++)
      builder.addStep(where, [[layer, vectorOf(entryOf(array, step))]]);
  } else if (shape.length === 3 && as !== "loads" && isOfLayer) {
    for (let entry = 0; entry < shape[0]; entry++) {
      appendTensor(builder, entryOf(array, entry), { ...place, as: "tokens" });
    }
  } else {
    appendNumbers(builder, array, { where, layer, as });
  }
}

/** Rows of uneven lengths are tokens that have more or fewer experts. */
function appendRagged(
  builder: TraceBuilder,
  rows: readonly (readonly number[])[],
  { where, layer }: Place,
): void {
  rows.forEach((row, token) => {
    const fault = builder.append(layer ?? layerInName(where), row);
    if (fault) throw new InputError(`${where}: token ${token}: ${fault.found}`, fault.advice);
  });
}

function appendDict(builder: TraceBuilder, dict: TorchDict, place: Place): void {
  const { where, depth } = place;
  const model = dict.get("model");
  if (typeof model === "string") builder.model ??= model;
  const numExperts = numberOf(dict.get("num_experts"));
  if (numExperts !== undefined) builder.declare(where, { numExperts });
  const told = [...dict].map(([key, member]) => (LAYER.test(String(key)) ? layerTold(member) : undefined));
  const layer = told.find((id) => id !== undefined);
  const inside = {
    ...place,
    ...(layer !== undefined && { layer, isPlace: false }),
    length: numberOf(dict.get("sequence_length")),
    depth: depth + 1,
  };
  if (countsIn(dict)) {
    appendEntries(builder, [[inside.layer ?? layerInName(where), dict]], inside);
    return;
  }
  const entries = [...dict].filter(([, value]) => isTensor(value) || isList(value) || value instanceof Map);
  for (const [names, as] of [
    [TOKENS, "tokens"],
    [LOADS, "loads"],
  ] as const) {
    const named = entries.find(([key]) => names.test(String(key)));
    if (named) {
      const numbers = as === "tokens" ? layersOf(dict) : undefined;
      const array = arrayIn(named[1]);
      if (numbers && array) appendNumbered(builder, array, { ...inside, as }, numbers);
      else appendValue(builder, named[1], { ...inside, as });
      return;
    }
  }
  if (appendNestedRows(builder, entries, where)) return;
  const likely = entries.filter(([key]) => !BESIDE.test(String(key)));
  for (const candidates of [entries, likely]) {
    const keys = candidates.map(([key]) => key);
    if (!areLayers(keys)) continue;
    const isNamed = keys.every((key) => isLayerName(String(key)));
    if (place.layer !== undefined && candidates.every(([, value]) => isRow(value))) {
      appendRows(builder, candidates as [unknown, readonly number[]][], {
        ...inside,
        isNamed,
        isOfLayer: place.isNamed === true,
      });
      return;
    }
    const isPlace = !isNamed && !keys.every((key) => /^\d*$/.test(String(key)));
    appendEntries(
      builder,
      candidates.map(([key, value]) => [layerInKey(key)?.layer ?? 0, value]),
      { ...inside, isPlace, isNamed },
    );
    return;
  }
  if (likely.length === 1) {
    appendValue(builder, likely[0][1], inside);
    return;
  }
  const found = [...dict.keys()].map(String).join(", ").slice(0, 80) || "nothing";
  throw new InputError(
    `${where}: found ${found}, expected one array, arrays by layer, or one named routed_experts, topk_ids, expert_load ...`,
  );
}

/**
 * The experts of single tokens by number, within what has a number too: the tokens of a layer, or the layers of a token.
 *
 * @throws InputError if no name tells which.
 */
function appendRows(
  builder: TraceBuilder,
  entries: readonly (readonly [unknown, readonly number[]])[],
  place: Place & { readonly isOfLayer: boolean },
): void {
  const { where, layer = 0, isNamed = false, isOfLayer } = place;
  const areTokens = entries.every(([key]) => /tok|pos/i.test(String(key)));
  if (isNamed === areTokens && !isOfLayer) {
    throw new InputError(
      `${where}: found lists by number within numbers, expected to be told which are layers and which are tokens`,
      'Maybe name them, such as {"layer_0": {"token_0": [8, 26]}}.',
    );
  }
  for (const [key, row] of byNumber(entries)) {
    const of = isNamed ? (layerInKey(key)?.layer ?? 0) : layer;
    const fault = builder.append(of, row);
    if (fault) throw new InputError(`${where}: ${String(key)}: ${fault.found}`, fault.advice);
  }
}

/** Values by layer, or in a list. */
function appendEntries(
  builder: TraceBuilder,
  entries: readonly (readonly [number, TorchValue])[],
  place: Place,
): void {
  const counts = entries.flatMap(([layer, value]) => {
    const ofLayer = countsIn(value);
    return ofLayer ? [[layer, ofLayer] as const] : [];
  });
  if (counts.length > 0 && counts.length === entries.length) {
    appendCounts(builder, counts, { where: place.where, as: builder.options.as ?? place.as });
    return;
  }
  const vectors = entries.flatMap(([layer, value]) => {
    const array = arrayIn(value);
    return array?.shape.length === 1 ? [[layer, array] as const] : [];
  });
  if (vectors.length > 0 && vectors.length === entries.length) {
    appendVectors(builder, vectors, place);
    return;
  }
  if (place.isPlace === true && (builder.options.as ?? place.as) === "loads")
    checkPlaces(builder, entries, place);
  const shapes = new Set(
    entries.map(([, value]) => (isTensor(value) && value.shape.length === 3 ? String(value.shape) : "")),
  );
  for (const [layer, value] of entries) {
    // Requests are of different lengths, batches of one layer's tokens are not.
    const isRequest = isTensor(value) && value.shape.length === 3 && shapes.size > 1;
    const where = `${place.where}: ${place.isPlace ? "entry" : "layer"} ${layer}`;
    appendValue(builder, value, {
      ...place,
      where,
      layer,
      isPlace: place.isPlace || isRequest,
      depth: place.depth + 1,
    });
  }
}

/**
 * Refuses loads [steps, experts] in a list that may be one of layers, and [layers, experts] in one of steps, alike.
 *
 * @throws InputError unless the number of layers tells that the list is of layers.
 */
function checkPlaces(
  builder: TraceBuilder,
  entries: readonly (readonly [number, TorchValue])[],
  { where }: Place,
): void {
  const array = arrayIn(entries[0]?.[1] ?? null);
  if (array?.shape.length !== 2 || builder.options.numLayers === entries.length) return;
  throw new InputError(
    `${where}: found a list of ${entries.length} arrays [${array.shape.join(", ")}] of loads, expected to be told whether it is one ` +
      "of layers or of steps",
    `Maybe pass numLayers ${entries.length} where it is of layers; else save one array [steps, layers, experts].`,
  );
}

/** One list of numbers a layer: loads, which add up to the same, or the experts of a top-1 layer's tokens. */
function appendVectors(
  builder: TraceBuilder,
  vectors: readonly (readonly [number, Tensor])[],
  place: Place,
): void {
  const { where } = place;
  const as = builder.options.as ?? place.as;
  const rows = vectors.map(([, vector]) => [...vectorOf(vector)]);
  const matrix = tensorOfLists(rows);
  const isLoads =
    as === "loads" || (as === undefined && matrix !== undefined && whyLoads(matrix) !== undefined);
  if (isLoads) {
    builder.addStep(
      where,
      vectors.map(([layer, vector]) => [layer, vectorOf(vector)]),
    );
    return;
  }
  for (const [layer, vector] of vectors) {
    appendNumbers(builder, vector, { where, layer, as: as ?? (matrix === undefined ? "tokens" : undefined) });
  }
}

/** Whether keys are those of layers: numbers, or names that say so or differ in nothing but the number. */
function areLayers(keys: readonly unknown[]): boolean {
  const layers = keys.map(layerInKey);
  const numbers = new Set(layers.map((one) => one?.layer));
  if (numbers.has(undefined) || numbers.size < Math.max(1, layers.length)) return false;
  // numpy.savez names what has no name.
  if (keys.some((key) => /^arr_\d+$/.test(String(key)))) return false;
  const names = new Set(layers.map((one) => one?.rest));
  return (
    names.size === 1 && (keys.length > 1 || /^\d*$/.test(String(keys[0])) || isLayerName(String(keys[0])))
  );
}

/** The layer that a number tells, or a name such as model.layers.3.mlp. */
function layerTold(value: TorchValue): number | undefined {
  return typeof value === "string" ? layerInKey(value)?.layer : numberOf(value);
}

/** A number, or a tensor that holds just one. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return isTensor(value) && sizeOf(value) === 1 ? value.values[value.start] : undefined;
}

/** A tensor, or even lists as one. */
function arrayIn(value: TorchValue): Tensor | undefined {
  return isTensor(value) ? value : isList(value) ? tensorOfLists(value) : undefined;
}

function isList(value: TorchValue): value is readonly TorchValue[] {
  return Array.isArray(value);
}

function isRow(value: TorchValue): value is readonly number[] {
  return isList(value) && value.length > 0 && value.every((id) => typeof id === "number");
}
