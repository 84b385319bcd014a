import { expect } from "chai";
import * as fc from "fast-check";
import type { Solution } from "../../lib/placement/placement.js";
import { createProblem, type PlacementProblem } from "../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../../lib/placement/solver.js";
import { verifyFound } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { solvers } from "../../solvers/index.js";
import {
  freeProblems,
  patternsOf,
  solvedProblems,
  solvedReplicatedProblems,
  type SolvedProblem,
} from "./arbitrary-problem.js";

const unlimited = fc.sample(freeProblems, { numRuns: 12, seed: 8 });
const medium = [
  { numExperts: 32, topK: 4, numChiplets: 8, numGroups: 2 },
  { numExperts: 30, topK: 4, numChiplets: 8, numGroups: 4 },
  { numExperts: 24, topK: 3, numChiplets: 5, numGroups: 1, slotsPerChiplet: 7 },
].map((shape, index) => plantedProblem(shape, index));

describe("every solver", () => {
  let small: readonly SolvedProblem[];
  let replicated: readonly SolvedProblem[];
  let contiguous: number[];
  before(async () => {
    small = solvedProblems();
    replicated = solvedReplicatedProblems();
    const [yardstick] = solvers;
    expect(yardstick.name).to.equal("contiguous");
    const problems = [...small.map(({ problem }) => problem), ...medium];
    contiguous = await Promise.all(problems.map((problem) => costOf(yardstick, problem)));
  });

  it("meets problems with and without a solution", () => {
    expect(small.filter(({ best }) => best === Infinity).length).to.be.greaterThan(8);
    expect(small.filter(({ best }) => best < Infinity).length).to.be.greaterThan(50);
  });

  it("has a name of its own", () => {
    expect(new Set(solvers.map(({ name }) => name)).size).to.equal(solvers.length);
  });

  for (const solver of solvers) {
    describe(solver.name, () => {
      let solutions: Solution[];
      let mediumSolutions: Solution[];
      before(async () => {
        mediumSolutions = [];
        for (const problem of medium)
          mediumSolutions.push(await solver.solve(problem, DEFAULT_SOLVER_OPTIONS));
        solutions = [];
        for (const { problem } of small) solutions.push(await solver.solve(problem, DEFAULT_SOLVER_OPTIONS));
      });

      it("finds an admissible placement, or says that there is none, and knows its cost", () => {
        small.forEach(({ problem, best }, index) => {
          const solution = solutions[index];
          const where = `instance ${index}, best ${best}, ${JSON.stringify(solution)}`;
          if (best === Infinity) {
            expect(solution.status, where).to.equal("infeasible");
          } else {
            if (!("chiplets" in solution)) expect.fail(where);
            expect(verifyFound(problem, solution), where).to.deep.equal([]);
            expect(solution.cost, where).to.be.at.least(best - 1e-12);
          }
        });
      });

      it("is optimal where it claims so, and never claims too high a bound", () => {
        small.forEach(({ best }, index) => {
          const solution = solutions[index];
          if (solution.status === "optimal") expect(solution.cost).to.be.closeTo(best, 1e-6 * best);
          if ("bound" in solution) expect(solution.bound).to.be.at.most(best * (1 + 1e-9));
        });
      });

      it("answers the same for the same seed", async () => {
        for (const [index, { problem }] of small.slice(0, 12).entries()) {
          expect(await solver.solve(problem, DEFAULT_SOLVER_OPTIONS)).to.deep.equal(solutions[index]);
        }
      });

      it("places experts that do not divide by the chiplets, and leaves spare slots empty", async () => {
        for (const [index, problem] of medium.entries()) {
          const solution = mediumSolutions[index];
          if (!("chiplets" in solution)) expect.fail(solution.status);
          expect(verifyFound(problem, solution)).to.deep.equal([]);
          expect(await solver.solve(problem, DEFAULT_SOLVER_OPTIONS)).to.deep.equal(solution);
        }
      });

      if (solver.kind !== "baseline") {
        it("is never worse than the contiguous placement", () => {
          [...solutions, ...mediumSolutions].forEach((solution, index) => {
            const cost = "cost" in solution ? solution.cost : Infinity;
            expect(cost).to.be.at.most(contiguous[index] + 1e-12);
          });
        });
      }

      it("keeps all promises where experts may have replicas", async () => {
        let [solvable, answered] = [0, 0];
        for (const { problem, best } of replicated) {
          const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
          const where = `best ${best}, ${JSON.stringify(solution)}`;
          if (best < Infinity) solvable++;
          if (solution.status === "undecided") continue;
          if (solution.status === "infeasible") {
            expect(best, where).to.equal(Infinity);
            continue;
          }
          answered++;
          expect(verifyFound(problem, solution), where).to.deep.equal([]);
          expect(solution.cost, where).to.be.at.least(best - 1e-9);
          if (solution.status === "optimal") expect(solution.cost, where).to.be.closeTo(best, 1e-6);
          if (solution.bound !== undefined) expect(solution.bound, where).to.be.at.most(best + 1e-9);
        }
        expect(solvable).to.be.at.least(20);
        // Baselines answer by their own rules, which know no limits.
        const share = solver.kind !== "baseline" ? 0.9 : 0.5;
        expect(answered / solvable).to.be.at.least(share);
      });

      it("does not care how many times every token comes", async () => {
        for (const problem of unlimited) {
          const { counts, numTokens } = problem.patterns;
          const doubled = createProblem(
            { ...problem.patterns, counts: counts.map((count) => 2 * count), numTokens: 2 * numTokens },
            { ...problem, numGroups: problem.numChiplets / problem.chipletsPerGroup },
          );
          expect(await costOf(solver, doubled)).to.be.closeTo(await costOf(solver, problem), 1e-12);
        }
      });

      if (solver.proves) {
        it("proves every small problem", () => {
          const solvable = solutions.filter((_, index) => small[index].best < Infinity);
          expect(new Set(solvable.map(({ status }) => status))).to.deep.equal(new Set(["optimal"]));
        });

        it("finds the same optimum under other names of the experts", async () => {
          for (const problem of unlimited) {
            const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
            if (solution.status !== "optimal") expect.fail(solution.status);
            expect(await costOf(solver, renamed(problem))).to.be.closeTo(solution.cost, 1e-6);
          }
        });
      }

      it("costs 1 on one chiplet and with one expert a token", async () => {
        const tokens = [
          [0, 1, 2],
          [2, 3, 4],
          [0, 3, 4],
        ];
        expect(await costOf(solver, createProblem(patternsOf(tokens, 6), { numChiplets: 1 }))).to.equal(1);
        const singles = patternsOf([[0], [1], [5], [5]], 6);
        expect(await costOf(solver, createProblem(singles, { numChiplets: 3 }))).to.equal(1);
      });

      it("names the limit that cannot hold", async () => {
        const tokens = [
          [0, 1],
          [0, 2],
          [0, 3],
          [1, 2],
        ];
        const problem = createProblem(patternsOf(tokens, 4), {
          numChiplets: 2,
          limits: { chipletLoad: 2.5 },
        });
        const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
        if (solution.status !== "infeasible") expect.fail(solution.status);
        expect(solution.reason).to.match(/load.*limit is 2\.5: \d/);
      });
    });
  }
});

