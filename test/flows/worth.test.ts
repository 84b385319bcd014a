import { expect } from "chai";
import { beforeAfter, measurePlacement } from "../../lib/flows/worth.js";
import { drawConstants, TRUSTED_WITHIN } from "../../lib/hardware/draw-constants.js";
import { listConstants, withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware, hardwarePresets } from "../../lib/hardware/presets.js";
import { createWorkload } from "../../lib/performance/workload.js";
import type { Placement } from "../../lib/placement/placement.js";
import { createRandom } from "../../lib/random.js";
import { beforeAfterTable, worthSentence } from "../../lib/report/before-after.js";
import { createRoutingTrace } from "../../lib/trace/routing-trace.js";

const hardware = withChiplets(findHardware("h100-8x8")!, { numChiplets: 4, numGroups: 1 });
const shape = findModelShape("olmoe-1b-7b");
const machine = {
  hardware,
  shape,
  workload: createWorkload({ hardware, shape }, { tokensPerChiplet: 4096 }),
};

/** Experts 0 and 1 are chosen by nearly all tokens, so that a GPU with both waits for nobody. */
const random = createRandom(3);
const trace = createRoutingTrace({
  model: undefined,
  numExperts: 8,
  topK: 2,
  layers: [0, 1].map((layer) => ({
    layer,
    numTokens: 8192,
    experts: Uint16Array.from(
      Array.from({ length: 8192 }, () =>
        random.next() < 0.8 ? [0, 1] : [2 + 2 * random.below(3), 3 + 2 * random.below(3)],
      ).flat(),
    ),
  })),
});
const placed = (chiplets: number[][]): Placement => ({
  model: undefined,
  numExperts: 8,
  numChiplets: 4,
  layers: trace.layers.map(({ layer }) => ({ layer, status: "feasible", chiplets })),
});
const split = { learn: trace, heldOut: undefined };
const measure = (chiplets: number[][]) => measurePlacement(placed(chiplets), split, machine);
const hot = measure([
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
]);
const even = measure([
  [0, 2],
  [1, 3],
  [4, 5],
  [6, 7],
]);

describe("what a placement is worth", () => {
  it("is its gain, where batches and the constants' trust do not turn it", () => {
    const change = beforeAfter(hot, even, { machine });
    expect(change.worth, JSON.stringify(change.worth)).to.include({
      verdict: "worth it",
      draws: 200,
      agreeing: 200,
    });
    expect(change.worth!.gain).to.be.above(change.worth!.noise);
    expect(change.worth!.gain).to.equal(1 - change.after.stepNs! / change.before.stepNs!);
    expect(worthSentence(change, "contiguous")).to.match(
      /^A step takes .* with contiguous, .* with this placement; .* tokens\/s a chiplet become .*; what binds is .*, at work for .* % of the step.* Worth it: .* less time, above the noise of batches, .*, and so in 200 of 200 draws/,
    );
    expect(beforeAfter(even, hot, { machine, draws: 10 }).worth).to.include({ verdict: "slower", draws: 10 });
    const again = beforeAfter(hot, even, { machine });
    expect(again).to.deep.equal(change);
  });

  it("tells slower batches beyond which 5 % are, which a better mean hides", () => {
    const { stepNs } = hot.figures.batches;
    const withTail = (share: number) => {
      const batches = {
        ...even.figures.batches,
        stepNs: { mean: stepNs!.mean / 2, p95: share * stepNs!.p95 },
      };
      return worthSentence(
        beforeAfter(hot, { ...even, figures: { ...even.figures, batches } }, { machine, draws: 5 }),
        "contiguous",
      );
    };
    expect(withTail(1.167)).to.match(
      /Worth it: .* of 5 draws .* trust, but the slowest batches \(95 %\) take 16\.7 % more\.$/,
    );
    for (const share of [0.9, 1, 1.004]) expect(withTail(share)).to.match(/Worth it: .* trust\.$/);
  });

  it("is nothing where the mean of batches has it the other way", () => {
    const each = hot.batches.each.map((batch) => ({ ...batch, stepNs: 1.01 * batch.stepNs! }));
    const slow = { ...even, batches: { ...hot.batches, each } };
    const change = beforeAfter(hot, slow, { machine, draws: 5 });
    expect(change.worth).to.include({ verdict: "not worth it" });
    expect(change.worth!.batchGain).to.be.closeTo(-0.01, 1e-9);
    expect(worthSentence(change, "contiguous")).to.match(
      /Not worth it: .* % less time on all tokens at once, but .* % more in the mean of batches\.$/,
    );
  });

  it("is nothing for the same placement, for one below the noise, and where no time is known", () => {
    const same = beforeAfter(hot, hot, { machine, draws: 5 });
    expect(same.worth).to.include({ verdict: "not worth it", gain: 0, agreeing: 5 });
    expect(worthSentence(same, "contiguous")).to.match(/Not worth it: the time is the same\.$/);
    // The same loads on other GPUs.
    const renamed = measure([
      [6, 7],
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(beforeAfter(hot, renamed, { machine, draws: 5 }).worth!.verdict).to.equal("not worth it");
    const untimed = { hardware };
    const unknown = measurePlacement(
      placed([
        [0, 1],
        [2, 3],
        [4, 5],
        [6, 7],
      ]),
      split,
      untimed,
    );
    const change = beforeAfter(unknown, unknown, { machine: untimed });
    expect(change.worth).to.equal(null);
    expect(worthSentence(change, "contiguous")).to.equal(undefined);
    const { count, tokens, stepTokens } = change.after.batches;
    expect(tokens).to.be.below(stepTokens);
    expect(beforeAfterTable(change, "contiguous").cells.map(([name]) => name)).to.include(
      `  of ${count} batches, ${tokens} of a step's ${stepTokens} tokens: mean, 95 %`,
    );
    expect(beforeAfterTable(change, "contiguous").cells.map(([name]) => name)).to.not.include(
      "time of a step",
    );
  });

  it("counts what replicas take of the memories, and the keys and values that would fit there", () => {
    const { figures } = measure([
      [0, 1, 2],
      [2, 3, 0],
      [4, 5, 1],
      [6, 7, 0],
    ]);
    const oneExpert = 3 * shape!.hiddenSize * shape!.expertWidth * shape!.bytesPerWeight;
    expect(figures.replicas!.perLayer).to.equal(4);
    expect(figures.replicas!.bytesPerChiplet).to.equal(oneExpert * shape!.numMoeLayers);
    expect(figures.replicas!.kvTokens).to.be.above(0);
    expect(hot.figures.replicas).to.equal(null);
  });
});

describe("drawConstants", () => {
  it("stays within the trust of every constant, changes no count, and is the same for the same seed", () => {
    for (const preset of hardwarePresets) {
      const drawn = drawConstants(preset, createRandom(1));
      expect(drawn).to.deep.equal(drawConstants(preset, createRandom(1)));
      const after = listConstants(drawn);
      for (const [index, { path, constant }] of listConstants(preset).entries()) {
        const { value } = after[index].constant;
        const within = 1 + TRUSTED_WITHIN[constant.trust];
        expect(value, path).to.be.within(constant.value / within - 1e-12, constant.value * within + 1e-12);
        if (/(tiles|bytes|rows|computeUnits|pjPerBit)$/.test(path))
          expect(value, path).to.equal(constant.value);
      }
    }
  });
});
