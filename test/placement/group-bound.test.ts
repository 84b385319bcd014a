import { expect } from "chai";
import { boundGroupReplication } from "../../lib/placement/group-bound.js";
import { countReplication } from "../../lib/placement/traffic.js";
import { createRandom, type Random } from "../../lib/random.js";
import { smallest } from "../../lib/statistics.js";
import { collectPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";

describe("boundGroupReplication", () => {
  const draw = (random: Random, shape: { numExperts: number; topK: number; numTokens: number }) => {
    const { numExperts, topK, numTokens } = shape;
    // Some experts are much busier than others, and neighbours are chosen together.
    const tokens = Array.from({ length: numTokens }, () => {
      const first = Math.min(random.below(numExperts), random.below(numExperts));
      const others = Array.from({ length: numExperts }, (_, expert) => expert).filter((e) => e !== first);
      const near = others.filter((expert) => Math.abs(expert - first) <= topK);
      const pool = random.next() < 0.7 && near.length >= topK - 1 ? near : others;
      return [first, ...random.shuffle(pool).slice(0, topK - 1)];
    });
    const experts = Uint16Array.from(tokens.flat());
    return collectPatterns({ layer: 0, numTokens, experts }, { topK, numExperts });
  };
  /** Every way to put experts into groups with room, up to the numbers of groups. */
  function* placements(numExperts: number, numGroups: number, slots: number): Generator<number[][]> {
    const groups = Array.from({ length: numGroups }, (): number[] => []);
    function* put(expert: number): Generator<number[][]> {
      if (expert === numExperts) {
        yield groups.map((own) => [...own]);
        return;
      }
      for (const group of groups) {
        const isEmpty = group.length === 0;
        if (group.length < slots) {
          group.push(expert);
          yield* put(expert + 1);
          group.pop();
        }
        if (isEmpty) break;
      }
    }
    yield* put(0);
  }
  const leastOf = (patterns: TokenPatterns, numGroups: number, slots: number) =>
    smallest(
      [...placements(patterns.numExperts, numGroups, slots)].map(
        (chiplets) => countReplication(patterns, chiplets, { chipletsPerGroup: 1 }).groupReplication,
      ),
    );

  it("is below every placement there is, and near the best", () => {
    const random = createRandom(4);
    let total = 0;
    let totalLeast = 0;
    for (let trial = 0; trial < 60; trial++) {
      const numGroups = 2 + random.below(2);
      const numExperts = 6 + random.below(3);
      const slotsPerGroup = Math.ceil(numExperts / numGroups) + random.below(2);
      const topK = 2 + random.below(3);
      const patterns = draw(random, { numExperts, topK, numTokens: 5 + random.below(40) });
      const least = leastOf(patterns, numGroups, slotsPerGroup);
      const bound = boundGroupReplication(patterns, { numGroups, slotsPerGroup });
      expect(bound).to.be.within(1, least);
      total += bound;
      totalLeast += least;
    }
    expect(total).to.be.above(0.9 * totalLeast);
  });

  it("is what two pairs of experts cost that share no token", () => {
    const experts = Uint16Array.of(0, 1, 0, 1, 2, 3, 2, 3, 1, 2);
    const patterns = collectPatterns({ layer: 0, numTokens: 5, experts }, { topK: 2, numExperts: 4 });
    const bound = boundGroupReplication(patterns, { numGroups: 2, slotsPerGroup: 2 });
    expect(bound).to.be.within(1.19, 1.2);
  });

  it("is below placements with replicas that tokens use with equal chance or by where they start", () => {
    const random = createRandom(9);
    for (let trial = 0; trial < 40; trial++) {
      const numExperts = 12;
      const patterns = draw(random, { numExperts, topK: 4, numTokens: 60 });
      const experts = Array.from({ length: numExperts }, (_, expert) => expert);
      const chiplets = Array.from({ length: 4 }, (_, chiplet) =>
        experts.filter((expert) => Math.floor(expert / 3) === chiplet),
      );
      for (const chiplet of chiplets)
        chiplet.push(random.shuffle(experts.filter((e) => !chiplet.includes(e)))[0]);
      const bound = boundGroupReplication(patterns, { numGroups: 2, slotsPerGroup: 8 });
      for (const dispatch of ["uniform", "sglang-static", "vllm-ascend"] as const) {
        const options = { chipletsPerGroup: 2, dispatch };
        expect(bound).to.be.at.most(countReplication(patterns, chiplets, options).groupReplication);
      }
    }
  });

  it("has one slope for patterns that are very many", () => {
    const random = createRandom(2);
    const patterns = draw(random, { numExperts: 40, topK: 8, numTokens: 60_000 });
    expect((patterns.numPatterns * 8 * 7) / 2).to.be.above(600_000);
    const inOrder = Array.from({ length: 4 }, (_, group) =>
      Array.from({ length: 10 }, (_, slot) => 10 * group + slot),
    );
    const bound = boundGroupReplication(patterns, { numGroups: 4, slotsPerGroup: 10 });
    expect(bound).to.be.within(
      1.2,
      countReplication(patterns, inOrder, { chipletsPerGroup: 1 }).groupReplication,
    );
  });

  it("is 1 where a group has room for all", () => {
    const patterns = draw(createRandom(1), { numExperts: 6, topK: 2, numTokens: 9 });
    expect(boundGroupReplication(patterns, { numGroups: 1, slotsPerGroup: 6 })).to.equal(1);
    expect(boundGroupReplication(patterns, { numGroups: 2, slotsPerGroup: 6 })).to.equal(1);
  });
});