async function costOf(solver: Solver, problem: PlacementProblem): Promise<number> {
  const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
  return "cost" in solution ? solution.cost : Infinity;
}

function renamed(problem: PlacementProblem): PlacementProblem {
  const { patterns, numExperts } = problem;
  const names = createRandom(3).shuffle(Uint16Array.from({ length: numExperts }, (_, expert) => expert));
  const experts = patterns.experts.slice();
  for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
    const members = experts.subarray(patterns.offsets[pattern], patterns.offsets[pattern + 1]);
    members.set(members.map((expert) => names[expert]).sort());
  }
  return createProblem(
    { ...patterns, experts },
    { ...problem, numGroups: problem.numChiplets / problem.chipletsPerGroup },
  );
}

/** Tokens that choose most of their experts inside one of the planted communities, with a cap on the load. */
function plantedProblem(
  shape: {
    numExperts: number;
    topK: number;
    numChiplets: number;
    numGroups: number;
    slotsPerChiplet?: number;
  },
  seed: number,
): PlacementProblem {
  const { numExperts, topK, numChiplets } = shape;
  const random = createRandom(seed);
  const tokens = Array.from({ length: 400 }, () => {
    const community = random.below(numChiplets);
    const chosen = new Set<number>();
    while (chosen.size < topK) {
      const stray = random.next() < 0.3;
      chosen.add(
        stray
          ? random.below(numExperts)
          : (community + numChiplets * random.below(Math.ceil(numExperts / numChiplets))) % numExperts,
      );
    }
    return [...chosen];
  });
  const meanLoad = (tokens.length * topK) / numChiplets;
  return createProblem(patternsOf(tokens, numExperts), {
    ...shape,
    limits: { chipletLoad: 1.25 * meanLoad },
    pins: [{ expert: 3, chiplet: 1 }],
    antiAffinity: [[0, numChiplets]],
  });
}
