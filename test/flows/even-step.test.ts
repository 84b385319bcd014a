import { expect } from "chai";
import { evenStep } from "../../lib/flows/even-step.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import type { LayerPlacement } from "../../lib/placement/placement.js";
import { createProblem, type ProblemOptions } from "../../lib/placement/problem.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { renumberChiplets } from "../../lib/placement/renumber.js";
import { expertActivationBytes } from "../../lib/performance/stages.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { synthesizeTrace } from "../../traces/synthetic.js";

describe("evenStep", () => {
  const [preset, shape] = [findHardware("mozart-deepseek-calibrated"), findModelShape("deepseek-moe-16b")];
  if (!preset || !shape) throw new Error("a known machine and model");
  const machine = { hardware: withChiplets(preset, { numChiplets: 8, numGroups: 4 }), shape };
  const trace = synthesizeTrace({ preset: "deepseek-moe-16b", tokens: 500, layers: 6, seed: 1 });
  const problemsFor = (options: Partial<ProblemOptions>) =>
    trace.layers.map((layer) =>
      createProblem(collectPatterns(layer, trace), { numChiplets: 8, numGroups: 4, ...options }),
    );
  /** The first experts of every layer are the busiest, on the first chiplets of all. */
  const layers = problemsFor({}).map(({ load }, layer): LayerPlacement => {
    const byLoad = [...load.keys()].sort((a, b) => load[b] - load[a]);
    const chiplets = Array.from({ length: 8 }, (_, chiplet) =>
      byLoad.slice(8 * chiplet, 8 * chiplet + 8).sort((a, b) => a - b),
    );
    return { layer, chiplets };
  });
  const stepNs = (placed: readonly LayerPlacement[]) => {
    const problems = problemsFor({});
    return stepMakespanNs(
      placed.map(({ chiplets }, index) => countTraffic(problems[index].patterns, chiplets, problems[index])),
      machine,
    );
  };

  it("makes a step faster whose layers all load the same memory, and moves whole groups only", () => {
    const evened = evenStep(layers, problemsFor({ objective: { minimise: "time", machine } }));
    expect(stepNs(evened)).to.be.below(0.95 * stepNs(layers));
    const groupsOf = ({ chiplets }: LayerPlacement) =>
      [0, 1, 2, 3]
        .map((group) => [chiplets[2 * group], chiplets[2 * group + 1]].map(String).sort().join(" | "))
        .sort();
    evened.forEach((layer, index) => {
      expect(groupsOf(layer)).to.deep.equal(groupsOf(layers[index]));
    });
  });

  it("weighs a token by what arrives of it, which may be a latent", () => {
    const numbersWith = (wireSize: number) => {
      const latent = { ...machine, shape: { ...shape, wireSize } };
      const problems = problemsFor({ objective: { minimise: "time", machine: latent } });
      const works = layers.map(({ chiplets }, index) => ({
        chiplets,
        work: expertActivationBytes(
          countTraffic(problems[index].patterns, chiplets, problems[index]),
          latent.shape,
          { workload: createWorkload(latent), tokens: 1 },
        ),
      }));
      const evened = evenStep(layers, problems).map(({ chiplets }) => chiplets);
      expect(evened).to.deep.equal(renumberChiplets(works, 2));
      return evened;
    };
    expect(numbersWith(shape.hiddenSize)).not.to.deep.equal(numbersWith(256));
  });

  it("leaves numbers alone that mean something: pins, replicas, other objectives", () => {
    const objective = { minimise: "time", machine } as const;
    for (const options of [
      { objective, pins: [{ expert: layers[0].chiplets[0][0], chiplet: 0 }] },
      { objective, numReplicas: 8 },
      { objective: { minimise: "traffic" } as const },
    ]) {
      expect(evenStep(layers, problemsFor(options))).to.equal(layers);
    }
  });
});
