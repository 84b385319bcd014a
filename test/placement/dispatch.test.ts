import { expect } from "chai";
import { chipletsWithExperts, chooseBySource, sharesOfReplicas } from "../../lib/placement/dispatch.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { createRandom } from "../../lib/random.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { synthesizeTrace } from "../../traces/synthetic.js";

describe("chooseBySource", () => {
  it("takes a GPU's own replica as SGLang does, else one of its server where that narrows, else fair shares", () => {
    const options = { numChiplets: 8, chipletsPerGroup: 4 };
    const choiceOf = (chiplets: number[]) => [...chooseBySource("sglang-static", [chiplets], options)];
    // Replicas on both servers: each server sends nothing out.
    expect(choiceOf([1, 6])).to.deep.equal([1, 1, 1, 1, 6, 6, 6, 6]);
    // Both on server 0: there, what is not a holder's own is shared fairly with the other server.
    const shared = choiceOf([0, 3]);
    expect([shared[0], shared[3]]).to.deep.equal([0, 3]);
    expect(shared.filter((chiplet) => chiplet === 0)).to.have.length(4);
    expect(choiceOf([5])).to.deep.equal(new Array(8).fill(5));
  });

  it("takes the source's rank modulo the replicas as vllm-ascend does", () => {
    const choice = chooseBySource("vllm-ascend", [[0, 2, 5], [1]], { numChiplets: 6, chipletsPerGroup: 3 });
    expect([...choice].filter((_, index) => index % 2 === 0)).to.deep.equal([0, 2, 5, 0, 2, 5]);
  });
});

describe("sharesOfReplicas", () => {
  it("counts the sources that each replica serves", () => {
    const shape = { numChiplets: 12, chipletsPerGroup: 4 };
    const random = createRandom(4);
    for (let expert = 0; expert < 40; expert++) {
      const chiplets = random.shuffle([...Array(12).keys()]).slice(0, 1 + random.below(5));
      chiplets.sort((a, b) => a - b);
      for (const model of ["sglang-static", "vllm-ascend"] as const) {
        // As the last of so many experts: fair shares are drawn by the expert's number.
        const all = Array.from({ length: expert + 1 }, () => chiplets);
        const choice = chooseBySource(model, all, shape);
        const served = chiplets.map(
          (chiplet) =>
            [...Array(12).keys()].filter((source) => choice[source * all.length + expert] === chiplet).length,
        );
        const shares = sharesOfReplicas(model, chiplets, { ...shape, expert });
        expect(shares).to.deep.equal(served.map((sources) => sources / 12));
      }
    }
    expect(sharesOfReplicas("vllm", [3, 7], { ...shape, expert: 0 })).to.deep.equal([0.5, 0.5]);
  });
});

describe("dispatch models against a replay of every token", () => {
  const trace = synthesizeTrace({ preset: "qwen3-30b-a3b", tokens: 3000, layers: 1, seed: 1 });
  const [layer] = trace.layers;
  const { numExperts, topK } = trace;
  // Contiguous experts, and one replica a chiplet of an expert far away.
  const chiplets = Array.from({ length: 16 }, (_, chiplet) =>
    [...Array.from({ length: 8 }, (__, place) => 8 * chiplet + place), (8 * chiplet + 67) % 128].sort(
      (a, b) => a - b,
    ),
  );
  const chipletsOf = chipletsWithExperts(chiplets, numExperts);

  /** Mean chiplets that a token visits where `choose` says the replica, tokens starting on GPUs in turn. */
  function replay(choose: (expert: number, at: { source: number; position: number }) => number): number {
    let copies = 0;
    for (let token = 0; token < layer.numTokens; token++) {
      const experts = layer.experts.subarray(token * topK, (token + 1) * topK);
      const at = (place: number) => ({ source: token % 16, position: Math.floor(token / 16) * topK + place });
      copies += new Set(Array.from(experts, (expert, place) => choose(expert, at(place)))).size;
    }
    return copies / layer.numTokens;
  }

  function modelled(dispatch: Parameters<typeof chooseBySource>[0]): number {
    const patterns = collectPatterns(layer, trace);
    const { chipletTokens } = countTraffic(patterns, chiplets, { chipletsPerGroup: 8, dispatch });
    return chipletTokens.reduce((sum, tokens) => sum + tokens, 0) / layer.numTokens;
  }

  for (const dispatch of ["sglang-static", "vllm-ascend"] as const) {
    it(`agrees for ${dispatch}, within what 3,000 tokens leave to chance`, () => {
      const choice = chooseBySource(dispatch, chipletsOf, { numChiplets: 16, chipletsPerGroup: 8 });
      const replayed = replay((expert, { source }) => choice[source * numExperts + expert]);
      expect(modelled(dispatch)).to.be.closeTo(replayed, 0.01 * replayed);
    });
  }

  it("agrees for vLLM, which deals replicas by position", () => {
    const replayed = replay(
      (expert, { position }) => chipletsOf[expert][position % chipletsOf[expert].length],
    );
    expect(modelled("vllm")).to.be.closeTo(replayed, 0.01 * replayed);
  });

  it("agrees for SGLang's dynamic dispatch, which draws", () => {
    const random = createRandom(7);
    const replayed = replay((expert) => chipletsOf[expert][random.below(chipletsOf[expert].length)]);
    expect(modelled("sglang-dynamic")).to.be.closeTo(replayed, 0.01 * replayed);
  });

  it("agrees for TensorRT-LLM, which deals the tokens of an expert in turn", () => {
    const turns = new Uint32Array(numExperts);
    const replayed = replay((expert) => chipletsOf[expert][turns[expert]++ % chipletsOf[expert].length]);
    expect(modelled("trtllm")).to.be.closeTo(replayed, 0.01 * replayed);
  });

  it("promises no engine what nearest dispatch could do", () => {
    for (const engine of ["sglang-static", "sglang-dynamic", "vllm", "vllm-ascend", "trtllm"] as const) {
      expect(modelled(engine)).to.be.above(modelled("nearest"));
    }
  });
});
