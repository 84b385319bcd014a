import { expect } from "chai";
import fc from "fast-check";
import {
  coactivationGraph,
  coactivationMatrix,
  countCoactivation,
  expectedPairs,
  type Coactivation,
} from "../../lib/trace/coactivation.js";
import { createRandom } from "../../lib/random.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { layerCases, layerOf, type LayerCase } from "../arbitrary-layer.js";

describe("countCoactivation", () => {
  it("counts the tokens that chose each expert and each pair", () => {
    fc.assert(
      fc.property(layerCases, (layerCase) => {
        const coactivation = coactivationOf(layerCase);
        const tokensWith = (...experts: number[]) =>
          layerCase.tokens.filter((token) => experts.every((expert) => token.includes(expert))).length;
        for (let first = 0; first < layerCase.numExperts; first++) {
          expect(coactivation.load[first]).to.equal(tokensWith(first));
          for (let second = 0; second < layerCase.numExperts; second++) {
            const expected = first === second ? 0 : tokensWith(first, second);
            expect(coactivation.pairs[first * layerCase.numExperts + second]).to.equal(expected);
          }
        }
      }),
      { seed: 1 },
    );
  });

  it("is the same after experts are renamed, but for the names", () => {
    fc.assert(
      fc.property(layerCases, (layerCase) => {
        const { numExperts } = layerCase;
        const renamed = layerCase.tokens.map((token) => token.map((expert) => numExperts - 1 - expert));
        const [before, after] = [layerCase, { ...layerCase, layer: layerOf(renamed) }].map(coactivationOf);
        // Renaming e to numExperts - 1 - e reverses both arrays.
        expect(after.load).to.deep.equal(before.load.toReversed());
        expect(after.pairs).to.deep.equal(before.pairs.toReversed());
      }),
      { seed: 1 },
    );
  });
});

describe("expectedPairs", () => {
  it("adds up to the pairs there are where no expert is busier than another", () => {
    const tokens = Array.from({ length: 8 }, (_, token) => [token, (token + 3) % 8]);
    const coactivation = coactivationOf({ numExperts: 8, topK: 2, tokens, layer: layerOf(tokens) });
    // The formula pairs an expert with itself too; those 8 of 64 cells are left out.
    expect(sum(expectedPairs(coactivation))).to.be.closeTo((sum(coactivation.pairs) * 7) / 8, 1e-9);
  });

  it("is met by tokens that draw their experts by load alone", () => {
    const random = createRandom(3);
    const numExperts = 40;
    const tokens = Array.from({ length: 40_000 }, () => {
      const token = new Set<number>();
      // Squaring makes low ids busier.
      while (token.size < 2) token.add(Math.floor(numExperts * random.next() ** 2));
      return [...token];
    });
    const coactivation = coactivationOf({ numExperts, topK: 2, tokens, layer: layerOf(tokens) });
    const expected = expectedPairs(coactivation);
    // Drawing without replacement pairs busy experts a little less than the null model says.
    for (const [row, column] of [
      [3, 17],
      [10, 30],
      [25, 26],
    ] as const) {
      // prettier-ignore
      const cell = row * numExperts + column;
      expect(coactivation.pairs[cell] / expected[cell]).to.be.closeTo(1, 0.25);
    }
  });
});

describe("coactivationGraph and coactivationMatrix", () => {
  it("hold the counts: a node an expert, an edge a pair that occurs", () => {
    fc.assert(
      fc.property(layerCases, (layerCase) => {
        const { numExperts } = layerCase;
        const coactivation = coactivationOf(layerCase);
        const graph = coactivationGraph(coactivation);
        const matrix = coactivationMatrix(coactivation);
        expect(graph.order).to.equal(numExperts);
        for (let first = 0; first < numExperts; first++) {
          expect(graph.getNodeAttribute(first, "load")).to.equal(coactivation.load[first]);
          for (let second = 0; second < numExperts; second++) {
            const pairs = coactivation.pairs[first * numExperts + second];
            expect(matrix.get(first, second)).to.equal(pairs);
            expect(graph.hasEdge(first, second)).to.equal(pairs > 0);
            if (pairs > 0) expect(graph.getEdgeAttribute(first, second, "weight")).to.equal(pairs);
          }
        }
      }),
      { seed: 1, numRuns: 30 },
    );
  });

  it("leaves out edges whose weight is not positive", () => {
    const tokens = [[0, 1], [0, 2]]; // prettier-ignore
    const coactivation = coactivationOf({ numExperts: 3, topK: 2, tokens, layer: layerOf(tokens) });
    const weights = Float64Array.of(0, 5, -1, 5, 0, 0, -1, 0, 0);
    expect(coactivationGraph(coactivation, weights).edges()).to.have.length(1);
  });
});

function coactivationOf(layerCase: LayerCase): Coactivation {
  return countCoactivation(collectPatterns(layerCase.layer, layerCase));
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
