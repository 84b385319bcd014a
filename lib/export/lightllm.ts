import { InputError } from "../errors.js";
import { isRecord } from "./foreign-content.js";
import type { PlacementFormat } from "./placement-format.js";

/**
 * LightLLM's `--ep_redundancy_expert_config_path`: the experts that *every* rank holds besides its own run of ids.
 *
 * They are as many as the placement has slots beyond one for every expert on each rank: the experts with the most
 * replicas, of as many the busiest ones where loads are given. Where its other experts sit is not in the file.
 * Source: LightLLM, utils/envs_utils.py, `get_redundancy_expert_ids`.
 */
export const lightllm: PlacementFormat = {
  name: "lightllm",
  summary: "LightLLM --ep_redundancy_expert_config_path: JSON, the redundant experts of every layer",
  extension: "json",
  needs: { layers: "all", equalSlots: true, redundantEach: true, noReplicas: false },
  write({ layers, numExperts, numChiplets, slotsPerChiplet }, { loads }) {
    const perRank = slotsPerChiplet - numExperts / numChiplets;
    if (!Number.isInteger(perRank) || perRank < 1) {
      throw new InputError(
        `lightllm: found ${slotsPerChiplet} slots on each of ${numChiplets} ranks for ${numExperts} experts, expected ` +
          "experts that divide by the ranks, and a slot more for each redundant one",
        "Maybe place anew, and pass numReplicas a multiple of the ranks.",
      );
    }
    const rows = layers.map(({ layer, chiplets }) => {
      const numReplicas = new Array<number>(numExperts).fill(0);
      for (const expert of chiplets.flat()) numReplicas[expert]++;
      const load = loads?.get(layer);
      const order = [...numReplicas.keys()].sort(
        (a, b) => numReplicas[b] - numReplicas[a] || (load?.[b] ?? 0) - (load?.[a] ?? 0) || a - b,
      );
      const redundant = order.slice(0, perRank).sort((a, b) => a - b);
      return `  "${layer}": ${JSON.stringify(redundant)}`;
    });
    return `{\n  "redundancy_expert_num": ${perRank},\n${rows.join(",\n")}\n}\n`;
  },
  recognises: ({ json }) => isRecord(json) && "redundancy_expert_num" in json,
};
