import type { Solver } from "../lib/placement/solver.js";
import { finish } from "./constraints/complete-placement.js";
import { BASELINE } from "./objectives/baseline.js";
import { contiguousPlacement } from "./starts/contiguous-placement.js";

/** Experts in the order of their ids, the default layout of every engine: the yardstick. */
export const contiguous: Solver = {
  ...BASELINE,
  name: "contiguous",
  keepsNumbers: true,
  summary: "experts in the order of their ids, the layout engines load by default",
  solve(problem, options) {
    return finish(problem, contiguousPlacement(problem), { ...options, stoppedBy: "rule" });
  },
};
