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
import { requireSolver } from "../../../solvers/index.js";
import { contiguous } from "../../../solvers/contiguous.js";
import { limitMoves } from "../../../solvers/migration/limit-moves.js";
import { migrateFrom } from "../../../solvers/migration/migrate.js";
import { keptChiplets, resizeChiplets } from "../../../solvers/migration/resize.js";
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

  it("keeps groups of the router and even slots from any number of chiplets, renamed to the fewest moves", async () => {
    const before = running.layers[0].chiplets;
    for (const asked of [{ routerGroups: 3 }, { evenSlots: true, numChiplets: 5, numGroups: 1 }]) {
      const fixed = createProblem(problem.patterns, { numChiplets: 6, ...asked });
      const solver = requireSolver("contiguous");
      const free = await solver.solve(fixed, DEFAULT_SOLVER_OPTIONS);
      const solution = await migrateFrom(solver, running, Infinity).solve(fixed, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution) || !("chiplets" in free)) expect.fail(solution.status);
      expect(verifyFound(fixed, solution)).to.deep.equal([]);
      const kept = keptChiplets(before, fixed.numChiplets);
      expect(countMoves(kept, solution.chiplets)).to.be.lessThan(countMoves(kept, free.chiplets));
    }
    const even = createProblem(problem.patterns, { numChiplets: 5, evenSlots: true });
    const within = migrateFrom(requireSolver("contiguous"), running, 8);
    const solution = await within.solve(even, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    expect(verifyFound(even, solution)).to.deep.equal([]);
    expect(countMoves(keptChiplets(before, 5), solution.chiplets)).to.be.at.most(8);
    await expectRejection(
      within.solve({ ...problem, routerGroups: 3 }, DEFAULT_SOLVER_OPTIONS),
      "maxMoves: found 8 where groups of the router are kept",
    );
  });

  it("counts costs and loads anew where engines choose among replicas by the numbers of ranks", async () => {
    const tokens = plantedProblem().patterns;
    for (const minimise of ["traffic", "load"] as const) {
      const asked = { numChiplets: 6, numReplicas: 6, dispatch: "sglang-static" } as const;
      const replicated = createProblem(tokens, { ...asked, objective: { minimise } });
      const solver = requireSolver("eplb-global");
      const solution = await migrateFrom(solver, running, Infinity).solve(replicated, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution)) expect.fail(solution.status);
      expect(verifyFound(replicated, solution)).to.deep.equal([]);
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

describe("resizeChiplets", () => {
  /** Up to 7 experts with replicas on up to 4 chiplets, to be taken to another number with as few slots as go. */
  const resizings = fc
    .record({
      numExperts: fc.integer({ min: 2, max: 7 }),
      numBefore: fc.integer({ min: 1, max: 4 }),
      numChiplets: fc.integer({ min: 1, max: 4 }),
      more: fc.nat(1),
      numReplicas: fc.nat(2),
      seed: fc.nat(1000),
    })
    .map(({ numExperts, numBefore, numChiplets, more, seed, ...given }) => {
      const random = createRandom(seed);
      const running = Array.from({ length: numBefore }, () => new Set<number>());
      for (let expert = 0; expert < numExperts; expert++) running[random.below(numBefore)].add(expert);
      for (let copy = 0; copy < numExperts; copy++)
        running[random.below(numBefore)].add(random.below(numExperts));
      const slotsPerChiplet = Math.ceil(numExperts / numChiplets) + more;
      const numReplicas = Math.min(given.numReplicas, numChiplets * slotsPerChiplet - numExperts);
      const most = Math.min(numReplicas, numExperts * (numChiplets - 1));
      const patterns = patternsOf([[0, numExperts - 1], [0, 1]], numExperts); // prettier-ignore
      return {
        running: running.map((experts) => [...experts]),
        problem: createProblem(patterns, { numChiplets, slotsPerChiplet, numReplicas: most }),
      };
    });

  it("moves no more experts than must move: those for which no chiplet that stays has a slot", () => {
    fc.assert(
      fc.property(resizings, ({ running, problem }) => {
        const resized = resizeChiplets(running, problem);
        expect(verifyChiplets(problem, resized)).to.deep.equal([]);
        const kept = keptChiplets(running, problem.numChiplets);
        expect(countMoves(kept, resized)).to.equal(problem.numExperts - mostKept(kept, problem));
      }),
      { numRuns: 300 },
    );
  });

  it("puts pinned experts where they are pinned", () => {
    const pins = [{ expert: 3, chiplet: 2 }, { expert: 0, chiplet: 0 }]; // prettier-ignore
    const problem = createProblem(patternsOf([[0, 1], [2, 3]], 6), { numChiplets: 3, pins }); // prettier-ignore
    expect(resizeChiplets([[0, 1, 2, 3, 4, 5]], problem)[2]).to.include(3);
    expect(resizeChiplets([[0, 1, 2, 3, 4, 5]], problem)[0]).to.include(0);
  });
});

/** Most experts that can stay on a chiplet that holds them: tries all. */
function mostKept(kept: Chiplets, { numExperts, slotsPerChiplet }: PlacementProblem): number {
  const free = kept.map(() => slotsPerChiplet);
  const from = (expert: number): number => {
    if (expert === numExperts) return 0;
    let most = from(expert + 1);
    kept.forEach((experts, chiplet) => {
      if (!experts.includes(expert) || free[chiplet] === 0) return;
      free[chiplet]--;
      most = Math.max(most, 1 + from(expert + 1));
      free[chiplet]++;
    });
    return most;
  };
  return from(0);
}

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
