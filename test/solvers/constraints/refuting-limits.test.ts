import { expect } from "chai";
import { poseLayers } from "../../../lib/flows/pose.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { createRandom } from "../../../lib/random.js";
import { createLoadTrace } from "../../../lib/trace/load-trace.js";
import { createRoutingTrace } from "../../../lib/trace/routing-trace.js";
import { refutingLimits } from "../../../solvers/constraints/refuting-limits.js";
import { requireSolver } from "../../../solvers/index.js";

const random = createRandom(7);
const experts = Uint16Array.from({ length: 4000 }, () => Math.min(random.below(32), random.below(32)));
const trace = createRoutingTrace({
  model: undefined,
  numExperts: 32,
  topK: 1,
  layers: [{ layer: 0, numTokens: 4000, experts }],
});
const solve = (maxLoad: number, numReplicas = 0) => {
  const [problem] = poseLayers(trace, {
    ...{ numChiplets: 8, numGroups: 2, maxLoad, numReplicas },
    dispatch: "uniform",
  });
  return requireSolver("local-search").solve(problem, DEFAULT_SOLVER_OPTIONS);
};

describe("a limit that one expert alone exceeds", () => {
  it("is told before anything is solved, whichever limit it is", async () => {
    const solver = {
      ...requireSolver("contiguous"),
      solve: () => Promise.reject(new Error("was asked")),
    };
    const [problem] = poseLayers(trace, { numChiplets: 8, numGroups: 2 });
    for (const name of ["chipletTokens", "groupTokens", "chipletLoad"] as const) {
      const mean = trace.layers[0].numTokens / (name === "groupTokens" ? 2 : 8);
      const limits = { ...problem.limits, [name]: mean };
      const heavy = Uint16Array.from(experts, (expert) => (expert < 30 ? 0 : expert));
      const one = createRoutingTrace({ ...trace, layers: [{ layer: 0, numTokens: 4000, experts: heavy }] });
      const [posed] = poseLayers(one, { numChiplets: 8, numGroups: 2 });
      const answer = await refutingLimits(solver).solve({ ...posed, limits }, DEFAULT_SOLVER_OPTIONS);
      expect(answer, name).to.have.property("status", "infeasible");
      expect(answer, name)
        .to.have.property("reason")
        .that.matches(/of expert 0 alone is at least/);
    }
  });
});

describe("a cap on the load", () => {
  it("is met, or proved impossible at once with the reason", async () => {
    expect(await solve(1.05)).to.have.property("chiplets");
    const one = createRoutingTrace({
      ...trace,
      layers: [{ layer: 0, numTokens: 4000, experts: experts.map((expert) => (expert < 16 ? 0 : expert)) }],
    });
    const [problem] = poseLayers(one, { numChiplets: 8, numGroups: 2, maxLoad: 1.2 });
    const answer = await requireSolver("local-search").solve(problem, DEFAULT_SOLVER_OPTIONS);
    expect(answer).to.have.property("status", "infeasible");
    expect(answer)
      .to.have.property("reason")
      .that.matches(/load of expert 0 alone is at least \d+/);
  });

  it("of exactly even loads is answered: met, impossible, or with the least found", async () => {
    const answer = await solve(1);
    if ("chiplets" in answer) return;
    expect(answer.reason).to.match(/at least|the least found is 1\.0\d*$/);
  });

  it("that replicas alone can meet is met with them", async () => {
    expect(await solve(1.01, 8)).to.have.property("chiplets");
  });

  it("of 1 on loads that no integers share out is impossible", async () => {
    const loads = createLoadTrace({
      model: undefined,
      numExperts: 4,
      layers: [{ layer: 0, load: Float64Array.of(3, 2, 2, 2) }],
    });
    const [problem] = poseLayers(loads, { numChiplets: 2, numGroups: 1, maxLoad: 1 });
    const answer = await requireSolver("contiguous").solve(problem, DEFAULT_SOLVER_OPTIONS);
    expect(answer).to.have.property("status", "infeasible");
  });
});
