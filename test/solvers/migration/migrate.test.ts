import { expect } from "chai";
import fc from "fast-check";
import { countMoves, planMigration, verifyMigration } from "../../../lib/placement/migration.js";
import {
  chipletOfExperts,
  expertsOfChiplets,
  type Chiplets,
  type Placement,
} from "../../../lib/placement/placement.js";
import { createProblem, type PlacementProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyChiplets, verifyFound } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { contiguous } from "../../../solvers/contiguous.js";
import { limitMoves, migrateFrom } from "../../../solvers/migration/migrate.js";
import { keptChiplets } from "../../../solvers/migration/resize.js";
import { expectRejection } from "../../expect-rejection.js";
import { freeProblems, patternsOf, solvedProblems } from "../arbitrary-problem.js";

const NO_TARGET = { status: "undecided", stoppedBy: "budget" } as const;

describe("limitMoves", () => {
  it("finds the best placement within the moves: as good as trying all", async () => {
    for (const [index, problem] of fc.sample(freeProblems, { numRuns: 15, seed: 5 }).entries()) {
      const running = shuffledPlacement(problem, index);
      for (const maxMoves of [0, 1, 2, 4]) {
        const found = await limitMoves(problem, { running, maxMoves, target: NO_TARGET, seed: 1 });
        if (!("chiplets" in found)) expect.fail(`instance ${index}: ${found.status}`);
        expect(verifyFound(problem, found)).to.deep.equal([]);
        expect(countMoves(running, found.chiplets)).to.be.at.most(maxMoves);
        expect(found.cost, `instance ${index}, ${maxMoves} moves`).to.be.closeTo(
          bestWithin(problem, running, maxMoves),
          1e-12,
        );
      }
    }
  });

  it("keeps every limit, pin and separation, or says that it found nothing", async () => {
    let numFound = 0;
    for (const [index, { problem }] of solvedProblems().slice(0, 20).entries()) {
      const running = shuffledPlacement(problem, index);
      const found = await limitMoves(problem, { running, maxMoves: 2, target: NO_TARGET, seed: 1 });
      if (!("chiplets" in found)) {
        expect(verifyChiplets(problem, running), `instance ${index}`).not.to.deep.equal([]);
        continue;
      }
      numFound++;
      expect(verifyChiplets(problem, found.chiplets)).to.deep.equal([]);
      expect(countMoves(running, found.chiplets)).to.be.at.most(2);
    }
    expect(numFound).to.be.greaterThan(5);
  });

  it("hands on a target that is within the budget once its chiplets are renamed, with its proof", async () => {
    const problem = createProblem(
      patternsOf(
        [
          [0, 1],
          [2, 3],
        ],
        4,
      ),
      { numChiplets: 2 },
    );
    const target = {
      status: "optimal",
      chiplets: [
        [0, 1],
        [2, 3],
      ],
      cost: 1,
      bound: 1,
      stoppedBy: "proof",
    } as const;
    const running = [
      [2, 3],
      [0, 1],
    ];
    expect(await limitMoves(problem, { running, maxMoves: 0, target, seed: 1 })).to.deep.equal({
      ...target,
      chiplets: running,
    });
  });

  it("moves replicas too: never worse than the running placement, and better with every move", async () => {
    const problem = plantedProblem({ numReplicas: 6 });
    const running = shuffledPlacement(problem, 3);
    const costs: number[] = [];
    for (const maxMoves of [0, 3, 6, 12]) {
      const found = await limitMoves(problem, { running, maxMoves, target: NO_TARGET, seed: 1 });
      if (!("chiplets" in found)) expect.fail(found.status);
      expect(verifyFound(problem, found)).to.deep.equal([]);
      expect(countMoves(running, found.chiplets)).to.be.at.most(maxMoves);
      const steps = planMigration(running, found.chiplets, problem.slotsPerChiplet);
      expect(
        verifyMigration(steps, {
          from: running,
          to: found.chiplets,
          slotsPerChiplet: problem.slotsPerChiplet,
        }),
      ).to.deep.equal([]);
      costs.push(found.cost);
    }
    expect(costs).to.deep.equal([...costs].sort((a, b) => b - a));
    expect(costs[3]).to.be.lessThan(0.9 * costs[0]);
  });

  it("says where a target that a user or the clock cut came to no end", async () => {
    const problem = plantedProblem();
    const target = { status: "undecided", stoppedBy: "interrupt" } as const;
    const found = await limitMoves(problem, {
      running: shuffledPlacement(problem, 1),
      maxMoves: 4,
      target,
      seed: 1,
    });
    expect(found).to.include({ status: "feasible", stoppedBy: "interrupt" });
  });

  it("gives the same answer for the same seed", async () => {
    const problem = plantedProblem();
    const running = expertsOfChiplets(chipletOfExperts(shuffledPlacement(problem, 1), 24), 6);
    const options = { running, maxMoves: 6, target: NO_TARGET, seed: 3 };
    expect(await limitMoves(problem, options)).to.deep.equal(await limitMoves(problem, options));
  });
});

