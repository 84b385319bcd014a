import { expect } from "chai";
import { poseFor, poseLayer } from "../../../lib/flows/pose.js";
import { withChiplets } from "../../../lib/hardware/hardware.js";
import { findModelShape } from "../../../lib/hardware/model-shapes.js";
import { findHardware } from "../../../lib/hardware/presets.js";
import { createWorkload } from "../../../lib/performance/workload.js";
import type { DispatchModel } from "../../../lib/placement/dispatch.js";
import type { Chiplets } from "../../../lib/placement/placement.js";
import type { PlacementProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { countReplication, countTraffic } from "../../../lib/placement/traffic.js";
import { verifyChiplets } from "../../../lib/placement/verify.js";
import { requireSolver, solvers } from "../../../solvers/index.js";
import { scheduledTime } from "../../../solvers/objectives/modelled-time.js";
import { synthesizeTrace } from "../../../traces/synthetic.js";

const shape = findModelShape("gpt-oss-20b")!;
const trace = synthesizeTrace({ preset: "gpt-oss-20b", tokens: 500, layers: 1, seed: 3 });
const hardware = withChiplets(findHardware("h100-8x8")!, { numChiplets: 16, numGroups: 2 });

function problemOf(
  phase: "prefill" | "decode",
  asked: { dispatch: DispatchModel } & Partial<Parameters<typeof poseFor>[2]>,
): PlacementProblem {
  const machine = { hardware, shape, workload: createWorkload({ hardware, shape }, { phase }) };
  const posing = poseFor(trace, machine, { objective: "time", numReplicas: 16, ...asked });
  return poseLayer(trace, trace.layers[0], posing);
}

function timeOf(problem: PlacementProblem, chiplets: Chiplets): number {
  return scheduledTime(problem)(countTraffic(problem.patterns, chiplets, problem));
}

describe("replicas for the least time", () => {
  for (const phase of ["prefill", "decode"] as const) {
    for (const dispatch of ["uniform", "sglang-static", "vllm-ascend"] as const) {
      it(`are all placed, within all limits, and no slower than any row of compare: ${phase}, ${dispatch}`, async () => {
        const problem = problemOf(phase, { dispatch });
        const own = await requireSolver("auto").solve(problem, DEFAULT_SOLVER_OPTIONS);
        if (!("chiplets" in own)) expect.fail(own.status);
        expect(own.chiplets.flat()).to.have.length(48);
        expect(verifyChiplets(problem, own.chiplets)).to.deep.equal([]);
        const { tokenReplication } = countReplication(problem.patterns, own.chiplets, problem);
        expect(own.cost).to.equal(tokenReplication);
        if (phase === "prefill") expect(own.bound).to.be.at.most(own.cost);
        else expect(own).to.not.have.property("bound");
        for (const rival of solvers.filter(({ kind }) => kind === "baseline")) {
          const row = await rival.solve(problem, DEFAULT_SOLVER_OPTIONS);
          if (!("chiplets" in row)) expect.fail(`${rival.name}: ${row.status}`);
          const most = timeOf(problem, row.chiplets);
          expect(timeOf(problem, own.chiplets), rival.name).to.be.at.most(most);
        }
      });
    }
  }

  it("are faster than those of the fewest token copies and the least load, where both count", async () => {
    const problem = problemOf("prefill", { dispatch: "sglang-static" });
    const own = await requireSolver("auto").solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in own)) expect.fail(own.status);
    for (const minimise of ["traffic", "load"] as const) {
      const other = await requireSolver("auto").solve(
        { ...problem, objective: { minimise } },
        DEFAULT_SOLVER_OPTIONS,
      );
      if (!("chiplets" in other)) expect.fail(other.status);
      expect(timeOf(problem, own.chiplets), minimise).to.be.below(timeOf(problem, other.chiplets));
    }
  });

  it("keep a cap on the load, pins and separations", async () => {
    const limits = { maxLoad: 1.1, pins: [{ expert: 5, chiplet: 3 }], antiAffinity: [[1, 2, 3]] };
    const problem = problemOf("prefill", { dispatch: "uniform", ...limits });
    const own = await requireSolver("auto").solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in own)) expect.fail(own.status);
    expect(verifyChiplets(problem, own.chiplets)).to.deep.equal([]);
  });

  it("tell progress as placements of experts", async () => {
    const problem = problemOf("prefill", { dispatch: "uniform" });
    const costs: [number, number][] = [];
    await requireSolver("auto").solve(problem, {
      ...DEFAULT_SOLVER_OPTIONS,
      onProgress({ chiplets, cost }) {
        costs.push([cost, countReplication(problem.patterns, chiplets, problem).tokenReplication]);
      },
    });
    expect(costs).to.not.be.empty;
    for (const [told, counted] of costs) expect(told).to.equal(counted);
  });
});
