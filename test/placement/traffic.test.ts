import { expect } from "chai";
import fc from "fast-check";
import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { collectPatterns } from "../../lib/token-patterns.js";
import { seatedCases } from "../arbitrary-layer.js";

describe("countTraffic", () => {
  it("counts loads and visits as a walk over the tokens does", () => {
    const cases = fc.tuple(seatedCases, fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(cases, ([{ layer, tokens, blockOf, numBlocks, numExperts, topK }, chipletsPerGroup]) => {
        const chiplets = expertsOfChiplets(blockOf, numBlocks);
        const traffic = countTraffic(
          collectPatterns(layer, { numExperts, topK }),
          chiplets,
          chipletsPerGroup,
        );
        const groupOf = (expert: number) => Math.floor(blockOf[expert] / chipletsPerGroup);
        const tokensOn = (isThere: (expert: number) => boolean) =>
          tokens.filter((token) => token.some(isThere)).length;
        chiplets.forEach((seated, chiplet) => {
          const picks = tokens.flat().filter((expert) => blockOf[expert] === chiplet);
          expect(traffic.chipletLoad[chiplet]).to.equal(picks.length);
          expect(traffic.chipletTokens[chiplet]).to.equal(tokensOn((expert) => blockOf[expert] === chiplet));
          expect(traffic.expertLoad[chiplet]).to.deep.equal(
            seated.map((expert) => picks.filter((pick) => pick === expert).length),
          );
        });
        expect(traffic.groupTokens).to.have.length(Math.ceil(numBlocks / chipletsPerGroup));
        traffic.groupTokens.forEach((visits, group) => {
          expect(visits).to.equal(tokensOn((expert) => groupOf(expert) === group));
        });
        expect(traffic.numTokens).to.equal(tokens.length);
      }),
      { seed: 1 },
    );
  });
});
