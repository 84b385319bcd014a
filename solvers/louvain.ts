import type { Solver } from "../lib/placement/solver.js";
import { finish } from "./constraints/complete-placement.js";
import { BASELINE } from "./objectives/baseline.js";
import { bestCommunities } from "./starts/communities.js";

/** Communities of the co-activation graph, packed onto chiplets; not searched further. */
export const louvain: Solver = {
  ...BASELINE,
  name: "louvain",
  summary: "Louvain communities of experts that co-activate beyond chance, packed onto chiplets",
  solve(problem, options) {
    const { patterns, numChiplets, slotsPerChiplet, layer } = problem;
    const best = bestCommunities({ patterns, numChiplets, slotsPerChiplet }, { seed: options.seed, layer });
    return finish(problem, best, { ...options, stoppedBy: "budget" });
  },
};
