import { expect } from "chai";
import { poseLayer } from "../../../lib/flows/pose.js";
import { createProblem, type PlacementProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver, type SolverOptions } from "../../../lib/placement/solver.js";
import { localSearch } from "../../../solvers/local-search.js";
import { contiguous } from "../../../solvers/contiguous.js";
import { synthesizeTrace } from "../../../traces/synthetic.js";

async function place(solver: Solver, problem: PlacementProblem, options: Partial<SolverOptions> = {}) {
  const answer = await solver.solve(problem, { ...DEFAULT_SOLVER_OPTIONS, ...options });
  if (!("chiplets" in answer)) throw new Error(answer.status);
  return answer;
}

describe("a search of more experts than random starts are worth", () => {
  const trace = synthesizeTrace({ preset: "deepseek-v3", tokens: 300, layers: 1 });
  const problem = poseLayer(trace, trace.layers[0], { numChiplets: 32 });

  it("begins with communities and fills every slot at less cost than the contiguous placement", async () => {
    const found = await place(localSearch, problem);
    const again = await place(localSearch, problem);
    const baseline = await place(contiguous, problem);
    expect(found.chiplets.map(({ length }) => length)).to.deep.equal(new Array<number>(32).fill(8));
    expect(found.cost).to.be.below(0.85 * baseline.cost);
    expect(again).to.deep.equal(found);
  });

  it("goes on from a placement that it is given, and is never worse", async () => {
    const first = await place(localSearch, problem, { seed: 2 });
    const second = await place(localSearch, problem, { start: first.chiplets });
    expect(second.cost).to.be.at.most(first.cost);
  });

  it("respects pins", async () => {
    const { patterns } = problem;
    const pins = [
      { expert: 0, chiplet: 31 },
      { expert: 255, chiplet: 0 },
    ];
    const pinned = createProblem(patterns, { numChiplets: 32, slotsPerChiplet: 8, pins });
    const answer = await place(localSearch, pinned);
    expect(answer.chiplets[31]).to.include(0);
    expect(answer.chiplets[0]).to.include(255);
  });
});
