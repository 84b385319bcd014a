import { expect } from "chai";
import { poseFor, poseLayer } from "../../../lib/flows/pose.js";
import { withChiplets } from "../../../lib/hardware/hardware.js";
import { findModelShape } from "../../../lib/hardware/model-shapes.js";
import { findHardware } from "../../../lib/hardware/presets.js";
import { createWorkload } from "../../../lib/performance/workload.js";
import type { PlacementProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyFound } from "../../../lib/placement/verify.js";
import { stepMakespanNs } from "../../../lib/schedule/schedule-step.js";
import { stepBoundNs } from "../../../lib/schedule/step-bound.js";
import { smallest } from "../../../lib/statistics.js";
import { localSearch } from "../../../solvers/local-search.js";
import { searchEnvelope } from "../../../solvers/objectives/lower-envelope.js";
import { rememberTraffic } from "../../../solvers/objectives/modelled-time.js";
import type { Candidate } from "../../../solvers/objectives/time-candidates.js";
import { synthesizeTrace } from "../../../traces/synthetic.js";

describe("searchEnvelope", () => {
  const shape = findModelShape("gpt-oss-20b")!;
  const trace = synthesizeTrace({ preset: "gpt-oss-20b", tokens: 600, layers: 1, seed: 2 });
  const machineOf = (name: string, phase: "train" | "prefill" | "decode") => {
    const hardware = withChiplets(findHardware(name)!, { numChiplets: 8, numGroups: 2 });
    return { hardware, shape, workload: createWorkload({ hardware, shape }, { phase }) };
  };
  type Posed = ReturnType<typeof machineOf>;
  const searched = async (machine: Posed, limits: Partial<PlacementProblem["limits"]> = {}) => {
    const posed = poseLayer(trace, trace.layers[0], poseFor(trace, machine, { objective: "time" }));
    const problem = { ...posed, limits: { ...posed.limits, ...limits } };
    const start = (await localSearch.solve(problem, DEFAULT_SOLVER_OPTIONS)) as Candidate;
    const trafficOf = rememberTraffic(problem);
    const envelope = await searchEnvelope(problem, start, { ...DEFAULT_SOLVER_OPTIONS, trafficOf, bound: 1 });
    const ns = ({ chiplets }: Candidate) => stepMakespanNs([trafficOf(chiplets)], machine);
    const boundNs = (peaks: typeof envelope.peaks) =>
      stepBoundNs(
        [
          {
            traffic: trafficOf(start.chiplets),
            tokenReplication: 1,
            slotsPerChiplet: problem.slotsPerChiplet,
            peaks,
          },
        ],
        machine,
      );
    return { problem, start, envelope, ns, boundNs };
  };

  for (const name of ["gb200-nvl72", "h100-8x8"]) {
    it(`finds placements that are faster than one of few copies, and proves more of all: ${name}`, async () => {
      const { problem, start, envelope, ns, boundNs } = await searched(machineOf(name, "prefill"));
      const { candidates, peaks } = envelope;
      expect(smallest(candidates.map(ns))).to.be.below(0.99 * ns(start));
      expect(boundNs(peaks)).to.be.above(1.02 * boundNs(undefined));
      for (const found of [start, ...candidates]) {
        expect(boundNs(peaks)).to.be.at.most(ns(found));
        expect(verifyFound(problem, { ...found, peaks: peaks! })).to.deep.equal([]);
      }
    });
  }

  it("keeps caps on the load", async () => {
    const { problem, start, envelope } = await searched(machineOf("gb200-nvl72", "prefill"));
    const chipletLoad = (1.1 * problem.load.reduce((sum, tokens) => sum + tokens, 0)) / problem.numChiplets;
    const capped = await searched(machineOf("gb200-nvl72", "prefill"), { chipletLoad });
    expect(verifyFound(capped.problem, start)).to.not.deep.equal([]);
    expect(envelope.candidates).to.not.have.length(0);
    for (const found of capped.envelope.candidates)
      expect(verifyFound(capped.problem, found)).to.deep.equal([]);
  });

  it("asks nothing where loads alone count, or memories bind", async () => {
    for (const [name, phase] of [
      ["h100-8x8", "decode"],
      ["mozart-deepseek", "train"],
    ] as const) {
      const { envelope } = await searched(machineOf(name, phase));
      expect(envelope).to.deep.equal({ candidates: [] });
    }
  });
});
