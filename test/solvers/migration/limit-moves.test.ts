import { expect } from "chai";
import fc from "fast-check";
import { withChiplets } from "../../../lib/hardware/hardware.js";
import { findModelShape } from "../../../lib/hardware/model-shapes.js";
import { findHardware } from "../../../lib/hardware/presets.js";
import { createWorkload } from "../../../lib/performance/workload.js";
import { countMoves } from "../../../lib/placement/migration.js";
import type { Objective } from "../../../lib/placement/objective.js";
import type { Chiplets } from "../../../lib/placement/placement.js";
import { createProblem, type PlacementProblem } from "../../../lib/placement/problem.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { verifyFound } from "../../../lib/placement/verify.js";
import { createRandom } from "../../../lib/random.js";
import { stepMakespanNs } from "../../../lib/schedule/schedule-step.js";
import { requireSolver } from "../../../solvers/index.js";
import { withFewerMoves } from "../../../solvers/migration/fewer-moves.js";
import { limitMoves } from "../../../solvers/migration/limit-moves.js";
import { openLayerThreads } from "../../../solvers/threads/layer-threads.js";
import { patternsOf } from "../arbitrary-problem.js";

const NO_TARGET = { status: "undecided", stoppedBy: "budget" } as const;

const shape = findModelShape("deepseek-moe-16b")!;
const machines = ["h100-8x8", "mozart-deepseek"].map((name) => {
  const hardware = withChiplets(findHardware(name)!, { numChiplets: 4, numGroups: 2 });
  return { hardware, shape, workload: createWorkload({ hardware, shape }, {}) };
});
const OBJECTIVES: readonly Objective[] = [
  { minimise: "load" },
  ...machines.map((machine) => ({ minimise: "time", machine }) as const),
];

/** Up to 8 experts on 4 chiplets in 2 groups, some slots empty, busy experts and idle ones; and a running placement of them. */
const drifted = fc
  .record({
    numExperts: fc.integer({ min: 4, max: 8 }),
    slots: fc.integer({ min: 2, max: 3 }),
    objective: fc.constantFrom(...OBJECTIVES),
    seed: fc.nat(),
  })
  .map(({ numExperts, slots, objective, seed }) => {
    const random = createRandom(seed);
    const busy = () => Math.floor(numExperts * random.next() ** 2);
    const tokens = Array.from({ length: 60 }, () => {
      const first = busy();
      return [first, (first + 1 + random.below(numExperts - 1)) % numExperts];
    });
    const asked = { numChiplets: 4, numGroups: 2, slotsPerChiplet: slots, objective };
    const problem = createProblem(patternsOf(tokens, numExperts), asked);
    const open = random.shuffle(Array.from({ length: 4 * slots }, (_, slot) => slot)).slice(0, numExperts);
    const running: number[][] = [[], [], [], []];
    open.forEach((slot, expert) => running[Math.floor(slot / slots)].push(expert));
    return { problem, running };
  });

/** What the problem minimises, counted anew. */
function scoreOf({ objective, patterns, ...problem }: PlacementProblem, chiplets: Chiplets): number {
  const traffic = countTraffic(patterns, chiplets, problem);
  return objective.minimise === "time"
    ? stepMakespanNs([traffic], objective.machine)
    : Math.max(...traffic.chipletLoad);
}

/** The least score of any placement within some moves: tries all. */
function bestWithin(problem: PlacementProblem, running: Chiplets, maxMoves: number): number {
  const { numExperts, slotsPerChiplet } = problem;
  const chiplets = running.map((): number[] => []);
  let best = Infinity;
  const extend = (expert: number, movesLeft: number): void => {
    if (expert === numExperts) best = Math.min(best, scoreOf(problem, chiplets));
    else {
      chiplets.forEach((held, chiplet) => {
        const isStaying = running[chiplet].includes(expert);
        if (held.length === slotsPerChiplet || (movesLeft === 0 && !isStaying)) return;
        held.push(expert);
        extend(expert + 1, movesLeft - Number(!isStaying));
        held.pop();
      });
    }
  };
  extend(0, maxMoves);
  return best;
}

