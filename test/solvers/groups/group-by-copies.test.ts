import { expect } from "chai";
import { createProblem } from "../../../lib/placement/problem.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { createRandom } from "../../../lib/random.js";
import { smallest, sum } from "../../../lib/statistics.js";
import { collectPatterns } from "../../../lib/trace/token-patterns.js";
import { groupByCopies } from "../../../solvers/groups/group-by-copies.js";

/** Two experts on each of four chiplets, by their ids. */
const PAIRS = [
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
];

describe("groupByCopies", () => {
  const shape = { numChiplets: 4, numGroups: 2 };
  const experts = Array.from({ length: 8 }, (_, expert) => expert);

  /** Tokens of three experts each, drawn by chance. */
  function problemOf(seed: number, slotsPerChiplet: number) {
    const random = createRandom(seed);
    const tokens = Array.from({ length: 40 }, () => random.shuffle([...experts]).slice(0, 3)).flat();
    const layer = { layer: 0, numTokens: 40, experts: Uint16Array.from(tokens) };
    return createProblem(collectPatterns(layer, { topK: 3, numExperts: 8 }), { ...shape, slotsPerChiplet });
  }
  /** Copies to the busiest group, smoothed as in the search. */
  const busiest = (problem: ReturnType<typeof problemOf>, chiplets: readonly (readonly number[])[]) =>
    sum(countTraffic(problem.patterns, chiplets, problem).groupTokens.map((tokens) => tokens ** 8)) **
    (1 / 8);

  it("finds groups whose busiest is within 2 % of the best there is", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const problem = problemOf(seed, 2);
      const halves = experts.flatMap((a) =>
        experts.flatMap((b) => experts.flatMap((c) => (0 < a && a < b && b < c ? [[0, a, b, c]] : []))),
      );
      const best = smallest(
        halves.map((half) => {
          const others = experts.filter((expert) => !half.includes(expert));
          return busiest(problem, [half.slice(0, 2), half.slice(2), others.slice(0, 2), others.slice(2)]);
        }),
      );
      const found = groupByCopies(problem, PAIRS, createRandom(seed));
      expect(busiest(problem, found)).to.be.at.most(1.02 * best);
    }
  });

  it("deals the experts of a group evenly to its chiplets, and keeps all of them", () => {
    const problem = problemOf(3, 2);
    const found = groupByCopies(problem, PAIRS, createRandom(1));
    expect(found.flat().sort()).to.deep.equal(experts);
    const loads = found.map((held) => sum(held.map((expert) => problem.load[expert])));
    for (const group of [0, 2]) {
      const [a, b, c, d] = found
        .slice(group, group + 2)
        .flat()
        .map((expert) => problem.load[expert])
        .sort((a, b) => b - a);
      // The heaviest first: it gets the lightest for company.
      expect(Math.max(loads[group], loads[group + 1])).to.equal(Math.max(a + d, b + c));
    }
  });

  it("leaves slots empty where there are more than experts", () => {
    const found = groupByCopies(problemOf(4, 3), [[0, 1, 2], [3, 4, 5], [6, 7], []], createRandom(1));
    expect(found.flat().sort()).to.deep.equal(experts);
    for (const held of found) expect(held).to.have.lengthOf.at.most(3);
  });
});
