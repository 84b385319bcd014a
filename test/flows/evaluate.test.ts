import { expect } from "chai";
import { InputError } from "../../lib/errors.js";
import { evaluatePlacement } from "../../lib/flows/evaluate.js";
import { timeOfPlacement } from "../../lib/flows/step-time.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import type { Placement } from "../../lib/placement/placement.js";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { createRoutingTrace } from "../../lib/trace/routing-trace.js";

const trace = createRoutingTrace({
  model: undefined,
  numExperts: 4,
  topK: 2,
  layers: [
    { layer: 3, numTokens: 4, experts: Uint16Array.of(0, 1, 0, 1, 0, 2, 2, 3) },
    { layer: 5, numTokens: 1, experts: Uint16Array.of(0, 1) },
  ],
});

describe("evaluatePlacement", () => {
  it("gives every metric of every layer, and their mean over layers", () => {
    const { layers, mean, step } = evaluatePlacement(trace, placeBy([3, 5]), { chipletsPerGroup: 1 });
    expect(layers).to.deep.equal([
      {
        layer: 3,
        tokens: 4,
        tokenReplication: 5 / 4,
        groupReplication: 5 / 4,
        loadMaxOverMean: 5 / 4,
        groupLoadMaxOverMean: 5 / 4,
      },
      {
        layer: 5,
        tokens: 1,
        tokenReplication: 1,
        groupReplication: 1,
        loadMaxOverMean: 2,
        groupLoadMaxOverMean: 2,
      },
    ]);
    expect(mean.tokenReplication).to.equal(9 / 8);
    expect(step).to.equal(undefined);
  });

  it("proves no more of the time with less effort on C_G", () => {
    const hardware = withChiplets(findHardware("mozart-deepseek")!, { numChiplets: 8, numGroups: 4 });
    const synthetic = synthesizeTrace({ preset: "gpt-oss-20b", tokens: 600, layers: 1 });
    const contiguous = {
      ...placeBy([0]),
      numExperts: 32,
      numChiplets: 8,
      layers: synthetic.layers.map(({ layer }) => ({
        ...placeBy([layer]).layers[0],
        chiplets: Array.from({ length: 8 }, (_, chiplet) =>
          Array.from({ length: 4 }, (__, slot) => 4 * chiplet + slot),
        ),
      })),
    };
    const machine = { hardware, shape: findModelShape("gpt-oss-20b")! };
    const provedBy = (boundEffort: number) =>
      evaluatePlacement(synthetic, contiguous, {
        ...{ chipletsPerGroup: 2, machine, bounds: new Map(), boundEffort },
      }).step!.atLeastNs!;
    const [none, some, all] = [0, 0.2, 1].map(provedBy);
    expect(none).to.be.below(some);
    expect(some).to.be.below(all);
  });

  it("sees a chiplet group as one where both chiplets are in it", () => {
    const { mean } = evaluatePlacement(trace, placeBy([3, 5]), { chipletsPerGroup: 2 });
    expect(mean.groupReplication).to.equal(1);
    expect(mean.groupLoadMaxOverMean).to.equal(1);
  });

  it("tells traffic between servers from traffic inside them, where tokens start on every GPU", () => {
    const hardware = findHardware("h100-8x8")!;
    const shape = findModelShape("qwen3-30b-a3b")!;
    const plain = evaluatePlacement(trace, placeBy([3, 5]), {
      chipletsPerGroup: 1,
      tokensStart: "everywhere",
    });
    // Two servers of one GPU each: half of all token copies cross, none goes inside.
    expect(plain.layers[0].servers).to.deep.equal({
      direct: { betweenServers: 5 / 8, insideServers: 0 },
      forwarded: { betweenServers: 5 / 8, insideServers: 0 },
      tokensByServers: [0, 3 / 4, 1 / 4],
    });
    const { mean } = evaluatePlacement(trace, placeBy([3, 5]), {
      chipletsPerGroup: 1,
      machine: { hardware, shape },
    });
    expect(mean.servers!.bytesPerToken!.betweenServers).to.equal(2 * 2048 * 2 * (9 / 16));
    expect(evaluatePlacement(trace, placeBy([3, 5]), { chipletsPerGroup: 1 }).mean).not.to.have.property(
      "servers",
    );
  });

  it("adds bytes, time and energy where machine and model are known", () => {
    const machine = { hardware: findHardware("mozart-qwen3")!, shape: findModelShape("qwen3-30b-a3b")! };
    const { layers, step } = evaluatePlacement(trace, placeBy([3, 5]), { chipletsPerGroup: 1, machine });
    const [first] = layers.map(({ modelled }) => modelled!);
    // Dispatch and combine, 2048 numbers of 2 bytes, 5 / 4 copies.
    expect(first.chipletLinkBytesPerToken).to.equal((2 * 2048 * 2 * 5) / 4);
    expect(first.rootLinkBytesPerToken).to.equal(first.chipletLinkBytesPerToken);
    const hardware = withChiplets(machine.hardware, { numChiplets: 2, numGroups: 2 });
    expect(step!.configuration).to.equal("chunked");
    expect(step!.stepNs).to.equal(timeOfPlacement(trace, placeBy([3, 5]), { ...machine, hardware }));
    expect(step!.stepPj).to.be.finite.and.above(0);
  });

  it("refuses a placement that lacks a layer of the trace, or is of another model", () => {
    expect(() => evaluatePlacement(trace, placeBy([3]), { chipletsPerGroup: 1 }))
      .to.throw(InputError, "placement: found no layer 5, expected every layer of the trace")
      .with.property("advice", "Maybe pass layers 3, which it has.");
    expect(() =>
      evaluatePlacement(trace, { ...placeBy([3, 5]), numExperts: 8 }, { chipletsPerGroup: 1 }),
    ).to.throw(InputError, "found 8 experts, expected 4");
  });
});

function placeBy(layers: number[]): Placement {
  return {
    model: undefined,
    numExperts: 4,
    numChiplets: 2,
    layers: layers.map((layer) => ({
      layer,
      status: "feasible",
      chiplets: [
        [0, 1],
        [2, 3],
      ],
      cost: 1,
      stoppedBy: "rule",
    })),
  };
}