describe("limitMoves, of load and of time", () => {
  it("is within the moves, never worse than what runs, and as good as trying all but where the estimate of a time misleads", async () => {
    const ratios: Record<string, number[]> = { load: [], time: [] };
    for (const { problem, running } of fc.sample(drifted, { numRuns: 16, seed: 7 })) {
      for (const maxMoves of [0, 1, 3]) {
        const found = await limitMoves(problem, { running, maxMoves, target: NO_TARGET, seed: 1 });
        if (!("chiplets" in found)) expect.fail(found.status);
        expect(verifyFound(problem, found)).to.deep.equal([]);
        expect(countMoves(running, found.chiplets)).to.be.at.most(maxMoves);
        const score = scoreOf(problem, found.chiplets);
        expect(score).to.be.at.most(scoreOf(problem, running));
        ratios[problem.objective.minimise].push(score / bestWithin(problem, running, maxMoves));
      }
    }
    expect(Math.max(...ratios.load)).to.be.closeTo(1, 1e-12);
    const isBest = ratios.time.map((ratio) => ratio < 1 + 1e-12);
    expect(isBest.filter(Boolean).length).to.be.at.least(0.85 * isBest.length);
    expect(Math.max(...ratios.time)).to.be.below(1.1);
  });

  it("takes a target that is within the moves where nothing better is, as it is with any number of them", async () => {
    for (const { problem, running } of fc.sample(drifted, { numRuns: 6, seed: 11 })) {
      const target = await requireSolver("auto").solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in target)) expect.fail(target.status);
      const scores = [];
      for (const maxMoves of [problem.numExperts, Infinity]) {
        const found = await limitMoves(problem, { running, maxMoves, target, seed: 1 });
        if (!("chiplets" in found)) expect.fail(found.status);
        scores.push(scoreOf(problem, found.chiplets));
      }
      expect(scores[0]).to.be.at.most(scores[1]);
      expect(scores[1]).to.be.closeTo(scoreOf(problem, target.chiplets), 1e-9 * scores[1]);
    }
  });

  it("keeps pins, also one that the running placement does not", async () => {
    const [first] = fc.sample(drifted, { numRuns: 1, seed: 3 });
    const origin = first.running.findIndex((experts) => experts.includes(0));
    for (const objective of OBJECTIVES) {
      for (const chiplet of [origin, (origin + 1) % 4]) {
        const problem = { ...first.problem, objective, pins: [{ expert: 0, chiplet }] };
        const found = await limitMoves(problem, { ...first, maxMoves: 3, target: NO_TARGET, seed: 1 });
        if (!("chiplets" in found)) expect.fail(found.status);
        expect(verifyFound(problem, found)).to.deep.equal([]);
        expect(countMoves(first.running, found.chiplets)).to.be.within(chiplet === origin ? 0 : 1, 3);
      }
    }
  });

  it("is never slower with more moves", async () => {
    const [, ...times] = OBJECTIVES;
    for (const [index, { problem, running }] of fc.sample(drifted, { numRuns: 6, seed: 19 }).entries()) {
      const timed = { ...problem, objective: times[index % times.length] };
      let fewer = Infinity;
      for (const maxMoves of [0, 1, 2, 3, 4, 6]) {
        const found = await limitMoves(timed, { running, maxMoves, target: NO_TARGET, seed: 1 });
        if (!("chiplets" in found)) expect.fail(found.status);
        const score = scoreOf(timed, found.chiplets);
        expect(score, `${maxMoves} moves`).to.be.at.most(fewer);
        fewer = score;
      }
    }
  });

  it("answers in a worker thread as it does here, and cut off with what is within the moves and no worse than what runs", async () => {
    const threads = openLayerThreads({ numThreads: 1 });
    for (const { problem, running } of fc.sample(drifted, { numRuns: 3, seed: 23 })) {
      const target = await requireSolver("contiguous").solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in target)) expect.fail(target.status);
      const options = { running, maxMoves: 2, target, seed: 1 };
      expect(await threads.limitMoves(problem, options)).to.deep.equal(await limitMoves(problem, options));
      for (const [cut, stoppedBy] of [
        [{ signal: AbortSignal.abort() }, "interrupt"],
        [{ timeLimitMs: 1 }, "time limit"],
      ] as const) {
        const found = await threads.limitMoves(problem, { ...options, ...cut });
        if (!("chiplets" in found)) expect.fail(found.status);
        expect(found.stoppedBy).to.equal(stoppedBy);
        expect(verifyFound(problem, found)).to.deep.equal([]);
        expect(countMoves(running, found.chiplets)).to.be.at.most(2);
        expect(scoreOf(problem, found.chiplets)).to.be.at.most(scoreOf(problem, running));
      }
    }
    await threads.close();
  });

  it("evens the loads of replicas, within the moves, and takes no more of them where tokens are of one expert", async () => {
    const objective = { minimise: "load" } as const;
    const tokens = Array.from({ length: 120 }, (_, token) => [Math.floor(8 * ((token % 40) / 40) ** 2)]);
    const patterns = patternsOf(tokens, 8);
    const running = [[0, 1, 2], [3, 4, 5], [6, 7, 0], []];
    const asked = { numChiplets: 4, numGroups: 2, slotsPerChiplet: 3, numReplicas: 4, objective };
    const problem = createProblem(patterns, { ...asked, dispatch: "uniform" });
    const peaks: number[] = [];
    for (const maxMoves of [0, 1, 3, 12]) {
      const found = await limitMoves(problem, { running, maxMoves, target: NO_TARGET, seed: 1 });
      if (!("chiplets" in found)) expect.fail(found.status);
      expect(verifyFound(problem, found)).to.deep.equal([]);
      expect(countMoves(running, found.chiplets)).to.be.at.most(maxMoves);
      expect(found.load?.cost).to.be.closeTo((4 * scoreOf(problem, found.chiplets)) / 120, 1e-9);
      const peak = scoreOf(problem, found.chiplets);
      const fewer = withFewerMoves(running, found.chiplets, (next) => scoreOf(problem, next) <= peak);
      expect(fewer).to.equal(found.chiplets);
      peaks.push(peak);
    }
    expect(peaks).to.deep.equal(peaks.toSorted((a, b) => b - a));
    expect(peaks[1]).to.be.below(peaks[0]);
    expect(peaks[3]).to.be.below(40);
  });
});
