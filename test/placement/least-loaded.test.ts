import { expect } from "chai";
import fc from "fast-check";
import { serveLeastLoaded } from "../../lib/placement/least-loaded.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { layerOf, placedCases } from "../arbitrary-layer.js";

describe("serveLeastLoaded", () => {
  it("sends tokens where loads are least, among replicas that are as near", () => {
    const layer = layerOf(Array.from({ length: 90 }, (_, token) => [token % 3 === 0 ? 0 : 1]));
    const { tokenReplication, chipletLoad } = serveLeastLoaded(layer, [[0], [1], [1]], {
      numExperts: 2,
      topK: 1,
    });
    expect(tokenReplication).to.equal(1);
    expect([...chipletLoad]).to.deep.equal([30, 30, 30]);
  });

  it("goes no further for balance than it is told to", () => {
    const layer = layerOf(Array.from({ length: 60 }, () => [0, 1]));
    const chiplets = [[0, 1], [1], []];
    const shape = { numExperts: 2, topK: 2 };
    expect(serveLeastLoaded(layer, chiplets, shape).tokenReplication).to.equal(1);
    const eager = serveLeastLoaded(layer, chiplets, { ...shape, copiesPerOverload: 5 });
    expect(eager.tokenReplication).to.be.above(1);
    expect(eager.chipletLoad[0]).to.be.below(120);
  });

  it("is what every dispatch model says where experts have one replica", () => {
    fc.assert(
      fc.property(placedCases, ({ layer, blockOf, numBlocks, numExperts, topK }) => {
        const chiplets = Array.from({ length: numBlocks }, (_, block) =>
          Array.from({ length: numExperts }, (__, expert) => expert).filter((e) => blockOf[e] === block),
        );
        const patterns = collectPatterns(layer, { numExperts, topK });
        const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup: 1 });
        const { tokenReplication, chipletLoad } = serveLeastLoaded(layer, chiplets, { numExperts, topK });
        const copies = traffic.chipletTokens.reduce((sum, tokens) => sum + tokens, 0);
        expect(tokenReplication).to.be.closeTo(copies / layer.numTokens, 1e-12);
        expect(chipletLoad).to.deep.equal(traffic.chipletLoad);
      }),
      { seed: 1 },
    );
  });

  it("visits as many chiplets as nearest dispatch", () => {
    fc.assert(
      fc.property(placedCases, fc.nat(), ({ layer, blockOf, numBlocks, numExperts, topK }, pick) => {
        const copied = pick % numExperts;
        const chiplets = Array.from({ length: numBlocks }, (_, block) =>
          Array.from({ length: numExperts }, (__, expert) => expert).filter(
            (e) => blockOf[e] === block || (e === copied && block === pick % numBlocks),
          ),
        );
        const patterns = collectPatterns(layer, { numExperts, topK });
        const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup: 1 });
        const copies = traffic.chipletTokens.reduce((sum, tokens) => sum + tokens, 0);
        const served = serveLeastLoaded(layer, chiplets, { numExperts, topK });
        expect(served.tokenReplication).to.be.closeTo(copies / layer.numTokens, 1e-9);
      }),
      { seed: 1 },
    );
  });
});
