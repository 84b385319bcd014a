import { expect } from "chai";
import { batchMetrics, measureBatches, pairedGain } from "../../lib/flows/batches.js";
import { evaluateOn } from "../../lib/flows/judge.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { batchWindows } from "../../lib/performance/batch-windows.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { contiguousPlacement } from "../../solvers/starts/contiguous-placement.js";
import { skewedTrace } from "../skewed-trace.js";
import { poseLayers } from "../../lib/flows/pose.js";
import { expertsOfChiplets, type Placement } from "../../lib/placement/placement.js";

const trace = skewedTrace();
const hardware = withChiplets(findHardware("h100-8x8")!, { numChiplets: 4, numGroups: 1 });
const shape = findModelShape("olmoe-1b-7b");
const machineOf = (tokensPerChiplet: number) => ({
  hardware,
  shape,
  workload: createWorkload({ hardware, shape }, { phase: "decode", tokensPerChiplet }),
});
const placement: Placement = {
  model: undefined,
  numExperts: 16,
  numChiplets: 4,
  layers: poseLayers(trace, { numChiplets: 4, numGroups: 1 }).map((problem) => ({
    layer: problem.layer,
    status: "feasible",
    chiplets: expertsOfChiplets(contiguousPlacement(problem), 4),
  })),
};

describe("batches", () => {
  it("are windows as large as a step of all chiplets together, and smaller where the trace is short", () => {
    expect(batchWindows(300, machineOf(4))).to.deep.equal({
      tokens: 16,
      stepTokens: 16,
      starts: Array.from({ length: 18 }, (_, batch) => 16 * batch),
    });
    expect(batchWindows(300, machineOf(128))).to.deep.include({ tokens: 37, stepTokens: 512 });
    const { starts } = batchWindows(3000, machineOf(4));
    expect(starts).to.have.length(20);
    expect(starts.at(-1)).to.be.within(2800, 3000 - 16);
  });

  it("are less even the smaller they are, while C_T is that of all tokens", () => {
    const whole = evaluateOn(trace, placement, machineOf(4)).mean;
    const [small, large] = [2, 16].map((tokens) =>
      batchMetrics(measureBatches(trace, placement, machineOf(tokens))),
    );
    expect(large.loadMaxOverMean.mean).to.be.above(whole.loadMaxOverMean);
    expect(small.loadMaxOverMean.mean).to.be.above(large.loadMaxOverMean.mean);
    expect(small.loadMaxOverMean.p95).to.be.above(small.loadMaxOverMean.mean);
    expect(large.tokenReplication.mean).to.be.closeTo(whole.tokenReplication, 0.1);
    expect(large.stepNs!.mean).to.be.above(0);
    const untimed = measureBatches(trace, placement, { ...machineOf(4), shape: undefined });
    expect(batchMetrics(untimed).stepNs).to.equal(null);
  });

  it("come to what the evaluation says where one batch is all tokens", () => {
    const { layers } = trace;
    const four = { ...trace, layers: layers.map((layer) => repeated(layer, 4)) };
    const machine = machineOf(300 / 4);
    const { each } = measureBatches(four, placement, machine);
    const { mean, step } = evaluateOn(trace, placement, machine);
    expect(each).to.have.length(4);
    for (const batch of each) {
      expect(batch.loadMaxOverMean).to.equal(mean.loadMaxOverMean);
      expect(batch.tokenReplication).to.equal(mean.tokenReplication);
      expect(batch.stepNs).to.be.closeTo(step!.stepNs, 1e-6 * step!.stepNs);
    }
  });
});

describe("pairedGain", () => {
  it("is of the same batches, so that what makes them slow cancels", () => {
    const { gain, noise } = pairedGain([10, 200, 30], [9, 180, 27]);
    expect(gain).to.be.closeTo(0.1, 1e-12);
    expect(noise).to.be.closeTo(0, 1e-12);
    expect(pairedGain([10, 10], [9, 11]).noise).to.be.above(0.1);
    expect(pairedGain([10], [9]).noise).to.equal(Infinity);
  });
});

function repeated<L extends { numTokens: number; experts: Uint16Array }>(layer: L, times: number): L {
  const experts = new Uint16Array(times * layer.experts.length);
  for (let time = 0; time < times; time++) experts.set(layer.experts, time * layer.experts.length);
  return { ...layer, numTokens: times * layer.numTokens, experts };
}
