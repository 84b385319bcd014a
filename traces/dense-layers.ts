import { largest } from "../lib/statistics.js";
import type { NumberingOptions } from "./numbering.js";
import type { TraceBuilder } from "./trace-builder.js";

/**
 * Leaves out the layers of which every token, in all files, has the first experts in the order of their ids, where other layers
 * have others: engines fill the rows of dense layers with zeros, which is expert 0 of a top-1 model, or with 0, 1, 2 ... Of more
 * experts a token, rows of the same id tell it at once. Layers that the user named have experts.
 *
 * @returns A warning, if any were left out.
 */
export function dropDenseLayers(
  builders: readonly TraceBuilder[],
  { layers: named = [] }: NumberingOptions,
): string[] {
  const found = builders.map((builder) => builder.denseLayers);
  const routed = new Set(
    found.flatMap(({ layers, dense }) => layers.filter((layer) => !dense.includes(layer))),
  );
  const dense = new Set(
    found.flatMap((each) => each.dense.filter((layer) => !routed.has(layer) && !named.includes(layer))),
  );
  if (dense.size === 0 || routed.size === 0) return [];
  for (const builder of builders) for (const layer of dense) builder.dropLayer(layer);
  const topK = largest(builders.map(({ widestToken }) => widestToken));
  const experts = topK === 1 ? "expert 0" : `experts 0 to ${topK - 1} in this order`;
  const list = [...dense].sort((a, b) => a - b).join(", ");
  return [
    `every token of ${dense.size === 1 ? "layer" : "layers"} ${list} has ${experts}, as engines record layers without experts: ` +
      `left out; where they have experts, set layers to all that are wanted`,
  ];
}
