import type { PlacementProblem } from "../lib/placement/problem.js";
import type { Solver } from "../lib/placement/solver.js";
import { finish } from "./constraints/complete-placement.js";
import { BASELINE } from "./objectives/baseline.js";

/** Experts in the order of their ids, the default layout of every engine: the yardstick. */
export const contiguous: Solver = {
  ...BASELINE,
  name: "contiguous",
  summary: "experts in the order of their ids, the layout engines load by default",
  solve(problem, options) {
    return finish(problem, contiguousPlacement(problem), { ...options, stoppedBy: "rule" });
  },
};

/** Deals the experts to the chiplets in the order of their ids. @returns Chiplet of every expert. */
export function contiguousPlacement({ numExperts, numChiplets }: PlacementProblem): Uint16Array {
  return Uint16Array.from({ length: numExperts }, (_, expert) =>
    Math.floor((expert * numChiplets) / numExperts),
  );
}
