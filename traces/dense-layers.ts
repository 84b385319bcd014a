import type { NumberingOptions } from "./numbering.js";
import type { TraceBuilder } from "./trace-builder.js";

/**
 * Leaves out the layers of a top-1 model of which every token, in all files, has expert 0, where other layers have others:
 * engines fill the rows of dense layers with zeros. Of more experts a token, rows of the same ids tell it at once. Layers
 * that the user named have experts.
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
  const list = [...dense].sort((a, b) => a - b).join(", ");
  return [
    `every token of ${dense.size === 1 ? "layer" : "layers"} ${list} has expert 0, as engines record layers without experts: ` +
      `left out; where they have experts, set layers to all that are wanted`,
  ];
}
