import { expect } from "chai";
import { BY_ESTIMATE, fastestStep, WITH_ALL_TOKENS, type Candidates } from "../../lib/flows/fastest-step.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import type { LayerPlacement } from "../../lib/placement/placement.js";
import { createProblem } from "../../lib/placement/problem.js";
import { countTraffic, tokenReplicationOf } from "../../lib/placement/traffic.js";
import { stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { synthesizeTrace } from "../../traces/synthetic.js";

describe("fastestStep", () => {
  const machine = {
    hardware: withChiplets(findHardware("mozart-deepseek-calibrated")!, { numChiplets: 8, numGroups: 4 }),
    shape: findModelShape("deepseek-moe-16b")!,
  };
  const trace = synthesizeTrace({ preset: "deepseek-moe-16b", tokens: 500, layers: 3, seed: 1 });
  const problems = trace.layers.map((layer) =>
    createProblem(collectPatterns(layer, trace), {
      numChiplets: 8,
      numGroups: 4,
      objective: { minimise: "time", machine },
    }),
  );
  const byLoad = problems.map(({ load }) => [...load.keys()].sort((a, b) => load[b] - load[a]));
  const stepOf = (chipletOf: (rank: number) => number) =>
    byLoad.map((experts, layer) => {
      const chiplets = Array.from({ length: 8 }, (_, chiplet) =>
        experts.filter((_, rank) => chipletOf(rank) === chiplet).sort((a, b) => a - b),
      );
      return { layer, chiplets, cost: costOf(layer, chiplets) };
    });
  const costOf = (layer: number, chiplets: readonly (readonly number[])[]) =>
    tokenReplicationOf(countTraffic(problems[layer].patterns, chiplets, problems[layer]));
  const [uneven, even] = [stepOf((rank) => Math.floor(rank / 8)), stepOf((rank) => rank % 8)];
  const stepNs = (placed: readonly LayerPlacement[]) =>
    stepMakespanNs(
      placed.map(({ chiplets }, layer) => countTraffic(problems[layer].patterns, chiplets, problems[layer])),
      machine,
    );

  for (const name of ["mozart", WITH_ALL_TOKENS, BY_ESTIMATE]) {
    it(`takes the candidate of every layer that makes a faster step than their answers: ${name}`, () => {
      const candidates: Candidates = new Map(even.map((layer) => [layer.layer, { [name]: layer }]));
      const chosen = fastestStep(uneven, { problems, candidates, keepsNumbers: true });
      expect(stepNs(chosen)).to.equal(stepNs(even));
      expect(stepNs(chosen)).to.be.below(0.9 * stepNs(uneven));
    });
  }

  it("keeps the answers where a candidate is told of some layers only", () => {
    const candidates: Candidates = new Map([[even[0].layer, { mozart: even[0] }]]);
    expect(fastestStep(uneven, { problems, candidates, keepsNumbers: true })).to.equal(uneven);
  });
});
