import { expect } from "chai";
import fc from "fast-check";
import { scheduleBound } from "../../lib/task-graph/bounds.js";
import { createRandom } from "../../lib/random.js";
import type { LayerDurations, StepSite } from "../../lib/schedule/layer-durations.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { memoryLevels, memoryPeak } from "../../lib/task-graph/memory-levels.js";
import { OVERLAPS, type Overlap } from "../../lib/schedule/overlap.js";
import { buildStepGraph } from "../../lib/schedule/step-graph.js";
import type { StepPlan } from "../../lib/schedule/step-plan.js";
import { busyTimesNs } from "../../lib/task-graph/timeline.js";
import { validateSchedule } from "../../lib/task-graph/validate-schedule.js";

const numGroups = 2;
const chipletsPerGroup = 2;
const numChiplets = numGroups * chipletsPerGroup;

const wafer: StepSite = {
  numGroups,
  chipletsPerGroup,
  chipletsPerMemory: chipletsPerGroup,
  tokensStart: "root",
  sramBytes: 1000,
  kernelsInOrder: false,
};
const gpus: StepSite = {
  ...wafer,
  chipletsPerMemory: 1,
  tokensStart: "everywhere",
  kernelsInOrder: true,
  sramBytes: Infinity,
};

/** Durations that a wafer (streamed weights) or GPUs (resident ones) may have, in whole nanoseconds. */
function layersOf(streamed: boolean): fc.Arbitrary<LayerDurations[]> {
  const perChiplet = (max: number) =>
    fc
      .array(fc.integer({ min: 0, max }), { minLength: numChiplets, maxLength: numChiplets })
      .map((values) => Float64Array.from(values));
  const perGroup = fc
    .array(fc.integer({ min: 0, max: 40 }), { minLength: numGroups, maxLength: numGroups })
    .map((values) => Float64Array.from(values));
  const transfer = fc.record({
    rootNs: perGroup,
    chipletNs: perChiplet(30),
    latencyNs: fc.integer({ min: 0, max: 5 }),
  });
  const time = fc.integer({ min: 0, max: 50 });
  const layer = fc.record({
    attentionNs: time,
    sharedNs: time,
    saveNs: time,
    dispatch: transfer,
    combine: transfer,
    expertsNs: perChiplet(60),
    unitShare: fc.constant(0),
    expertSaveNs: streamed ? perChiplet(20) : fc.constant(new Float64Array(numChiplets)),
    backwardFactor: fc.constant(2),
    streamedExperts: streamed ? perChiplet(3) : fc.constant(new Float64Array(numChiplets)),
    expertMemoryNs: time,
    expertLinkNs: time,
    updateFactor: fc.constantFrom(1, 7),
    expertBytes: fc.constantFrom(40, 100),
    chunkBytes: perChiplet(80),
  });
  return fc.array(layer, { minLength: 1, maxLength: 3 });
}

const anyStep: fc.Arbitrary<{ layers: LayerDurations[]; plan: StepPlan }> = fc
  .record({
    streamed: fc.boolean(),
    chunks: fc.constantFrom(1, 2, 4),
    parts: fc.constantFrom(1, 2),
    // 300 bytes of weights and a chunk of 80 always fit, and never much more.
    sramBytes: fc.integer({ min: 380, max: 900 }),
  })
  .chain(({ streamed, chunks, parts, sramBytes }) =>
    fc.record({
      layers: layersOf(streamed),
      plan: fc.record({
        site: fc.constant(streamed ? { ...wafer, sramBytes } : gpus),
        overlap: fc.record({
          apart: fc.constantFrom<Overlap["apart"][]>("all", "transfers", "none"),
          chunks: fc.constant(chunks),
          parts: fc.constant(Math.min(parts, chunks)),
          prefetch: fc.boolean(),
        }),
        numMicroBatches: fc.integer({ min: 1, max: 3 }),
        training: fc.boolean(),
      }),
    }),
  );

/** A chiplet without experts in the layer between has no work there that would keep the next layer's from coming. */
const idleBetween: { layers: LayerDurations[]; plan: StepPlan } = {
  layers: [2, 0, 2].map((numExperts, index) => ({
    attentionNs: 0,
    sharedNs: 0,
    saveNs: 0,
    dispatch: { rootNs: new Float64Array(2), chipletNs: new Float64Array(4), latencyNs: 0 },
    combine: { rootNs: new Float64Array(2), chipletNs: new Float64Array(4), latencyNs: 0 },
    expertsNs: Float64Array.of(0, index === 2 ? 1 : 0, 0, 0),
    unitShare: 0,
    expertSaveNs: new Float64Array(4),
    backwardFactor: 2,
    streamedExperts: Float64Array.of(0, numExperts, 0, 0),
    expertMemoryNs: 0,
    expertLinkNs: 0,
    updateFactor: 1,
    expertBytes: 100,
    chunkBytes: Float64Array.of(0, index === 2 ? 61 : 0, 0, 0),
  })),
  plan: {
    site: { ...wafer, sramBytes: 382 },
    overlap: { apart: "none", chunks: 1, parts: 1, prefetch: true },
    numMicroBatches: 2,
    training: true,
  },
};

