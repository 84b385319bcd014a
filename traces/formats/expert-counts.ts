import { tensorOfLists } from "../../lib/containers/tensor.js";
import { checkModelSizes } from "../../lib/plausible-size.js";
import { largest } from "../../lib/statistics.js";
import { MIN_NUMBERS, refuseKind, type ReadAs } from "../array-kind.js";
import type { TorchDict, TorchValue } from "../containers/torch-file.js";
import { layerInKey } from "../layer-name.js";
import type { TraceBuilder } from "../trace-builder.js";
import { whyLoads } from "../why-loads.js";

/** How often each expert was chosen, by its number; undefined where a value is anything else. */
export function countsIn(value: TorchValue): ReadonlyMap<number, number> | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined;
  const counts = new Map<number, number>();
  for (const [key, count] of value as TorchDict) {
    const expert = layerInKey(key);
    if (expert === undefined || typeof count !== "number" || !/^(\D*expert\D*)?$/i.test(expert.rest))
      return undefined;
    counts.set(expert.layer, count);
  }
  return counts.size === value.size ? counts : undefined;
}

/**
 * Adds up how often the experts of layers were chosen.
 *
 * @throws InputError if these may be the experts of tokens.
 */
export function appendCounts(
  builder: TraceBuilder,
  layers: readonly (readonly [number, ReadonlyMap<number, number>])[],
  { where, as }: { where: string; as: ReadAs | undefined },
): void {
  const last = largest(layers.map(([, counts]) => largest([...counts.keys()])));
  const numExperts = Math.max(last + 1, builder.numExperts ?? 0);
  checkModelSizes(where, { numExperts }, builder.options);
  const loads = layers.map(
    ([layer, counts]) =>
      [layer, Float64Array.from({ length: numExperts }, (_, expert) => counts.get(expert) ?? 0)] as const,
  );
  const matrix = tensorOfLists(loads.map(([, load]) => [...load]));
  const isWhole = layers.every(([, counts]) => counts.size === numExperts);
  const mayBeTokens =
    isWhole && numExperts >= MIN_NUMBERS && matrix !== undefined && whyLoads(matrix) === undefined;
  if (as === "tokens" || (as === undefined && mayBeTokens))
    refuseKind(where, [layers.length, numExperts], "either", "");
  builder.addStep(where, loads);
}
