import { expect } from "chai";
import fc from "fast-check";
import { withChiplets, type Hardware } from "../../lib/hardware/hardware.js";
import { findHardware, hardwarePresets } from "../../lib/hardware/presets.js";
import { TRANSPORTS } from "../../lib/hardware/workload.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { linkLoads, linkTimes } from "../../lib/performance/link-loads.js";
import { groupCapacity, memoryWarning } from "../../lib/performance/memory.js";
import { transferTime } from "../../lib/performance/network.js";
import { createWorkload, paperWorkload } from "../../lib/performance/workload.js";
import { estimateMakespanNs, STEP_CONFIGURATIONS, stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { countTraffic, type LayerTraffic } from "../../lib/placement/traffic.js";
import { createRandom } from "../../lib/random.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { allToAll, treeNetwork } from "../fixtures/network-cases.js";

const hardware = findHardware("mozart-qwen3")!;
const shape = findModelShape("qwen3-30b-a3b")!;
const traffic = randomTraffic({
  numExperts: 128,
  topK: 8,
  numTokens: 500,
  numChiplets: 16,
  chipletsPerGroup: 4,
});

const { baseline, A, B, C, chunked } = STEP_CONFIGURATIONS;

describe("estimateMakespanNs", () => {
  it("falls from baseline over A to B, and further where micro-batches overlap", () => {
    const times = [baseline, A, B, chunked].map((configuration) =>
      estimateMakespanNs(traffic, { hardware, shape, configuration }),
    );
    expect(times[0]).to.be.above(times[1]);
    expect(times[1]).to.be.above(times[2]);
    expect(times[2]).to.be.at.least(times[3]);
  });

  it("is never longer with more bandwidth on any link", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 100, noNaN: true }),
        fc.constantFrom("root", "chiplet"),
        fc.constantFrom(C, chunked),
        (factor, link, configuration) => {
          const faster = withLink(hardware, link, factor);
          const time = (machine: Hardware) =>
            estimateMakespanNs(traffic, { hardware: machine, shape, configuration });
          return time(faster) <= time(hardware);
        },
      ),
    );
  });

  it("is not shorter with twice the tokens", () => {
    const time = (promptLength: number) => {
      const workload = paperWorkload(hardware, { promptLength, tokensPerChiplet: 2 * promptLength });
      return estimateMakespanNs(traffic, { hardware, shape, workload, configuration: C });
    };
    for (const length of [16, 128, 256, 1024]) expect(time(2 * length)).to.be.at.least(time(length));
  });

  it("is the schedule of a layer in inference on GPUs", () => {
    for (const preset of hardwarePresets.filter(({ kernels }) => kernels !== undefined)) {
      const gpus = withChiplets(preset, { numChiplets: 16 });
      const placed = { ...traffic, chipletsPerGroup: gpus.chipletsPerGroup };
      const groups = new Float64Array(gpus.numGroups).fill(traffic.numTokens);
      for (const phase of ["prefill", "decode"] as const) {
        for (const transport of TRANSPORTS) {
          for (const microBatches of [1, 2, 3]) {
            const workload = createWorkload({ hardware: gpus, shape }, { phase, transport, microBatches });
            const options = { hardware: gpus, shape, workload };
            const on = { ...placed, groupTokens: groups };
            const makespanNs = stepMakespanNs([on], options);
            expect(estimateMakespanNs(on, options)).to.be.closeTo(makespanNs, 1e-9 * makespanNs);
          }
        }
      }
    }
  });

  it("is within 20 % of the schedule that it stands for, whatever overlaps", () => {
    for (const configuration of [baseline, B, chunked]) {
      const options = { hardware, shape, configuration };
      const makespanNs = stepMakespanNs([traffic], options);
      expect(estimateMakespanNs(traffic, options)).to.be.closeTo(makespanNs, 0.2 * makespanNs);
    }
  });

  it("knows that attention waits for the weights of both passes before it goes back, where neither binds alone", () => {
    const options = { hardware: findHardware("ucie-a-hbm3")!, shape };
    const makespanNs = stepMakespanNs([traffic], options);
    expect(estimateMakespanNs(traffic, options)).to.be.closeTo(makespanNs, 0.05 * makespanNs);
  });
});

describe("linkLoads", () => {
  it("carry C_T copies on chiplet links, and C_G on root links with multicast", () => {
    const loads = linkLoads(traffic, hardware, "per-group");
    expect(loads.chipletDown).to.deep.equal(traffic.chipletTokens);
    expect(loads.rootDown).to.deep.equal(traffic.groupTokens);
    expect(Math.max(...loads.chipletUp, ...loads.rootUp)).to.equal(0);
  });

  it("carry k copies on both without one copy per chiplet", () => {
    const loads = linkLoads(traffic, hardware, "per-expert");
    const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
    expect(total(loads.rootDown)).to.equal(8 * traffic.numTokens);
    expect(total(loads.chipletDown)).to.equal(8 * traffic.numTokens);
  });

  it("carry every token to every chiplet and chiplet group with all-gather", () => {
    const loads = linkLoads(traffic, hardware, "all-gather");
    expect(new Set(loads.chipletDown)).to.deep.equal(new Set([traffic.numTokens]));
    expect(new Set(loads.rootDown)).to.deep.equal(new Set([traffic.numTokens]));
  });

  it("send as many copies up as down where tokens start everywhere, less what stays where it starts", () => {
    const loads = linkLoads(traffic, findHardware("h100-8x8")!, "per-chiplet");
    const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
    const copies = total(traffic.chipletTokens);
    expect(total(loads.chipletDown)).to.be.closeTo(copies * (15 / 16), 1e-6);
    expect(total(loads.chipletUp)).to.be.closeTo(copies * (15 / 16), 1e-6);
    expect(total(loads.rootDown)).to.be.closeTo(copies * (3 / 4), 1e-6);
    expect(total(loads.rootUp)).to.be.closeTo(copies * (3 / 4), 1e-6);
  });
});