const serial: StepPlan = {
  site: wafer,
  overlap: OVERLAPS.serial,
  numMicroBatches: 3,
  training: true,
};

describe("buildStepGraph", () => {
  it("makes steps that any schedule of them can hold, SRAM included, in whatever order resources choose", () => {
    fc.assert(
      fc.property(anyStep, fc.integer(), ({ layers, plan }, seed) => {
        const graph = buildStepGraph(layers, plan);
        const random = createRandom(seed);
        const whims = Float64Array.from({ length: graph.numTasks }, () => random.next());
        const schedule = listSchedule(graph, whims);
        expect(validateSchedule(graph, schedule)).to.deep.equal([]);
        expect(scheduleBound(graph).boundNs).to.be.at.most(schedule.makespanNs * (1 + 1e-12));
      }),
      { examples: [[idleBetween, 0]] },
    );
  });

  it("takes the sum of its stages where every stage waits for the one before, and the bound proves it", () => {
    fc.assert(
      fc.property(layersOf(true), (layers) => {
        const graph = buildStepGraph(layers, serial);
        const { makespanNs } = listSchedule(graph, "longest-tail");
        const expected = layers.reduce((sum, layer) => sum + serialNs(layer, serial), 0);
        expect(makespanNs).to.be.closeTo(expected, 1e-6);
        expect(scheduleBound(graph).boundNs).to.be.closeTo(expected, 1e-6);
      }),
    );
  });

  it("gives every resource the same work whatever overlaps, and however many chunks it is cut into", () => {
    fc.assert(
      fc.property(layersOf(true), fc.constantFrom(2, 4), (layers, chunks) => {
        const cut = layers.map((layer) => cutInto(layer, chunks));
        const whole = buildStepGraph(layers, serial);
        const chunked = buildStepGraph(cut, {
          ...serial,
          overlap: { apart: "none", chunks, parts: chunks, prefetch: true },
        });
        expect(chunked.resources).to.deep.equal(whole.resources);
        busyTimesNs(chunked).forEach((busy, resource) => {
          expect(busy, whole.resources[resource]).to.be.closeTo(busyTimesNs(whole)[resource], 1e-6);
        });
      }),
    );
  });

  it("has a lower bound the less waits for the stage before", () => {
    fc.assert(
      fc.property(anyStep, ({ layers, plan }) => {
        const boundOf = (apart: Overlap["apart"]) =>
          scheduleBound(buildStepGraph(layers, { ...plan, overlap: { ...plan.overlap, apart } }))
            .criticalPathNs;
        expect(boundOf("transfers")).to.be.at.most(boundOf("all"));
        expect(boundOf("none")).to.be.at.most(boundOf("transfers"));
      }),
    );
  });

  it("is never slowed down, as far as the bound tells, by faster links, memories or compute", () => {
    const faster: Record<string, (layer: LayerDurations) => LayerDurations> = {
      links: (layer) => ({
        ...layer,
        dispatch: halve(layer.dispatch),
        combine: halve(layer.combine),
        expertLinkNs: layer.expertLinkNs / 2,
      }),
      memories: (layer) => ({
        ...layer,
        expertMemoryNs: layer.expertMemoryNs / 2,
        saveNs: layer.saveNs / 2,
        expertSaveNs: layer.expertSaveNs.map((ns) => ns / 2),
      }),
      compute: (layer) => ({
        ...layer,
        attentionNs: layer.attentionNs / 2,
        sharedNs: layer.sharedNs / 2,
        expertsNs: layer.expertsNs.map((ns) => ns / 2),
      }),
    };
    fc.assert(
      fc.property(anyStep, fc.constantFrom(...Object.keys(faster)), ({ layers, plan }, what) => {
        const before = scheduleBound(buildStepGraph(layers, plan)).boundNs;
        const after = scheduleBound(buildStepGraph(layers.map(faster[what]), plan)).boundNs;
        expect(after).to.be.at.most(before * (1 + 1e-12));
      }),
    );
  });

  /** A layer on one chiplet: one expert of 100 bytes, unless told otherwise. */
  const alone = (of: Partial<LayerDurations>): LayerDurations => {
    const free = { rootNs: new Float64Array(1), chipletNs: new Float64Array(1), latencyNs: 0 };
    return {
      attentionNs: 100,
      sharedNs: 0,
      saveNs: 0,
      dispatch: free,
      combine: free,
      expertsNs: Float64Array.of(10),
      unitShare: 0,
      expertSaveNs: Float64Array.of(0),
      backwardFactor: 2,
      streamedExperts: [0],
      expertMemoryNs: 0,
      expertLinkNs: 0,
      updateFactor: 1,
      expertBytes: 100,
      chunkBytes: Float64Array.of(10),
      ...of,
    };
  };
  it("hides transfers behind compute chunk by chunk, as a pipeline of four stages does", () => {
    // One chiplet; 4 chunks of dispatch 10, experts 10, combine 10 after an attention of 8: 8 + (4 + 2) * 10.
    const single = { ...wafer, numGroups: 1, chipletsPerGroup: 1, chipletsPerMemory: 1 };
    const transfer = { rootNs: Float64Array.of(10), chipletNs: Float64Array.of(10), latencyNs: 0 };
    const layer = alone({ attentionNs: 8, dispatch: transfer, combine: transfer });
    const plan = { site: single, numMicroBatches: 1, training: false };
    const makespan = (apart: Overlap["apart"]) =>
      listSchedule(
        buildStepGraph([layer], { ...plan, overlap: { apart, chunks: 4, parts: 1, prefetch: false } }),
      ).makespanNs;
    expect(makespan("none")).to.equal(68);
    expect(makespan("all")).to.equal(8 + 4 * 30);
  });

  it("takes from compute what dispatch and combine take of it, once in either direction", () => {
    const single = { ...gpus, numGroups: 1, chipletsPerGroup: 1, chipletsPerMemory: 1 };
    const of = (ns: number) => ({ rootNs: Float64Array.of(0), chipletNs: Float64Array.of(ns), latencyNs: 0 });
    const layer = alone({
      attentionNs: 0,
      dispatch: of(10),
      combine: of(30),
      expertsNs: Float64Array.of(100),
      unitShare: 0.25,
    });
    const graph = buildStepGraph([layer], {
      site: single,
      overlap: OVERLAPS.chunked,
      numMicroBatches: 1,
      training: true,
    });
    const computed = busyTimesNs(graph)[graph.resources.indexOf("chiplet 0")];
    expect(computed).to.equal(100 + 10 + (2 * 100 + 10));
  });

  it("fetches as many experts of the next layer ahead as the SRAM has room for beside a few chunks", () => {
    const [layer] = fc.sample(layersOf(true), { numRuns: 1, seed: 1 })[0];
    const even: LayerDurations = {
      ...layer,
      streamedExperts: [3, 3, 3, 3],
      expertBytes: 100,
      expertsNs: new Float64Array(numChiplets).fill(50),
      unitShare: 0,
      chunkBytes: new Float64Array(numChiplets).fill(50),
      expertMemoryNs: 10,
    };
    const peak = (sramBytes: number) => {
      const plan = { ...serial, site: { ...wafer, sramBytes }, overlap: OVERLAPS.chunked };
      const graph = buildStepGraph([even, even, even], { ...plan, overlap: { ...plan.overlap, chunks: 1 } });
      const schedule = listSchedule(graph);
      expect(validateSchedule(graph, schedule)).to.deep.equal([]);
      return memoryPeak(memoryLevels(graph, schedule, 0)).bytes;
    };
    // 3 experts at work, 1 or 2 ahead, and room for three chunks kept.
    expect(peak(300 + 150)).to.be.at.most(300 + 150);
    expect(peak(300 + 100 + 150)).to.be.within(400, 300 + 100 + 150);
    expect(peak(300 + 200 + 150)).to.be.within(500, 300 + 200 + 150);
  });

  /** Two micro-batches. */
  const training = (layers: readonly LayerDurations[], overlap: Overlap, sramBytes = 1000) => {
    const site = { ...wafer, numGroups: 1, chipletsPerGroup: 1, chipletsPerMemory: 1, sramBytes };
    return buildStepGraph(layers, { site, overlap, numMicroBatches: 2, training: true });
  };

  it("lets a chunk go before one that came earlier, and saves what waits only where stages run apart", () => {
    const makespan = (overlap: Overlap) =>
      listSchedule(training([alone({ expertSaveNs: Float64Array.of(100) })], overlap), "in-turn").makespanNs;
    // Attention and experts of the first micro-batch, saved and reloaded; experts and all attention backward.
    expect(makespan(OVERLAPS.chunked)).to.equal(100 + 10 + 2 * 100 + 20 + 2 * 200);
    expect(makespan(OVERLAPS.mozart)).to.be.at.least(100 + 10 + 3 * 100 + 20 + 2 * 200);
  });

  it("brings experts in as those before are written back, one by one, but where stages run apart", () => {
    const layer = alone({ streamedExperts: [3], expertMemoryNs: 10, expertLinkNs: 10 });
    const startsOf = (overlap: Overlap) => {
      // Room for three experts, another one ahead, and three chunks.
      const graph = training([layer, layer], overlap, 430);
      const { startNs } = listSchedule(graph, "in-turn");
      const kind = (name: string) => (task: number) => graph.kinds[graph.kindOf[task]] === name;
      const onMemory = [...startNs.keys()].filter(
        (task) => graph.resources[graph.resourceOf[task]] === "memory 0",
      );
      const [weights, written] = [onMemory.filter(kind("weights")), onMemory.filter(kind("write back"))];
      return {
        last: startNs[weights[weights.length - 1]],
        firstWritten: startNs[written[0]] + 10,
        allWritten: startNs[written[2]] + 10,
      };
    };
    const oneByOne = startsOf(OVERLAPS.chunked);
    expect(oneByOne.last).to.be.within(oneByOne.firstWritten, oneByOne.allWritten);
    const together = startsOf(OVERLAPS.mozart);
    expect(together.last).to.be.at.least(together.allWritten);
  });

  it("lets the validator tell where one layer alone does not fit the SRAM", () => {
    const [layer] = fc.sample(layersOf(true), { numRuns: 1, seed: 1 })[0];
    const full = { ...layer, streamedExperts: [3, 3, 3, 3], expertBytes: 100 };
    const graph = buildStepGraph([full], { ...serial, site: { ...wafer, sramBytes: 250 } });
    const [violation] = validateSchedule(graph, listSchedule(graph));
    expect(violation.rule).to.equal("memory");
    expect(violation.message).to.match(/SRAM of chiplet 0: holds \d+ bytes/);
  });
});

