import { expect } from "chai";
import fc from "fast-check";
import { createProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import type { TokenPatterns } from "../../../lib/trace/token-patterns.js";
import { SetChain } from "../../../solvers/bounds/set-chain.js";
import { openChains } from "../../../solvers/bounds/subset-chains.js";
import {
  createWeightFitter,
  GRAIN,
  type ObservedSet,
  type SubsetWeights,
} from "../../../solvers/bounds/subset-weights.js";
import { indexTokenSubsets, type TokenSubsets } from "../../../solvers/bounds/token-subsets.js";
import { proveOrBound } from "../../../solvers/exact.js";
import { patternsOf } from "../arbitrary-problem.js";

/** Chains alone: no table of columns. */
const BY_CHAINS = {
  mostColumns: 0,
  chains: { mostBoxes: 12, mostExperts: 64, firstSets: 20, mostSets: 1e6, mostRounds: 8, mostListed: 1e5 },
  mostSubsets: 1e6,
};

interface Instance {
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly slots: number;
  readonly multipliers: Float64Array;
}

/** Up to 13 experts, 4 to 8 slots, some left idle, tokens of up to 8 experts; multipliers near what experts cost. */
const instances: fc.Arbitrary<Instance> = fc
  .record({
    slots: fc.integer({ min: 4, max: 8 }),
    idle: fc.integer({ min: 0, max: 3 }),
    topK: fc.integer({ min: 1, max: 8 }),
  })
  .chain(({ slots, idle, topK }) => {
    const numExperts = Math.min(13, 2 * slots) - idle;
    const experts = Array.from({ length: numExperts }, (_, expert) => expert);
    const width = Math.min(topK, numExperts);
    const token = fc.shuffledSubarray(experts, { minLength: width, maxLength: width });
    return fc.record({
      patterns: fc
        .array(token, { minLength: 5, maxLength: 40 })
        .map((tokens) => patternsOf(tokens, numExperts)),
      numChiplets: fc.constant(2),
      slots: fc.constant(slots),
      multipliers: fc
        .array(fc.double({ min: -1, max: 10, noNaN: true }), { minLength: numExperts, maxLength: numExperts })
        .map((values) => Float64Array.from(values)),
    });
  });

describe("chains of subsets", () => {
  it("find every column within the limit and no other", () => {
    fc.assert(
      fc.property(instances, fc.double({ min: -20, max: 5, noNaN: true }), (instance, limit) => {
        const multipliers = { expert: instance.multipliers, chiplet: -1 };
        const found: string[] = [];
        const { slots } = instance;
        const weights = weightsOf(instance, []);
        const chains = openChains(weights, {
          chain: new SetChain(weights.subsets, { slots }),
          multipliers,
          largestLimit: 5,
        });
        // What samples have met before is met again.
        chains.sample({ limit, numStarts: 3, setsAStart: 5 });
        const { isComplete } = chains.enumerate(
          { limit, mostSets: Infinity, deadline: Infinity },
          (experts) => {
            found.push(experts.join());
            return false;
          },
        );
        expect(isComplete).to.equal(true);
        const all = columnsOf(instance).filter(
          (experts) =>
            tokensOf(instance.patterns, experts) +
              1 -
              sum(experts.map((expert) => instance.multipliers[expert])) <=
            limit,
        );
        expect(found.sort()).to.deep.equal(all.map((experts) => experts.join()).sort());
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it("say so where the budget ends them", () => {
    const [instance] = fc.sample(instances, { numRuns: 1, seed: 2 });
    const multipliers = { expert: instance.multipliers, chiplet: 0 };
    const { slots } = instance;
    const weights = weightsOf(instance, []);
    const chains = openChains(weights, {
      chain: new SetChain(weights.subsets, { slots }),
      multipliers,
      largestLimit: 1e3,
    });
    const options = { limit: 1e3, mostSets: 3, deadline: Infinity };
    expect(chains.enumerate(options, () => false).isComplete).to.equal(false);
  });

  it("are sampled by distinct sets of four and more", () => {
    for (const instance of fc.sample(instances, { numRuns: 10, seed: 5 })) {
      const { slots } = instance;
      const multipliers = { expert: instance.multipliers, chiplet: 0 };
      const weights = weightsOf(instance, []);
      const chains = openChains(weights, {
        chain: new SetChain(weights.subsets, { slots }),
        multipliers,
        largestLimit: 20,
      });
      const { sets, numSetsExpected } = chains.sample({ limit: 20, numStarts: 1e6, setsAStart: 1e6 });
      const { numSets } = chains.enumerate(
        { limit: 20, mostSets: Infinity, deadline: Infinity },
        () => false,
      );
      expect(sets.length).to.equal(numSets);
      expect(numSetsExpected).to.equal(numSets);
      const keys = sets.map(({ experts, size }) => `${size}: ${experts.toSorted((a, b) => a - b).join()}`);
      expect(new Set(keys).size).to.equal(keys.length);
      for (const { experts, size } of sets) expect(size).to.be.at.least(Math.max(4, experts.length));
    }
  });
});

describe("createWeightFitter", () => {
  it("is nowhere above the tokens of a column, and meets those observed where tokens are narrow", () => {
    fc.assert(
      fc.property(instances, fc.infiniteStream(fc.nat()), (instance, random) => {
        const columns = columnsOf(instance);
        const observed = Array.from(
          { length: 2 },
          () => columns[Number(random.next().value) % columns.length],
        );
        const whole = observed.map((experts) => ({ experts, weight: 1 }));
        const weights = weightsOf(instance, whole);
        // Parts of chiplets may change what is chosen, but never so that it is above.
        const part = { experts: observed[0].slice(0, 4), weight: 0.3, size: 4 };
        const withPart = weightsOf(instance, [...whole, part]);
        const isNarrow = instance.patterns.offsets[1] <= 4;
        for (const experts of columns) {
          const tokens = tokensOf(instance.patterns, experts);
          const value = valueOf(weights, experts);
          expect(value).to.be.at.most(tokens);
          expect(valueOf(withPart, experts)).to.be.at.most(tokens);
          if (isNarrow) expect(value).to.be.closeTo(tokens, 2 * GRAIN * 2 ** instance.slots);
        }
      }),
      { numRuns: 25, seed: 1 },
    );
  });
});

describe("a proof by chains", () => {
  it("finds the optimum that brute force finds, at 4 to 8 slots", async () => {
    for (const instance of fc.sample(instances, { numRuns: 15, seed: 3 })) {
      const { patterns, numChiplets, slots } = instance;
      const problem = createProblem(patterns, { numChiplets, slotsPerChiplet: slots });
      const answer = await proveOrBound(problem, DEFAULT_SOLVER_OPTIONS, BY_CHAINS);
      if (!("chiplets" in answer)) throw new Error(answer.status);
      const least = Math.min(
        ...columnsOf(instance).map((experts) => {
          const others = Array.from({ length: patterns.numExperts }, (_, e) => e).filter(
            (e) => !experts.includes(e),
          );
          return tokensOf(patterns, experts) + tokensOf(patterns, others);
        }),
      );
      expect(answer.status).to.equal("optimal");
      expect(answer.cost * patterns.numTokens).to.be.closeTo(least, 1e-6);
      expect(answer.bound).to.equal(answer.cost);
    }
  });

  it("never claims more than the optimum where its budget is short", async () => {
    for (const instance of fc.sample(instances, { numRuns: 8, seed: 4 })) {
      const { patterns, numChiplets, slots } = instance;
      const problem = createProblem(patterns, { numChiplets, slotsPerChiplet: slots });
      const best = await proveOrBound(problem, DEFAULT_SOLVER_OPTIONS, BY_CHAINS);
      const chains = {
        mostBoxes: 1,
        mostExperts: 64,
        mostSets: 60,
        firstSets: 20,
        mostRounds: 1,
        mostListed: 0,
      };
      const short = await proveOrBound(problem, DEFAULT_SOLVER_OPTIONS, { ...BY_CHAINS, chains });
      if (!("chiplets" in best && "chiplets" in short)) throw new Error(short.status);
      expect(short.bound).to.be.at.most(best.cost + 1e-9);
    }
  });
});

function weightsOf({ patterns, numChiplets, slots }: Instance, observed: readonly ObservedSet[]) {
  const subsets = indexTokenSubsets(patterns, { numExperts: numChiplets * slots, mostSubsets: 1e6 });
  return createWeightFitter(subsets as TokenSubsets, { slots })(observed);
}

/** Every column that leaves no more experts than the other chiplet has slots for. */
function columnsOf({ patterns: { numExperts }, slots }: Instance): number[][] {
  return Array.from({ length: 2 ** numExperts }, (_, mask) =>
    Array.from({ length: numExperts }, (_, expert) => expert).filter((expert) => mask & (1 << expert)),
  ).filter(({ length }) => length > 0 && length <= slots && numExperts - length <= slots);
}

function tokensOf(
  { numPatterns, offsets, experts: all, counts }: TokenPatterns,
  experts: readonly number[],
): number {
  let tokens = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const ofPattern = all.subarray(offsets[pattern], offsets[pattern + 1]);
    if (ofPattern.some((expert) => experts.includes(expert))) tokens += counts[pattern];
  }
  return tokens;
}

/** The weights of all subsets of a column, summed the slow way. */
function valueOf(
  { subsets, ofExperts, ofPairs, ofTriples, ofQuadruples }: SubsetWeights,
  experts: readonly number[],
): number {
  const { numExperts: n, ofPairs: pairs, ofTriples: quadruples, triples } = subsets;
  const inRow = ({ starts, experts: ends }: typeof pairs, row: number, expert: number) =>
    Array.from({ length: starts[row + 1] - starts[row] }, (_, at) => starts[row] + at).find(
      (at) => ends[at] === expert,
    );
  let value = 0;
  experts.forEach((a, i) => {
    value += ofExperts[a];
    experts.slice(i + 1).forEach((b, j) => {
      value += ofPairs[a * n + b];
      experts.slice(i + j + 2).forEach((c, k) => {
        value += ofTriples[inRow(pairs, a * n + b, c) ?? -1] ?? 0;
        const triple = triples.find(a, b, c);
        for (const d of experts.slice(i + j + k + 3)) {
          value += triple < 0 ? 0 : (ofQuadruples[inRow(quadruples, triple, d) ?? -1] ?? 0);
        }
      });
    });
  });
  return value;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
