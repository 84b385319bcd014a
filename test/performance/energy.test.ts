import { expect } from "chai";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { expertBytes, findModelShape } from "../../lib/hardware/model-shapes.js";
import { layerEnergy } from "../../lib/performance/energy.js";
import { paperWorkload } from "../../lib/performance/workload.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";

const shape = findModelShape("deepseek-moe-16b")!;

/** Every token visits 4 of 16 chiplets, in 3 groups; loads are even. */
const traffic: LayerTraffic = {
  numTokens: 1024,
  numChiplets: 16,
  chipletsPerGroup: 4,
  chipletLoad: new Float64Array(16).fill(384),
  chipletTokens: new Float64Array(16).fill(256),
  groupTokens: new Float64Array(4).fill(768),
  expertLoad: new Array<number[]>(16).fill([96, 96, 96, 96]),
};

describe("layerEnergy", () => {
  const energyOf = (name: string, training: boolean) => {
    const hardware = withChiplets(findHardware(name)!, { numChiplets: 16, numGroups: 4 });
    const phase = training ? "train" : "prefill";
    return layerEnergy(traffic, { hardware, shape }, paperWorkload(hardware, { phase }));
  };

  it("counts what the memory moves: weights three times, and all activations twice", () => {
    const { memory, rootMemory, links } = findHardware("mozart-deepseek")!;
    const tokens = 4 * 8 * 256;
    const weights = 64 * expertBytes(shape);
    const attention = tokens * 2048 * 2;
    // In and out of experts for each of 4 copies; gate and up for each of 6 pairs.
    const experts = tokens * 2 * (4 * 2048 + 6 * 1408) * 2;
    const { memoryPj, chipletLinksPj } = energyOf("mozart-deepseek", true);
    const memoryBytes = 3 * weights + 2 * experts;
    const expected = 8 * (memoryBytes * memory.pjPerBit.value + 2 * attention * rootMemory.pjPerBit.value);
    expect(memoryPj).to.be.closeTo(expected, 1e-9 * expected);
    // Dispatch and combine, forward and backward, of 4 copies of every token.
    const linkBytes = memoryBytes + 4 * tokens * 4 * 2048 * 2;
    const linkPj = 8 * linkBytes * links.chiplet.pjPerBit.value;
    expect(chipletLinksPj).to.be.closeTo(linkPj, 1e-9 * linkPj);
  });

  it("keeps no activations without a backward pass", () => {
    const { memory } = findHardware("mozart-deepseek")!;
    const { memoryPj } = energyOf("mozart-deepseek", false);
    expect(memoryPj).to.be.closeTo(8 * 64 * expertBytes(shape) * memory.pjPerBit.value, 1);
  });

  it("counts activations of experts on GPUs too, whose links they do not cross", () => {
    const [training, forward] = [true, false].map((isTraining) => energyOf("h100-8x8", isTraining));
    const tokens = 4 * 8 * 256;
    const kept = 2 * tokens * 2 * (4 * 2048 + 6 * 1408) * 2 + 2 * tokens * 2048 * 2;
    const more = 8 * 3.9 * (2 * 64 * expertBytes(shape) + kept);
    expect(training.memoryPj - forward.memoryPj).to.be.closeTo(more, 1e-9 * more);
    expect(training.chipletLinksPj).to.be.closeTo(2 * forward.chipletLinksPj, 1e-6);
  });
});
