import type { Placement } from "../placement/placement.js";
import { InputError } from "../errors.js";
import { spreadLoad } from "../placement/spread-load.js";
import { largest, mean, sum } from "../statistics.js";
import { isRecord } from "./foreign-content.js";
import type { ExportOptions, PlacementFormat } from "./placement-format.js";

/**
 * LMDeploy's statistics of experts, from which it plans by itself: loads, for every *hidden* layer.
 *
 * Source: LMDeploy, pytorch/nn/eplb.py; rows of dense layers are there and never used.
 */
export const lmdeploy: PlacementFormat = {
  name: "lmdeploy",
  summary: "LMDeploy LMDEPLOY_EPLB_EXPERTS_STATISTIC_FILE: JSON, loads of every hidden layer (needs a trace)",
  extension: "json",
  needs: { layers: "all", equalSlots: false, noReplicas: false },
  asks: () => "trace, which tells the loads",
  describeFilled: (layers) => `wrote even loads for layers ${layers}, which have no placement`,
  write(placement, options) {
    const { filledLayers = [], loads } = options;
    const even = new Array<number>(placement.numExperts).fill(1);
    // Without loads EPLB would give all replicas to the first expert.
    const filled = filledLayers.filter((layer) => !loads?.has(layer));
    const told = { ...placement, layers: placement.layers.filter(({ layer }) => !filled.includes(layer)) };
    const loadOf = new Map([
      ...requireLoads("lmdeploy", told, options).map(({ layer, load }) => [layer, load] as const),
      ...filled.map((layer) => [layer, even] as const),
    ]);
    const none = new Array<number>(placement.numExperts).fill(0);
    const rows = Array.from({ length: options.numHiddenLayers }, (_, layer) => loadOf.get(layer) ?? none);
    return `[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n")}\n]\n`;
  },
  // Such a file is a trace of loads, and read as one.
  recognises: () => false,
};

/** The experts of every layer, the busiest first, with the share of the load that those so far have. */
export const hotExperts: PlacementFormat = {
  name: "hot-experts",
  summary:
    "experts of every layer, the busiest first, for offloading between GPU and CPU: JSON (needs a trace)",
  extension: "json",
  needs: { layers: "any", equalSlots: false, noReplicas: false },
  write(placement, options) {
    const layers = requireLoads("hot-experts", placement, options).map(({ layer, load }) => {
      const experts = [...load.keys()].sort((a, b) => load[b] - load[a] || a - b);
      const total = sum(load);
      let soFar = 0;
      const share = experts.map((expert) => +((soFar += load[expert]) / total).toFixed(4));
      return `  {"layer": ${layer}, "experts": ${JSON.stringify(experts)}, "loadShare": ${JSON.stringify(share)}}`;
    });
    return formatDocument("hot-experts", `"numExperts": ${placement.numExperts}`, layers);
  },
  recognises: ({ json }) => isRecord(json) && json.format === "moeplace.hot-experts",
};

/** How far the busiest rank of every layer is over the mean, and which it is: what planners have to assume. */
export const rankLoad: PlacementFormat = {
  name: "rank-load",
  summary: "largest load of a rank over the mean by layer, for planners: JSON (needs a trace)",
  extension: "json",
  needs: { layers: "any", equalSlots: false, noReplicas: false },
  write(placement, options) {
    const chipletsOf = new Map(placement.layers.map(({ layer, chiplets }) => [layer, chiplets]));
    const layers = requireLoads("rank-load", placement, options).map(({ layer, load }) => {
      const chiplets = chipletsOf.get(layer) ?? [];
      const numReplicas = load.map((_, expert) => chiplets.filter((held) => held.includes(expert)).length);
      const loads = chiplets.map((held) => sum(held.map((expert) => load[expert] / numReplicas[expert])));
      const hottest = loads.indexOf(largest(loads));
      return { layer, hottest, ratio: spreadLoad(load, chiplets) };
    });
    const meanRatio = mean(layers.map(({ ratio }) => ratio));
    const head = `"numRanks": ${placement.numChiplets}, "mean": ${+meanRatio.toFixed(4)}`;
    const lines = layers.map(
      ({ layer, hottest, ratio }) =>
        `  {"layer": ${layer}, "hottestRank": ${hottest}, "loadMaxOverMean": ${+ratio.toFixed(4)}}`,
    );
    return formatDocument("rank-load", head, lines);
  },
  recognises: ({ json }) => isRecord(json) && json.format === "moeplace.rank-load",
};

function formatDocument(format: string, head: string, layers: readonly string[]): string {
  return `{"format": "moeplace.${format}", "version": 1, ${head},\n"layers": [\n${layers.join(",\n")}\n]}\n`;
}

/**
 * Loads of the layers to be written.
 *
 * @throws InputError if those of a layer are not given, or are of another number of experts.
 */
export function requireLoads(
  format: string,
  { layers, numExperts }: Placement,
  { loads }: ExportOptions,
): { layer: number; load: number[] }[] {
  return layers.map(({ layer }) => {
    const load = loads?.get(layer);
    if (load === undefined) {
      throw new InputError(
        `${format}: found no loads of layer ${layer}, expected those of every layer`,
        "Maybe pass trace, which tells them.",
      );
    }
    if (load.length !== numExperts)
      throw new InputError(`${format}: found loads of ${load.length} experts, expected ${numExperts}`);
    return { layer, load: Array.from(load) };
  });
}
