import type { Solver } from "../lib/placement/solver.js";
import { finish } from "./finish.js";

/** Experts in the order of their ids, the default layout of every engine: the yardstick. */
export const contiguous: Solver = {
  name: "contiguous",
  summary: "experts in the order of their ids, the layout engines load by default",
  solve(problem, options) {
    const chipletOf = Uint16Array.from({ length: problem.numExperts }, (_, expert) =>
      Math.floor((expert * problem.numChiplets) / problem.numExperts),
    );
    return finish(problem, chipletOf, { ...options, stoppedBy: "rule" });
  },
};