describe("migrateFrom", () => {
  const problem = plantedProblem();
  const running: Placement = {
    model: undefined,
    numExperts: 24,
    numChiplets: 6,
    layers: [{ layer: 0, chiplets: shuffledPlacement(problem, 2) }],
  };

  it("is never worse with more moves, and with enough of them no worse than the solver", async () => {
    let before = Infinity;
    for (const maxMoves of [0, 4, 8, 24]) {
      const solution = await migrateFrom(contiguous, running, maxMoves).solve(
        problem,
        DEFAULT_SOLVER_OPTIONS,
      );
      if (!("chiplets" in solution)) expect.fail(solution.status);
      expect(solution.cost).to.be.at.most(before);
      before = solution.cost;
    }
    const free = await contiguous.solve(problem, DEFAULT_SOLVER_OPTIONS);
    expect("cost" in free && free.cost).to.be.at.least(before);
  });

  it("takes a running placement to more and fewer chiplets with the fewest moves, and then within the budget", async () => {
    const elastic = (numChiplets: number): Placement => ({
      ...running,
      numChiplets,
      layers: [
        {
          layer: 0,
          chiplets: Array.from({ length: numChiplets }, (_, chiplet) =>
            Array.from({ length: 24 / numChiplets }, (__, slot) => (chiplet * 24) / numChiplets + slot),
          ),
        },
      ],
    });
    // From 8 chiplets two leave, with 6 experts; from 4 every chiplet gives up the 2 it has no slots for.
    for (const [numChiplets, least] of [
      [8, 6],
      [4, 8],
    ]) {
      const before = elastic(numChiplets);
      const solve = (maxMoves: number) =>
        migrateFrom(contiguous, before, maxMoves).solve(problem, DEFAULT_SOLVER_OPTIONS);
      const kept = keptChiplets(before.layers[0].chiplets, 6);
      let cost = Infinity;
      for (const maxMoves of [least, least + 4, least + 8]) {
        const solution = await solve(maxMoves);
        if (!("chiplets" in solution)) expect.fail(solution.status);
        expect(verifyChiplets(problem, solution.chiplets)).to.deep.equal([]);
        expect(countMoves(kept, solution.chiplets)).to.be.at.most(maxMoves);
        expect(solution.cost).to.be.at.most(cost);
        ({ cost } = solution);
      }
      await expectRejection(solve(least - 1), `maxMoves: found ${least - 1}, expected at least ${least}`);
    }
  });

  it("refuses a running placement that does not fit the problem", async () => {
    const solve = (placement: Placement) =>
      migrateFrom(contiguous, placement, 2).solve(problem, DEFAULT_SOLVER_OPTIONS);
    const [{ chiplets }] = running.layers;
    const others: [Placement, string][] = [
      [{ ...running, numExperts: 25 }, "from: found 25 experts on 6 chiplets, expected 24 on 6"],
      [{ ...running, layers: [{ layer: 1, chiplets }] }, "from: found no layer 0"],
      [
        {
          ...running,
          layers: [{ layer: 0, chiplets: [...chiplets.slice(0, 5), [...chiplets[5], chiplets[0][0]]] }],
        },
        "from: layer 0: found 1 replicas, expected at most 0",
      ],
      [
        {
          ...running,
          layers: [{ layer: 0, chiplets: [[...chiplets[0], ...chiplets[1]], [], ...chiplets.slice(2)] }],
        },
        "from: layer 0: found 8 experts on a chiplet, expected at most 4, its slots",
      ],
    ];
    for (const [placement, message] of others) await expectRejection(solve(placement), message);
  });
});

/** Tokens of 24 experts that choose three of a community of four or any. */
function plantedProblem({ numReplicas = 0 } = {}): PlacementProblem {
  const random = createRandom(4);
  const tokens = Array.from({ length: 300 }, () => {
    const community = random.below(6);
    const experts = random.shuffle(Array.from({ length: 24 }, (_, expert) => expert));
    const own = experts.filter((expert) => expert % 6 === community);
    return [...new Set([...own.slice(0, 2), ...experts])].slice(0, 3);
  });
  return createProblem(patternsOf(tokens, 24), { numChiplets: 6, numReplicas });
}

/** A random placement within the slots. */
function shuffledPlacement(
  { numExperts, numChiplets, slotsPerChiplet }: PlacementProblem,
  seed: number,
): Chiplets {
  const slots = Array.from({ length: numChiplets * slotsPerChiplet }, (_, slot) => slot);
  const order = createRandom(seed).shuffle(slots).slice(0, numExperts);
  return expertsOfChiplets(
    order.map((slot) => Math.floor(slot / slotsPerChiplet)),
    numChiplets,
  );
}

/** The least cost of any placement within some moves: tries all. */
function bestWithin(problem: PlacementProblem, running: Chiplets, maxMoves: number): number {
  const { numExperts, numChiplets, slotsPerChiplet, patterns } = problem;
  const origin = chipletOfExperts(running, numExperts);
  const chipletOf = new Uint16Array(numExperts);
  const held = new Uint16Array(numChiplets);
  let best = Infinity;
  const tokenCopies = () => {
    let sum = 0;
    for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
      const members = patterns.experts.subarray(patterns.offsets[pattern], patterns.offsets[pattern + 1]);
      const chipletMask = members.reduce((mask, expert) => mask | (1 << chipletOf[expert]), 0);
      sum += patterns.counts[pattern] * chipletMask.toString(2).replaceAll("0", "").length;
    }
    return sum;
  };
  const extend = (expert: number, moves: number): void => {
    if (moves > maxMoves) return;
    if (expert === numExperts) {
      best = Math.min(best, tokenCopies());
      return;
    }
    for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
      if (held[chiplet] === slotsPerChiplet) continue;
      held[chiplet]++;
      chipletOf[expert] = chiplet;
      extend(expert + 1, moves + Number(chiplet !== origin[expert]));
      held[chiplet]--;
    }
  };
  extend(0, 0);
  return best / patterns.numTokens;
}
