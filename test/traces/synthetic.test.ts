import { expect } from "chai";
import { countTokenCopies } from "../../lib/placement/cost.js";
import { createProblem } from "../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { createRandom } from "../../lib/random.js";
import type { RoutingTrace } from "../../lib/trace/routing-trace.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { localSearch } from "../../solvers/local-search.js";
import { readTrace } from "../../traces/read-trace.js";
import { synthesizeTrace, syntheticPresets } from "../../traces/synthetic.js";
import { weightedChoice } from "../../traces/weighted-choice.js";
import { failureOf, realFile } from "./trace-files.js";

describe("synthetic traces", () => {
  it("have the shape of the model and the layer numbers of its MoE layers", () => {
    const shapes = syntheticPresets.map((preset) => {
      const { numExperts, topK, layers } = synthesizeTrace({ preset, tokens: 3 });
      return [preset, numExperts, topK, layers[0].layer, layers.at(-1)!.layer];
    });
    expect(shapes).to.deep.equal([
      ["qwen3-30b-a3b", 128, 8, 0, 47],
      ["olmoe-1b-7b", 64, 8, 0, 15],
      ["deepseek-moe-16b", 64, 6, 1, 27],
      ["deepseek-v2-lite", 64, 6, 1, 26],
      ["gpt-oss-20b", 32, 4, 0, 23],
      ["deepseek-v3", 256, 8, 3, 60],
      ["kimi-k2", 384, 8, 1, 60],
      ["kimi-k3", 896, 16, 1, 92],
    ]);
  });

  it("are the same for the same seed, and every layer the same however many there are", () => {
    const preset = "gpt-oss-20b";
    const trace = synthesizeTrace({ preset, seed: 7, tokens: 500, layers: 3 });
    expect(synthesizeTrace({ preset, seed: 7, tokens: 500, layers: 3 })).to.deep.equal(trace);
    expect(synthesizeTrace({ preset, seed: 7, tokens: 500, layers: 2 }).layers).to.deep.equal(
      trace.layers.slice(0, 2),
    );
    expect(synthesizeTrace({ preset, seed: 8, tokens: 500, layers: 3 })).not.to.deep.equal(trace);
  });

  it("gain nothing from the order of the ids, and by search what real traces gain", async function () {
    this.timeout(60_000);
    const { contiguous, searched, skew } = await measure(
      synthesizeTrace({ preset: "deepseek-v2-lite", layers: 4 }),
      16,
    );
    // The means of the ESFT law trace over its 26 layers.
    expect(contiguous).to.be.closeTo(5.3, 0.05 * 5.3);
    expect(searched).to.be.closeTo(3.85, 0.1 * 3.85);
    expect(skew).to.be.within(2, 4.5);
  });

  it("resemble the real traces of the model, measured here and now", async function () {
    this.timeout(60_000);
    const { trace } = await readTrace([realFile(this, "traces", "esft-dsv2lite-law.jsonl.gz")]);
    const layers = trace.layers.filter(({ layer }) => layer % 8 === 1);
    const real = await measure({ ...trace, layers }, 16);
    const made = await measure(synthesizeTrace({ preset: "deepseek-v2-lite", layers: 4 }), 16);
    expect(made.contiguous / real.contiguous).to.be.within(0.95, 1.05);
    expect(made.searched / real.searched).to.be.within(0.9, 1.1);
    expect(made.skew / real.skew).to.be.within(0.6, 1.4);
    expect(made.distinct / real.distinct).to.be.within(0.6, 1.6);
  });

  it("repeat experts within a sequence more than between sequences", () => {
    const { layers, topK } = synthesizeTrace({ preset: "deepseek-v2-lite", tokens: 4096, layers: 1 });
    const [{ experts, sequenceStarts, numTokens }] = layers;
    const sequenceOf = Array.from({ length: numTokens }, (_, token) =>
      sequenceStarts!.findLastIndex((at) => at <= token),
    );
    const shared = { within: [0, 0], between: [0, 0] };
    for (let token = 0; token + 100 < numTokens; token += 3) {
      const here = new Set(experts.subarray(token * topK, (token + 1) * topK));
      const there = experts.subarray((token + 40) * topK, (token + 41) * topK);
      const tally = sequenceOf[token] === sequenceOf[token + 40] ? shared.within : shared.between;
      tally[0] += there.filter((expert) => here.has(expert)).length;
      tally[1]++;
    }
    expect(shared.within[0] / shared.within[1]).to.be.above((1.1 * shared.between[0]) / shared.between[1]);
  });

  it("are refused where the preset is unknown or a count makes no sense", async () => {
    const refusal = (options: { tokens?: number; layers?: number; preset?: string }) =>
      failureOf(Promise.resolve().then(() => synthesizeTrace({ preset: "gpt-oss-20b", ...options })));
    expect(await refusal({ preset: "gpt-9" })).to.match(
      /^InputError: preset: found gpt-9, expected qwen3-30b-a3b, /,
    );
    expect(await refusal({ tokens: 0 })).to.equal(
      "InputError: tokens: found 0, expected a whole number above 0",
    );
    expect(await refusal({ layers: 1.5 })).to.equal(
      "InputError: layers: found 1.5, expected a whole number above 0",
    );
  });
});

describe("weighted choice", () => {
  it("picks every item as often as its weight says, and an item without weight never", () => {
    const weights = [3, 0, 1, 0.5, 5.5];
    const pick = weightedChoice(weights);
    const random = createRandom(11);
    const counts = new Float64Array(weights.length);
    const draws = 40_000;
    for (let draw = 0; draw < draws; draw++) counts[pick(random)]++;
    weights.forEach((weight, item) => {
      expect(counts[item] / draws).to.be.closeTo(weight / 10, 0.01);
    });
    expect(counts[1]).to.equal(0);
  });
});

async function measure(trace: RoutingTrace, numChiplets: number) {
  const { numExperts, topK, layers } = trace;
  let [contiguous, searched, skew, distinct] = [0, 0, 0, 0];
  for (const layer of layers) {
    const patterns = collectPatterns(layer, trace);
    const problem = createProblem(patterns, { numChiplets });
    const inOrder = Uint16Array.from(
      { length: numExperts },
      (_, expert) => (expert * numChiplets) / numExperts,
    );
    contiguous += countTokenCopies(patterns, inOrder) / layer.numTokens / layers.length;
    const solution = await localSearch.solve(problem, DEFAULT_SOLVER_OPTIONS);
    searched += (solution.status === "feasible" ? solution.cost : Infinity) / layers.length;
    skew += (Math.max(...problem.load) * numExperts) / (layer.numTokens * topK) / layers.length;
    distinct += patterns.numPatterns / layer.numTokens / layers.length;
  }
  return { contiguous, searched, skew, distinct };
}
