import { InputError } from "../errors.js";
import { chipletOfExperts } from "../placement/placement.js";
import {
  countExperts,
  countIds,
  isIdList,
  isRecord,
  layersOfRows,
  reportExtraKeys,
} from "./foreign-content.js";
import type { PlacementFormat } from "./placement-format.js";

const KEY = "expert_to_ep_rank";

/**
 * vLLM's `--expert-placement-file`: the EP rank of every expert, one map for all layers, no replicas.
 *
 * Source: vLLM pull request 34811 (open).
 */
export const vllmRanks: PlacementFormat = {
  name: "vllm-ranks",
  summary: "vLLM --expert-placement-file: JSON, the EP rank of every expert, one placement for all layers",
  extension: "json",
  needs: { layers: "one", equalSlots: false, noReplicas: true },
  write({ layers, numExperts }) {
    const idle = layers[0].chiplets.findIndex((experts) => experts.length === 0);
    if (idle !== -1)
      throw new InputError(`vllm-ranks: EP rank ${idle} holds no expert, expected at least one`);
    const rankOf = chipletOfExperts(layers[0].chiplets, numExperts);
    return `{"${KEY}": [${rankOf.join(", ")}]}\n`;
  },
  recognises: ({ json }) => isRecord(json) && KEY in json,
  read({ json }, options, report) {
    const document = json as Record<string, unknown>;
    reportExtraKeys(document, [KEY], report);
    const rankOf = document[KEY];
    if (!isIdList(rankOf, KEY, report)) return undefined;
    const numChiplets = options.numChiplets ?? countIds(rankOf);
    const numExperts = countExperts(options, rankOf.keys());
    if (rankOf.length !== numExperts) {
      report(`${KEY}: found ${rankOf.length} entries, expected ${numExperts}, one for every expert`);
    }
    const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
    rankOf.forEach((rank, expert) => {
      if (rank >= 0 && rank < numChiplets) chiplets[rank].push(expert);
      else report(`expert ${expert}: found EP rank ${rank}, out of range [0, ${numChiplets})`);
    });
    chiplets.forEach((experts, rank) => {
      if (experts.length === 0) report(`EP rank ${rank} holds no expert, expected at least one`);
    });
    const layers = layersOfRows(undefined, options, report).map((layer) => ({ layer, chiplets }));
    return { model: options.model, numExperts, numChiplets, layers };
  },
};
