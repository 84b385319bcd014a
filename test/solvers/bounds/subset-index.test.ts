import { expect } from "chai";
import { createRandom } from "../../../lib/random.js";
import {
  findNegativeSets,
  indexSubsets,
  listSubsets,
  placeOfSubset,
  sumOverSubsets,
} from "../../../solvers/bounds/subset-index.js";
import { countSubsets } from "../../../solvers/columns/subset-costs.js";

const NUM_EXPERTS = 9;

describe("expert subsets", () => {
  for (const largest of [2, 3, 4]) {
    const index = indexSubsets(NUM_EXPERTS, largest);
    const all = listSubsets(NUM_EXPERTS, largest);
    const experts = Uint16Array.from({ length: NUM_EXPERTS }, (_, expert) => expert);
    const placeOf = (set: ArrayLike<number>) => placeOfSubset(index, set, experts);

    it(`have one place each, up to sets of ${largest}`, () => {
      expect(all.map(placeOf).sort((a, b) => a - b)).to.eql(all.map((_, place) => place));
      expect(index.length).to.equal(all.length);
    });

    it(`sum over their subsets as a slow count does, for sets of ${largest}`, () => {
      const random = createRandom(1, largest);
      const weights = all.map(() => random.below(100) - 50);
      const pairs = new Float64Array(NUM_EXPERTS ** 2);
      for (const [first, second] of listSubsets(NUM_EXPERTS, 2)) {
        const weight = random.below(100) - 50;
        pairs[first * NUM_EXPERTS + second] = weight;
        pairs[second * NUM_EXPERTS + first] = weight;
      }
      const first = index.offsets[largest];
      const sums = new Float64Array(countSubsets(NUM_EXPERTS, largest));
      sumOverSubsets(index, (place) => weights[place], sums);
      const slow = new Map<string, number>();
      for (const set of all.filter(({ length }) => length === largest)) {
        const inside = all.filter((subset) => subset.every((expert) => set.includes(expert)));
        const sum = inside.reduce((total, subset) => total + weights[placeOf(subset)], 0);
        expect(sums[placeOf(set) - first]).to.equal(sum);
        const ofPairs = inside.filter(({ length }) => length === 2);
        const total = ofPairs.reduce(
          (more, [first, second]) => more + pairs[first * NUM_EXPERTS + second],
          sum,
        );
        if (total < 0) slow.set(set.join(), total);
      }
      const found = new Map<string, number>();
      findNegativeSets(index, { sums, pairs }, (set, sum) => found.set(set.join(), sum));
      expect(slow.size).to.be.above(0);
      expect([...found].sort()).to.eql([...slow].sort());
    });
  }
});