/** Closed form of a layer whose stages run one after another. */
function serialNs(layer: LayerDurations, { site, numMicroBatches }: StepPlan): number {
  const memoryNs = Math.max(layer.expertMemoryNs, layer.expertLinkNs);
  let slowest = 0;
  let slowestSave = 0;
  for (let first = 0; first < numChiplets; first += site.chipletsPerMemory) {
    let experts = 0;
    let saves = 0;
    for (let chiplet = first; chiplet < first + site.chipletsPerMemory; chiplet++) {
      experts += layer.streamedExperts[chiplet];
      const visited =
        layer.expertsNs[chiplet] + layer.dispatch.chipletNs[chiplet] + layer.combine.chipletNs[chiplet] > 0;
      if (visited) saves += layer.expertSaveNs[chiplet];
    }
    slowest = Math.max(slowest, experts * memoryNs);
    slowestSave = Math.max(slowestSave, saves);
  }
  const moves = (transfer: LayerDurations["dispatch"]) => {
    const busiest = Math.max(...transfer.rootNs, ...transfer.chipletNs);
    return busiest === 0 ? 0 : busiest + transfer.latencyNs;
  };
  const local = layer.attentionNs + layer.sharedNs;
  const experts = Math.max(...layer.expertsNs);
  const remote = moves(layer.dispatch) + moves(layer.combine);
  return (
    (1 + 2 * layer.updateFactor) * slowest +
    numMicroBatches * (2 * (remote + layer.saveNs + slowestSave) + 3 * (local + experts))
  );
}

function cutInto(layer: LayerDurations, chunks: number): LayerDurations {
  const divide = (values: Float64Array) => values.map((value) => value / chunks);
  const cut = ({ rootNs, chipletNs, latencyNs }: LayerDurations["dispatch"]) => ({
    rootNs: divide(rootNs),
    chipletNs: divide(chipletNs),
    latencyNs,
  });
  return {
    ...layer,
    attentionNs: layer.attentionNs / chunks,
    sharedNs: layer.sharedNs / chunks,
    saveNs: layer.saveNs / chunks,
    expertSaveNs: divide(layer.expertSaveNs),
    dispatch: cut(layer.dispatch),
    combine: cut(layer.combine),
    expertsNs: divide(layer.expertsNs),
    chunkBytes: divide(layer.chunkBytes),
  };
}

function halve({ rootNs, chipletNs, latencyNs }: LayerDurations["dispatch"]): LayerDurations["dispatch"] {
  return { rootNs: rootNs.map((ns) => ns / 2), chipletNs: chipletNs.map((ns) => ns / 2), latencyNs };
}
