import { expect } from "chai";
import fc from "fast-check";
import { countCoactivation } from "../../lib/trace/coactivation.js";
import { coLocationCeiling, inspectTrace } from "../../lib/flows/inspect.js";
import { countTokenCopies, uniformReplication } from "../../lib/placement/cost.js";
import { createRoutingTrace } from "../../lib/trace/routing-trace.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { layerOf, placedCases } from "../arbitrary-layer.js";

describe("inspectTrace", () => {
  const trace = createRoutingTrace({
    model: undefined,
    numExperts: 4,
    topK: 2,
    layers: [
      layerOf([[0, 1], [1, 0], [0, 2], [0, 1]], 3), // prettier-ignore
      layerOf([[0, 1], [2, 3]], 5), // prettier-ignore
    ],
  });

  it("tells skew, patterns, idle experts and the cost of ids in order", () => {
    const { layers, uniformReplication: uniform } = inspectTrace(trace, { numChiplets: 2 });
    const [skewed, even] = layers;
    expect(skewed).to.deep.include({
      layer: 3,
      tokens: 4,
      patterns: 2,
      idleExperts: 1,
      contiguousReplication: 5 / 4,
    });
    // Loads 4, 3, 1, 0 of 8.
    expect(skewed.loadMaxOverMean).to.equal(2);
    expect(skewed.loadEntropy).to.be.closeTo((0.5 * 1 + 0.375 * Math.log2(8 / 3) + 0.125 * 3) / 2, 1e-12);
    expect(even).to.deep.include({
      loadMaxOverMean: 1,
      idleExperts: 0,
      contiguousReplication: 1,
      replicationAtLeast: 1,
    });
    expect(even.loadEntropy).to.be.closeTo(1, 1e-12);
    expect(uniform).to.equal(uniformReplication({ numExperts: 4, topK: 2, numBlocks: 2 }));
  });

  it("calls the load of a single expert even", () => {
    const single = createRoutingTrace({ model: undefined, numExperts: 1, topK: 1, layers: [layerOf([[0]])] });
    expect(inspectTrace(single, { numChiplets: 1 }).layers[0]).to.deep.include({
      loadEntropy: 1,
      replicationAtLeast: 1,
    });
  });
});

describe("coLocationCeiling", () => {
  it("is below the cost of every placement with that many slots", () => {
    fc.assert(
      fc.property(placedCases, ({ layer, blockOf, numBlocks, ...shape }) => {
        const slots = Array.from(
          { length: numBlocks },
          (_, block) => blockOf.filter((assigned) => assigned === block).length,
        );
        const patterns = collectPatterns(layer, shape);
        const ceiling = coLocationCeiling(patterns, countCoactivation(patterns), Math.max(...slots));
        expect(ceiling).to.be.at.most(countTokenCopies(patterns, blockOf) / patterns.numTokens + 1e-12);
      }),
      { seed: 1 },
    );
  });

  it("is met where experts come in pairs that fill chiplets", () => {
    const tokens = [[0, 3], [1, 2], [3, 0]]; // prettier-ignore
    const patterns = collectPatterns(layerOf(tokens), { numExperts: 4, topK: 2 });
    expect(coLocationCeiling(patterns, countCoactivation(patterns), 2)).to.equal(1);
    expect(coLocationCeiling(patterns, countCoactivation(patterns), 1)).to.equal(2);
  });
});
