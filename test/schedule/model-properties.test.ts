import { expect } from "chai";
import fc from "fast-check";
import { evaluateTraffic } from "../../lib/flows/layer-metrics.js";
import { listConstants, withChiplets, type Hardware } from "../../lib/hardware/hardware.js";
import type { Machine } from "../../lib/hardware/machine.js";
import { findHardware, hardwarePresets } from "../../lib/hardware/presets.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { transferNs } from "../../lib/performance/link-loads.js";
import { stageTimes } from "../../lib/performance/stages.js";
import { createWorkload, paperWorkload } from "../../lib/performance/workload.js";
import { countTraffic, type LayerTraffic } from "../../lib/placement/traffic.js";
import { createRandom } from "../../lib/random.js";
import { estimateMakespanNs, scheduleLayer, STEP_CONFIGURATIONS } from "../../lib/schedule/schedule-step.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";

const shape = findModelShape("olmoe-1b-7b")!;
const configurations = Object.values(STEP_CONFIGURATIONS);
const numExperts = 144;

const machine = fc.constantFrom(...hardwarePresets);
const anyCase = fc.record({
  hardware: machine,
  configuration: fc.constantFrom(...configurations),
  topK: fc.integer({ min: 1, max: 8 }),
  seed: fc.nat(1000),
});

