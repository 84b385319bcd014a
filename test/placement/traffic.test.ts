import { expect } from "chai";
import fc from "fast-check";
import { chipletsWithExperts, DISPATCH_MODELS, type DispatchModel } from "../../lib/placement/dispatch.js";
import { expertsOfChiplets, type Chiplets } from "../../lib/placement/placement.js";
import { waysToServe } from "../../lib/placement/slow-dispatch.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { collectPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import { layerCases, placedCases } from "../arbitrary-layer.js";

describe("countTraffic", () => {
  it("counts loads and token copies as a walk over the tokens does", () => {
    const cases = fc.tuple(placedCases, fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(cases, ([{ layer, tokens, blockOf, numBlocks, numExperts, topK }, chipletsPerGroup]) => {
        const chiplets = expertsOfChiplets(blockOf, numBlocks);
        const traffic = countTraffic(collectPatterns(layer, { numExperts, topK }), chiplets, {
          chipletsPerGroup,
        });
        const groupOf = (expert: number) => Math.floor(blockOf[expert] / chipletsPerGroup);
        const tokensOn = (isThere: (expert: number) => boolean) =>
          tokens.filter((token) => token.some(isThere)).length;
        chiplets.forEach((held, chiplet) => {
          const picks = tokens.flat().filter((expert) => blockOf[expert] === chiplet);
          expect(traffic.chipletLoad[chiplet]).to.equal(picks.length);
          expect(traffic.chipletTokens[chiplet]).to.equal(tokensOn((expert) => blockOf[expert] === chiplet));
          expect(traffic.expertLoad[chiplet]).to.deep.equal(
            held.map((expert) => picks.filter((pick) => pick === expert).length),
          );
        });
        expect(traffic.groupTokens).to.have.length(Math.ceil(numBlocks / chipletsPerGroup));
        traffic.groupTokens.forEach((groupTokens, group) => {
          expect(groupTokens).to.equal(tokensOn((expert) => groupOf(expert) === group));
        });
        expect(traffic.numTokens).to.equal(tokens.length);
      }),
      { seed: 1 },
    );
  });

  for (const dispatch of DISPATCH_MODELS) {
    it(`serves replicas as the definition of ${dispatch} dispatch says`, () => {
      fc.assert(
        fc.property(replicatedCases, ({ layer, chiplets, chipletsPerGroup, numExperts, topK }) => {
          const patterns = collectPatterns(layer, { numExperts, topK });
          const fast = countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch });
          const slow = slowTraffic(patterns, chiplets, { chipletsPerGroup, dispatch });
          for (const key of ["chipletLoad", "chipletTokens", "groupTokens"] as const) {
            fast[key].forEach((value, index) => {
              expect(value, key).to.be.closeTo(slow[key][index], 1e-9);
            });
          }
          const served = fast.chipletLoad.reduce((sum, load) => sum + load, 0);
          expect(served).to.be.closeTo(layer.numTokens * topK, 1e-9);
        }),
        { seed: 1, numRuns: 300 },
      );
    });
  }

  it("never visits more chiplets for one more replica, if tokens go to the nearest", () => {
    fc.assert(
      fc.property(replicatedCases, ({ layer, chiplets, numExperts, topK }) => {
        const patterns = collectPatterns(layer, { numExperts, topK });
        const copiesOn = (placement: Chiplets) =>
          countTraffic(patterns, placement, { chipletsPerGroup: 1 }).chipletTokens.reduce(
            (sum, value) => sum + value,
            0,
          );
        chiplets.forEach((held, chiplet) => {
          const absent = Array.from({ length: numExperts }, (_, expert) => expert).find(
            (e) => !held.includes(e),
          );
          if (absent === undefined) return;
          const richer = chiplets.map((experts, index) =>
            index === chiplet ? [...experts, absent] : experts,
          );
          expect(copiesOn(richer)).to.be.at.most(copiesOn(chiplets) + 1e-9);
        });
      }),
      { seed: 1 },
    );
  });
});

/** Layers placed with replicas: chiplets take the experts that `drawn` says, and those left out sit on the first. */
const replicatedCases = fc
  .tuple(
    layerCases,
    fc.array(fc.uniqueArray(fc.nat(8)), { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([layerCase, drawn, chipletsPerGroup]) => {
    const chiplets = drawn.map((held) => held.filter((expert) => expert < layerCase.numExperts));
    const missing = Array.from({ length: layerCase.numExperts }, (_, expert) => expert).filter(
      (expert) => !chiplets.flat().includes(expert),
    );
    chiplets[0].push(...missing);
    return { ...layerCase, chiplets, chipletsPerGroup };
  });

function slowTraffic(
  patterns: TokenPatterns,
  chiplets: Chiplets,
  { chipletsPerGroup, dispatch }: { chipletsPerGroup: number; dispatch: DispatchModel },
) {
  const numGroups = Math.ceil(chiplets.length / chipletsPerGroup);
  const slow = {
    chipletLoad: chiplets.map(() => 0),
    chipletTokens: chiplets.map(() => 0),
    groupTokens: Array.from({ length: numGroups }, () => 0),
  };
  const chipletsOf = chipletsWithExperts(chiplets, patterns.numExperts);
  const waysOf = waysToServe(chipletsOf, dispatch, { numChiplets: chiplets.length, chipletsPerGroup });
  for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
    const members = [...patterns.experts.subarray(patterns.offsets[pattern], patterns.offsets[pattern + 1])];
    const ways = waysOf(members);
    expect(ways.reduce((sum, { share }) => sum + share, 0)).to.be.closeTo(1, 1e-12);
    for (const { share, servedOn } of ways) {
      const tokens = patterns.counts[pattern] * share;
      const visited = new Set([...servedOn.values()].flat());
      for (const on of servedOn.values()) for (const c of on) slow.chipletLoad[c] += tokens / on.length;
      for (const chiplet of visited) slow.chipletTokens[chiplet] += tokens;
      const groups = new Set([...visited].map((chiplet) => Math.floor(chiplet / chipletsPerGroup)));
      for (const group of groups) slow.groupTokens[group] += tokens;
    }
  }
  return slow;
}
