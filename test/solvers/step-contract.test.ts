import { expect } from "chai";
import { chooseObjective } from "../../lib/flows/choose-objective.js";
import { timeOfPlacement } from "../../lib/flows/step-time.js";
import { placeTrace } from "../../lib/flows/place.js";
import { poseFor } from "../../lib/flows/pose.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { requireSolver, solvers } from "../../solvers/index.js";
import { synthesizeTrace } from "../../traces/synthetic.js";

const shape = findModelShape("deepseek-moe-16b")!;
const trace = synthesizeTrace({ preset: "deepseek-moe-16b", tokens: 300, layers: 3, seed: 5 });

describe("the default placement", () => {
  const cases = [
    { name: "mozart-deepseek", phases: ["train"] },
    { name: "mozart-deepseek", phases: ["train"], numReplicas: 8 },
    { name: "ucie-a-hbm3", phases: ["prefill"] },
    { name: "h100-8x8", phases: ["prefill", "decode"] },
    { name: "gb200-nvl72", phases: ["decode"] },
  ] as const;
  for (const { name, phases, ...rest } of cases) {
    const numReplicas = "numReplicas" in rest ? rest.numReplicas : 0;
    const replicas = numReplicas > 0 ? `, ${numReplicas} replicas` : "";
    for (const phase of phases) {
      it(`makes a step no slower than any row of compare, on the tokens learned from: ${name}, ${phase}${replicas}`, async () => {
        const preset = findHardware(name)!;
        const hardware = withChiplets(preset, { numChiplets: 16 });
        const machine = { hardware, shape, workload: createWorkload({ hardware, shape }, { phase }) };
        const { minimise: objective } = chooseObjective({}, machine);
        const posing = poseFor(trace, machine, { objective, numReplicas });
        const stepNs = async (solver: string) => {
          const placed = await placeTrace(trace, {
            posing,
            solver: requireSolver(solver),
            solverOptions: DEFAULT_SOLVER_OPTIONS,
          });
          if (placed.status !== "placed") expect.fail(placed.status);
          for (const layer of placed.placement.layers) expect(layer).to.not.have.property("candidates");
          return timeOfPlacement(trace, placed.placement, machine);
        };
        const own = await stepNs("auto");
        for (const rival of solvers.filter(({ kind }) => kind === "baseline")) {
          expect(own, rival.name).to.be.at.most(await stepNs(rival.name));
        }
        expect(own, "local-search").to.be.at.most(await stepNs("local-search"));
      });
    }
  }
});
