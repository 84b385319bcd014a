import { InputError } from "../errors.js";
import type { Hardware } from "../hardware/hardware.js";
import { groupOfChiplet } from "../placement/chiplet-group.js";
import { formatRows, isRecord } from "./foreign-content.js";
import type { PlacementFormat } from "./placement-format.js";

/**
 * SGLang's `--eplb-topology` file: what a byte costs from one EP rank to another, for its own planner. It holds the
 * machine, not the placement.
 *
 * Source: SGLang pull request 37923 (open), srt/eplb/topology.py: square, not negative, zero for a rank itself.
 */
export const sglangTopology: PlacementFormat = {
  name: "sglang-topology",
  summary: "SGLang --eplb-topology: JSON, the cost of a byte from rank to rank (needs a machine)",
  extension: "json",
  needs: { layers: "any", equalSlots: false, noReplicas: false, machine: true },
  write({ numChiplets }, { hardware }) {
    if (hardware === undefined) {
      throw new InputError("sglang-topology: found no machine, expected one", "Maybe pass hardware.");
    }
    const found = hardware.numGroups * hardware.chipletsPerGroup;
    if (found !== numChiplets)
      throw new InputError(`sglang-topology: found a machine of ${found} chiplets, expected ${numChiplets}`);
    return `{"rank_cost_matrix": ${formatRows(rankCosts(hardware))}}\n`;
  },
  recognises: ({ json }) => isRecord(json) && "rank_cost_matrix" in json,
};

/**
 * Time of a byte from rank to rank, in times of a byte inside a group: 1 there, and between groups as many times as the
 * link of a chiplet is faster than its share of the group's link, at least 1.
 *
 * @returns Shape [numChiplets][numChiplets].
 *
 * @example
 * rankCosts(findHardware("h100-8x8"))[0].slice(6, 9); // [1, 1, 9]: NVLink inside a server, its network outside
 */
export function rankCosts({ numGroups, chipletsPerGroup, links }: Hardware): number[][] {
  const share = links.root.bytesPerNs.value / chipletsPerGroup;
  const outside = +Math.max(1, links.chiplet.bytesPerNs.value / share).toFixed(4);
  const ranks = Array.from({ length: numGroups * chipletsPerGroup }, (_, rank) => rank);
  const groupOf = (rank: number) => groupOfChiplet(rank, chipletsPerGroup);
  return ranks.map((from) =>
    ranks.map((to) => (from === to ? 0 : groupOf(from) === groupOf(to) ? 1 : outside)),
  );
}
