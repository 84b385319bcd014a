import { expect } from "chai";
import fc from "fast-check";
import {
  collectPatterns,
  indexPatterns,
  quotientPatterns,
  type TokenPatterns,
} from "../../lib/trace/token-patterns.js";
import { layerCases, layerOf, placedCases } from "../arbitrary-layer.js";

describe("collectPatterns", () => {
  it("counts every distinct expert set, in order of first appearance", () => {
    fc.assert(
      fc.property(layerCases, (layerCase) => {
        const expected = new Map<string, number>();
        for (const token of layerCase.tokens) count(expected, token, 1);
        const patterns = collectPatterns(layerCase.layer, layerCase);
        expect(entriesOf(patterns)).to.deep.equal([...expected]);
        expect(patterns.numTokens).to.equal(layerCase.tokens.length);
      }),
      { seed: 1 },
    );
  });

  it("keeps apart thousands of patterns", () => {
    const tokens: number[][] = [];
    for (let first = 0; first < 100; first++) {
      for (let second = first + 1; second < 100; second++) tokens.push([first, second], [second, first]);
    }
    const patterns = collectPatterns(layerOf(tokens), { numExperts: 100, topK: 2 });
    expect(patterns.numPatterns).to.equal(4950);
    expect(patterns.counts.every((tokensWith) => tokensWith === 2)).to.be.true;
  });
});

describe("quotientPatterns", () => {
  it("counts the distinct sets of blocks that tokens visit", () => {
    fc.assert(
      fc.property(placedCases, ({ tokens, layer, numExperts, topK, blockOf, numBlocks }) => {
        const expected = new Map<string, number>();
        for (const token of tokens) count(expected, [...new Set(token.map((expert) => blockOf[expert]))], 1);
        const patterns = collectPatterns(layer, { numExperts, topK });
        const quotient = quotientPatterns(patterns, blockOf, numBlocks);
        expect(new Map(entriesOf(quotient))).to.deep.equal(expected);
        expect(quotient.numTokens).to.equal(tokens.length);
        expect(quotient.numExperts).to.equal(numBlocks);
      }),
      { seed: 1 },
    );
  });
});

describe("indexPatterns", () => {
  it("lists for every expert just the patterns that have it", () => {
    fc.assert(
      fc.property(layerCases, (layerCase) => {
        const patterns = collectPatterns(layerCase.layer, layerCase);
        const index = indexPatterns(patterns);
        for (let expert = 0; expert < layerCase.numExperts; expert++) {
          const listed = index.patterns.subarray(index.offsets[expert], index.offsets[expert + 1]);
          const having = membersOf(patterns).flatMap((set, pattern) =>
            set.includes(expert) ? [pattern] : [],
          );
          expect([...listed]).to.deep.equal(having);
        }
      }),
      { seed: 1 },
    );
  });
});

function count(counts: Map<string, number>, members: readonly number[], by: number): void {
  const key = [...members].sort((a, b) => a - b).join();
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function membersOf({ numPatterns, offsets, experts }: TokenPatterns): number[][] {
  return Array.from({ length: numPatterns }, (_, pattern) => [
    ...experts.subarray(offsets[pattern], offsets[pattern + 1]),
  ]);
}

function entriesOf(patterns: TokenPatterns): [string, number][] {
  return membersOf(patterns).map((members, pattern) => [members.join(), patterns.counts[pattern]]);
}
