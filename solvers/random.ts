import type { Solver } from "../lib/placement/solver.js";
import { createRandom } from "../lib/random.js";
import { finish } from "./constraints/complete-placement.js";
import { BASELINE } from "./objectives/baseline.js";

/** Experts dealt to chiplets at random, evenly: what C_T costs without any thought. */
export const random: Solver = {
  ...BASELINE,
  name: "random",
  summary: "experts dealt to chiplets at random",
  solve(problem, options) {
    const { numExperts, numChiplets, layer } = problem;
    const order = createRandom(options.seed, layer).shuffle(
      Uint16Array.from({ length: numExperts }, (_, slot) => slot),
    );
    const chipletOf = new Uint16Array(numExperts);
    order.forEach((expert, slot) => {
      chipletOf[expert] = slot % numChiplets;
    });
    return finish(problem, chipletOf, { ...options, stoppedBy: "rule" });
  },
};