describe("the performance model", () => {
  it("has no larger bound, and no longer estimate, with more bandwidth of any kind", () => {
    const kinds = {
      "root links": /^links\.root\.bytesPerNs$/,
      "chiplet links": /^links\.chiplet\.bytesPerNs$/,
      memory: /^memory\.bytesPerNs$/,
      "root memory": /^rootMemory\.bytesPerNs$/,
      SRAM: /sramBytesPerNsPerTile$/,
      "memory of a GPU": /\.memoryBytesPerNs$/,
      "network adapters": /networkBytesPerNs$/,
      "links as kernels reach them": /(link|forward|unit)BytesPerNs$/,
      "ports of a mesh": /portBytesPerNs$/,
      compute: /flopPerNs$/i,
    };
    fc.assert(
      fc.property(
        anyCase,
        fc.constantFrom(...Object.keys(kinds)),
        fc.double({ min: 1, max: 50, noNaN: true }),
        ({ hardware, configuration, topK, seed }, kind, factor) => {
          const traffic = randomTraffic(hardware, { topK, seed });
          const faster = mapConstants(hardware, (path, value) =>
            kinds[kind as keyof typeof kinds].test(path) ? value * factor : value,
          );
          const [before, after] = [hardware, faster].map((on) => timesOf(traffic, on, configuration));
          expect(after.boundNs).to.be.at.most(before.boundNs * (1 + 1e-9));
          expect(after.estimatedNs).to.be.at.most(before.estimatedNs * (1 + 1e-9));
        },
      ),
      { numRuns: 120 },
    );
  });

  it("is at least not faster with twice the tokens, more sequences or longer ones", () => {
    fc.assert(
      fc.property(
        anyCase,
        fc.constantFrom(1, 2, 4, 8, 16),
        fc.integer({ min: 1, max: 400 }),
        fc.boolean(),
        ({ hardware, configuration, topK, seed }, numSequences, sequenceLength, isLonger) => {
          const traffic = randomTraffic(hardware, { topK, seed });
          const { microBatches } = paperWorkload(hardware);
          const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
          const workload = (sequences: number, promptLength: number) =>
            paperWorkload(hardware, {
              promptLength,
              tokensPerChiplet: (sequences * promptLength * microBatches) / numChiplets,
            });
          const once = workload(numSequences, sequenceLength);
          const twice = isLonger
            ? workload(numSequences, 2 * sequenceLength)
            : workload(2 * numSequences, sequenceLength);
          const [fewer, more] = [once, twice].map((run) => timesOf(traffic, hardware, configuration, run));
          expect(more.boundNs).to.be.at.least(fewer.boundNs * (1 - 1e-9));
          expect(more.estimatedNs).to.be.at.least(fewer.estimatedNs * (1 - 1e-9));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("does not change when every token of the trace comes twice: a batch is scaled to its own size", () => {
    fc.assert(
      fc.property(anyCase, ({ hardware, configuration, topK, seed }) => {
        const once = randomTraffic(hardware, { topK, seed });
        const twice = randomTraffic(hardware, { topK, seed, copies: 2 });
        expect(twice.numTokens).to.equal(2 * once.numTokens);
        const [single, doubled] = [once, twice].map((traffic) => timesOf(traffic, hardware, configuration));
        expect(doubled.boundNs).to.be.closeTo(single.boundNs, 1e-9 * single.boundNs);
        expect(doubled.estimatedNs).to.be.closeTo(single.estimatedNs, 1e-9 * single.estimatedNs);
      }),
      { numRuns: 30 },
    );
  });

  it("has consistent units: in another unit of time every time is converted, and no energy changes", () => {
    const perTime = /(PerNs|PerNsPerTile|clockGhz|staticWatts)$/i;
    const time = /(latencyNs|Ns|NsPer(Byte|Copy|Expert|Doubling))$/;
    fc.assert(
      fc.property(anyCase, fc.constantFrom(2, 8, 1 / 4), ({ hardware, topK, seed }, unit) => {
        const traffic = randomTraffic(hardware, { topK, seed });
        const converted = mapConstants(hardware, (path, value) =>
          perTime.test(path) ? value * unit : time.test(path) ? value / unit : value,
        );
        // Cycles and bytes do not depend on the unit, so powers of two keep every digit but those lost in sums and roots.
        const { launchNs } = createWorkload({ hardware, shape });
        const machines = [
          { hardware, shape },
          {
            hardware: converted,
            shape,
            workload: createWorkload({ hardware: converted, shape }, { launchNs: launchNs / unit }),
          },
        ];
        const [before, after] = machines.map((machine) => evaluateTraffic(traffic, { machine }).modelled!);
        expect(after.dynamicPj).to.be.closeTo(before.dynamicPj, 1e-9 * before.dynamicPj);
        for (const timeOf of [estimateMakespanNs, scheduledNs]) {
          const [standing, scaled] = machines.map((machine) => timeOf(traffic, machine));
          expect(scaled * unit).to.be.closeTo(standing, 1e-9 * standing);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("is exact for k = 1: one copy of a token whatever the placement, and no transport saves any but by other kernels", () => {
    fc.assert(
      fc.property(machine, fc.nat(1000), (hardware, seed) => {
        const traffic = randomTraffic(hardware, { topK: 1, seed });
        const metrics = evaluateTraffic(traffic, { machine: { hardware, shape } });
        expect(metrics.tokenReplication).to.equal(1);
        expect(metrics.groupReplication).to.equal(1);
        const { modelled } = metrics;
        expect(modelled?.rootLinkBytesPerToken).to.equal(modelled?.rootLinkMulticastBytesPerToken);
        if (hardware.kernels !== undefined) return;
        const [plain, deduplicated] = [STEP_CONFIGURATIONS.A, STEP_CONFIGURATIONS.B].map((configuration) =>
          timesOf(traffic, hardware, configuration),
        );
        expect(plain).to.deep.equal(deduplicated);
      }),
      { numRuns: 30 },
    );
  });

  it("is exact for one chiplet: one copy of every token for any k, over one link, or none within the chiplet", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("mozart-olmoe", "ucie-a-hbm3", "h100-8x8"),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(1000),
        (name, topK, seed) => {
          const hardware = withChiplets(findHardware(name)!, { numChiplets: 1, numGroups: 1 });
          const traffic = randomTraffic(hardware, { topK, seed });
          const metrics = evaluateTraffic(traffic);
          expect(metrics).to.include({ tokenReplication: 1, groupReplication: 1, loadMaxOverMean: 1 });
          const workload = paperWorkload(hardware);
          const { dispatch } = stageTimes(traffic, { hardware, shape }, { workload, tokens: 8 * 256 });
          const { root, chiplet } = hardware.links;
          const bytes = 8 * 256 * shape.hiddenSize * 2;
          const slower = Math.min(root.bytesPerNs.value, chiplet.bytesPerNs.value);
          const moved = bytes / slower + root.latencyNs.value + chiplet.latencyNs.value;
          const expected = hardware.tokensStart === "root" ? moved : 0;
          expect(transferNs(dispatch)).to.be.closeTo(expected, 1e-9 * moved);
        },
      ),
      { numRuns: 30 },
    );
  });
});

function scheduledNs(traffic: LayerTraffic, machine: Machine): number {
  return scheduleLayer(traffic, machine).makespanNs;
}

function timesOf(
  traffic: LayerTraffic,
  hardware: Hardware,
  configuration: (typeof configurations)[number],
  workload = paperWorkload(hardware),
): { boundNs: number; estimatedNs: number } {
  const options = { hardware, shape, configuration, workload };
  return {
    boundNs: scheduleLayer(traffic, options).bound.boundNs,
    estimatedNs: estimateMakespanNs(traffic, options),
  };
}

/** Tokens that choose experts at random, each of them `copies` times, experts placed in the order of their ids. */
function randomTraffic(
  { numGroups, chipletsPerGroup }: Hardware,
  { topK, seed, copies = 1 }: { topK: number; seed: number; copies?: number },
): LayerTraffic {
  const random = createRandom(seed);
  const ids = Uint16Array.from({ length: numExperts }, (_, expert) => expert);
  const once = Array.from({ length: 40 }, () => [...random.shuffle(ids).subarray(0, topK)]);
  const tokens = Array.from({ length: copies }, () => once).flat();
  const numChiplets = numGroups * chipletsPerGroup;
  const chiplets = Array.from({ length: numChiplets }, (_, chiplet) =>
    [...ids].filter((expert) => Math.floor((expert * numChiplets) / numExperts) === chiplet),
  );
  const layer = { layer: 0, numTokens: tokens.length, experts: Uint16Array.from(tokens.flat()) };
  return countTraffic(collectPatterns(layer, { numExperts, topK }), chiplets, { chipletsPerGroup });
}

/** The machine with other values for its constants. */
function mapConstants(hardware: Hardware, valueOf: (path: string, value: number) => number): Hardware {
  // Machines share constants between their parts; here each part has its own.
  const mapped = JSON.parse(JSON.stringify(hardware)) as Hardware;
  for (const { path, constant } of listConstants(mapped)) {
    (constant as { value: number }).value = valueOf(path, constant.value);
  }
  return mapped;
}
