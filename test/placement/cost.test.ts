import { expect } from "chai";
import fc from "fast-check";
import { countTokenCopies, uniformReplication } from "../../lib/placement/cost.js";
import { createRandom } from "../../lib/random.js";
import { collectPatterns, quotientPatterns } from "../../lib/trace/token-patterns.js";
import { layerOf, placedCases } from "../arbitrary-layer.js";

describe("countTokenCopies", () => {
  it("is the number of distinct blocks of every token, added up", () => {
    fc.assert(
      fc.property(placedCases, ({ tokens, layer, blockOf, ...shape }) => {
        const slow = tokens.reduce((sum, token) => sum + new Set(token.map((e) => blockOf[e])).size, 0);
        expect(countTokenCopies(collectPatterns(layer, shape), blockOf)).to.equal(slow);
      }),
      { seed: 1 },
    );
  });

  it("does not change when experts or blocks are renamed, and doubles with the tokens", () => {
    fc.assert(
      fc.property(placedCases, ({ tokens, layer, blockOf, ...shape }) => {
        const tokenCopies = countTokenCopies(collectPatterns(layer, shape), blockOf);
        const rename = (expert: number) => shape.numExperts - 1 - expert;
        const renamed = layerOf(tokens.map((token) => token.map(rename)));
        const twice = layerOf([...tokens, ...tokens]);
        expect(countTokenCopies(collectPatterns(renamed, shape), blockOf.toReversed())).to.equal(tokenCopies);
        expect(countTokenCopies(collectPatterns(twice, shape), blockOf)).to.equal(2 * tokenCopies);
        const shifted = blockOf.map((block) => block + 60_000);
        expect(countTokenCopies(collectPatterns(layer, shape), shifted)).to.equal(tokenCopies);
      }),
      { seed: 1 },
    );
  });

  it("is one copy a token on one block, and top-k copies with every expert on its own", () => {
    fc.assert(
      fc.property(placedCases, ({ layer, tokens, numExperts, topK }) => {
        const patterns = collectPatterns(layer, { numExperts, topK });
        const alone = Array.from({ length: numExperts }, (_, expert) => expert);
        expect(countTokenCopies(patterns, new Uint16Array(numExperts))).to.equal(tokens.length);
        expect(countTokenCopies(patterns, alone)).to.equal(tokens.length * topK);
      }),
      { seed: 1 },
    );
  });

  it("counts chiplet groups through chiplets as it does directly", () => {
    fc.assert(
      fc.property(placedCases, ({ layer, blockOf, numBlocks, ...shape }) => {
        const patterns = collectPatterns(layer, shape);
        const half = (block: number) => Math.floor(block / 2);
        const groups = Array.from({ length: numBlocks }, (_, block) => half(block));
        const onChiplets = quotientPatterns(patterns, blockOf, numBlocks);
        expect(countTokenCopies(onChiplets, groups)).to.equal(countTokenCopies(patterns, blockOf.map(half)));
      }),
      { seed: 1 },
    );
  });
});

describe("uniformReplication", () => {
  it("is the closed form of the paper's machine: 64 experts, top-6, 16 chiplets", () => {
    expect(uniformReplication({ numExperts: 64, topK: 6, numBlocks: 16 })).to.be.closeTo(5.316, 5e-4);
  });

  it("is met by a random trace within sampling error", () => {
    const random = createRandom(5);
    for (const shape of [
      { numExperts: 64, topK: 6, numBlocks: 16 },
      { numExperts: 128, topK: 8, numBlocks: 16 },
      { numExperts: 32, topK: 4, numBlocks: 8 },
    ]) {
      const { numExperts, topK, numBlocks } = shape;
      const numTokens = 20_000;
      const ids = Array.from({ length: numExperts }, (_, expert) => expert);
      const tokens = Array.from({ length: numTokens }, () => random.shuffle(ids).slice(0, topK));
      const perBlock = numExperts / numBlocks;
      const blockOf = ids.map((_, expert) => Math.floor(expert / perBlock));
      const tokenCopies = countTokenCopies(collectPatterns(layerOf(tokens), shape), blockOf);
      // The number of blocks of one token varies by less than 1; six standard errors.
      expect(tokenCopies / numTokens).to.be.closeTo(uniformReplication(shape), 6 / Math.sqrt(numTokens));
    }
  });

  it("is exact at the ends: one block, top-1, and every expert chosen", () => {
    expect(uniformReplication({ numExperts: 8, topK: 3, numBlocks: 1 })).to.be.closeTo(1, 1e-12);
    expect(uniformReplication({ numExperts: 8, topK: 1, numBlocks: 4 })).to.be.closeTo(1, 1e-12);
    expect(uniformReplication({ numExperts: 8, topK: 8, numBlocks: 4 })).to.equal(4);
  });
});