describe("linkTimes", () => {
  it("agree with the explicit network where tokens start everywhere", () => {
    const gpus = withLink(
      withChiplets(findHardware("h100-8x8")!, { numChiplets: 16, numGroups: 4 }),
      "root",
      4,
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 16, maxLength: 16 }), (copies) => {
        const skewed: LayerTraffic = { ...traffic, chipletTokens: Float64Array.from(copies) };
        const loads = linkLoads(skewed, gpus, "per-chiplet");
        const endpoints = copies.map((_, chiplet) => 5 + chiplet);
        const tree = treeNetwork({
          up: gpus.links.root.bytesPerNs.value,
          leaf: gpus.links.chiplet.bytesPerNs.value,
        });
        const explicit = transferTime(
          tree,
          allToAll(
            endpoints,
            copies.map((count) => (count * 4096) / 16),
          ),
        );
        const { rootNs, chipletNs } = linkTimes(loads, gpus, 4096);
        const busiest = Math.max(...rootNs, ...chipletNs);
        const expected = explicit.boundNs + explicit.contentionNs;
        expect(busiest).to.be.closeTo(expected, 1e-9 * expected);
      }),
      { numRuns: 50 },
    );
  });
});

describe("groupCapacity", () => {
  it("warns that the paper's Qwen3 set-up does not fit its stacks, and takes the equal share for the limit", () => {
    const capacity = groupCapacity(hardware, shape);
    expect(capacity.groupBytes).to.equal(32 * 3 * 2048 * 768 * 2);
    expect(capacity.warning).to.equal(
      "an equal share of the experts takes 14.5 GB a chiplet group, its memory has 8.6 GB: 5.9 GB too much",
    );
  });

  it("divides a memory that is large enough among the layers", () => {
    const { groupBytes, warning } = groupCapacity(findHardware("ucie-a-hbm3")!, shape);
    expect(warning).to.equal(undefined);
    expect(groupBytes).to.be.closeTo(24e9 / 48, 1);
  });

  it("warns of a placement that has more experts than the memory, by those of its fullest group", () => {
    const layer = (numExperts: number) => ({
      chiplets: Array.from({ length: 16 }, (_, chiplet) =>
        Array.from({ length: chiplet < 4 ? numExperts : 4 }, (__, slot) => slot),
      ),
    });
    const expertGb = (48 * 3 * 2048 * 768 * 2) / 1e9;
    expect(memoryWarning([layer(4)], { hardware, shape })).to.equal(undefined);
    expect(memoryWarning([layer(4), layer(10)], { hardware, shape })).to.equal(
      `the fullest chiplet group holds ${(4 * 7 * expertGb).toFixed(1)} GB of experts, its memory has 8.6 GB: 4.1 GB too much`,
    );
    const gpus = withChiplets(findHardware("h100-8x8")!, { numChiplets: 16 });
    expect(memoryWarning([layer(180)], { hardware: gpus, shape })).to.match(
      /^the fullest chiplet holds 81.5 GB of experts, its memory has 80.0 GB: 1.5 GB too much$/,
    );
  });

  it("counts optimiser state where asked", () => {
    const { excessBytes } = groupCapacity(hardware, shape, { optimiserBytesPerWeight: 12 });
    expect(excessBytes).to.be.closeTo(7 * 14.495e9 - 8192 * 2 ** 20, 1e8);
  });
});

function withLink(machine: Hardware, name: "root" | "chiplet", factor: number): Hardware {
  const link = machine.links[name];
  const bytesPerNs = { ...link.bytesPerNs, value: link.bytesPerNs.value * factor };
  return { ...machine, links: { ...machine.links, [name]: { ...link, bytesPerNs } } };
}

function randomTraffic(of: {
  numExperts: number;
  topK: number;
  numTokens: number;
  numChiplets: number;
  chipletsPerGroup: number;
}): LayerTraffic {
  const random = createRandom(7);
  const ids = Uint16Array.from({ length: of.numExperts }, (_, expert) => expert);
  const experts = new Uint16Array(of.numTokens * of.topK);
  for (let token = 0; token < of.numTokens; token++) {
    experts.set(random.shuffle(ids).subarray(0, of.topK), token * of.topK);
  }
  const slots = of.numExperts / of.numChiplets;
  const chiplets = Array.from({ length: of.numChiplets }, (_, chiplet) =>
    Array.from({ length: slots }, (_, slot) => chiplet * slots + slot),
  );
  const patterns = collectPatterns({ layer: 0, numTokens: of.numTokens, experts }, of);
  return countTraffic(patterns, chiplets, { chipletsPerGroup: of.chipletsPerGroup });
}
