import { expect } from "chai";
import fc from "fast-check";
import { measureBatches } from "../../../lib/flows/batches.js";
import { BY_ESTIMATE } from "../../../lib/flows/fastest-step.js";
import { placeTrace } from "../../../lib/flows/place.js";
import { poseFor, poseLayer } from "../../../lib/flows/pose.js";
import { timeOfPlacement } from "../../../lib/flows/step-time.js";
import { withChiplets } from "../../../lib/hardware/hardware.js";
import { findModelShape } from "../../../lib/hardware/model-shapes.js";
import { findHardware } from "../../../lib/hardware/presets.js";
import { createWorkload } from "../../../lib/performance/workload.js";
import type { Chiplets } from "../../../lib/placement/placement.js";
import { createProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../../../lib/placement/solver.js";
import { countTraffic, type LayerTraffic } from "../../../lib/placement/traffic.js";
import { createRandom } from "../../../lib/random.js";
import { mean } from "../../../lib/statistics.js";
import type { RoutingTrace } from "../../../lib/trace/routing-trace.js";
import { contiguous } from "../../../solvers/contiguous.js";
import { requireSolver, solvers } from "../../../solvers/index.js";
import { localSearch } from "../../../solvers/local-search.js";
import { BatchTraffic } from "../../../solvers/objectives/batch-traffic.js";
import { fastest } from "../../../solvers/objectives/time.js";
import { patternsOf, timeOnSomeMachine, tokenPatterns } from "../arbitrary-problem.js";

const busiest = ({ chipletLoad }: LayerTraffic) => Math.max(...chipletLoad);
const judge = () => busiest;

/** Two experts are hot in one prompt, two others in the next. */
const first = patternsOf(
  Array.from({ length: 40 }, (_, token) => [token % 2]),
  4,
);
const second = patternsOf(
  Array.from({ length: 40 }, (_, token) => [2 + (token % 2)]),
  4,
);
const both = patternsOf(
  Array.from({ length: 80 }, (_, token) => [token % 4]),
  4,
);
/** Experts are chosen by 50, 20, 6 and 4 tokens. */
const tilted = patternsOf(
  [50, 20, 6, 4].flatMap((times, expert) => Array.from({ length: times }, () => [expert])),
  4,
);

/** A rule that always answers so. */
const rowOf = (...chiplets: readonly (readonly number[])[]): Solver => ({
  ...contiguous,
  solve: () => Promise.resolve({ status: "feasible", chiplets, cost: 1, stoppedBy: "rule" }),
});

describe("the mean over batches", () => {
  const solve = async (solver: Solver, batches = [first, second]) => {
    const problem = createProblem(both, { numChiplets: 2, batches, objective: timeOnSomeMachine() });
    const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    return { problem, chiplets: solution.chiplets };
  };
  const byTime = (rivals: readonly Solver[]) =>
    fastest(localSearch, { search: localSearch, rivals: () => rivals, estimate: judge, judge });

  it("parts experts that are hot in the same batch, which all tokens at once say nothing of", async () => {
    const { problem, chiplets } = await solve(byTime([contiguous]));
    const slowest = problem.batches.map((batch) => busiest(countTraffic(batch, chiplets, problem)));
    expect(slowest).to.deep.equal([20, 20]);
    const together = await contiguous.solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in together)) expect.fail(together.status);
    expect(
      problem.batches.map((batch) => busiest(countTraffic(batch, together.chiplets, problem))),
    ).to.deep.equal([40, 40]);
  });

  it("is not lowered where a row is faster with all tokens at once", async () => {
    // On all tokens expert 0 is hot: 60 of 80 tokens are with 1, however the others are placed.
    const estimate = () => (traffic: LayerTraffic) =>
      traffic.numTokens === 80 ? traffic.chipletLoad[0] : busiest(traffic);
    const solver = fastest(localSearch, {
      search: localSearch,
      rivals: () => [rowOf([0, 2], [1, 3])],
      estimate,
      judge: estimate,
    });
    const { problem, chiplets } = await solve(solver);
    const all = (placed: readonly (readonly number[])[]) => estimate()(countTraffic(both, placed, problem));
    expect(all(chiplets)).to.be.at.most(
      all([
        [0, 2],
        [1, 3],
      ]),
    );
  });

  it("is answered beside what is best by the estimate, as the step of all layers may be faster so", async () => {
    const estimate = () => (traffic: LayerTraffic) => traffic.chipletLoad[0];
    const solver = fastest(localSearch, {
      search: localSearch,
      rivals: () => [rowOf([0, 3], [1, 2])],
      estimate,
      judge,
    });
    const problem = createProblem(tilted, {
      numChiplets: 2,
      objective: timeOnSomeMachine(),
    });
    const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in solution)) expect.fail(solution.status);
    const trafficOf = (chiplets: Chiplets) => countTraffic(tilted, chiplets, problem);
    const told = Object.entries(solution.candidates ?? {});
    const [byEstimate] = told.filter(([name]) => name === BY_ESTIMATE);
    expect(estimate()(trafficOf(byEstimate[1].chiplets))).to.equal(10);
    expect(busiest(trafficOf(solution.chiplets))).to.equal(54);
  });

  it("is counted under swaps as from scratch", () => {
    fc.assert(
      fc.property(tokenPatterns(8), tokenPatterns(8), fc.nat(), (one, other, seed) => {
        const numExperts = Math.max(one.numExperts, other.numExperts);
        const [all, batch] = [one, other].map((patterns) => ({ ...patterns, numExperts }));
        const shape = { numChiplets: 4, numGroups: 2, slotsPerChiplet: 3 };
        const problem = createProblem(all, { ...shape, batches: [batch, all] });
        const state = new BatchTraffic(problem);
        const experts = [...Array(numExperts).keys()];
        state.place(
          Array.from({ length: 4 }, (_, chiplet) => experts.filter((expert) => expert % 4 === chiplet)),
        );
        const random = createRandom(seed);
        for (let step = 0; step < 12; step++) {
          const [a, b] = [random.below(12), random.below(12)];
          if (Math.floor(a / 3) === Math.floor(b / 3)) continue;
          state.try({ of: "slots", a, b });
          if (random.next() < 0.5) state.undo();
          else state.keep();
          problem.batches.forEach((patterns, index) => {
            const counted = countTraffic(patterns, state.chiplets(), problem);
            const { chipletLoad, chipletTokens, groupTokens } = state.batches[index];
            expect([...chipletLoad]).to.deep.equal([...counted.chipletLoad]);
            expect([...chipletTokens]).to.deep.equal([...counted.chipletTokens]);
            expect([...groupTokens]).to.deep.equal([...counted.groupTokens]);
          });
        }
      }),
      { seed: 1, numRuns: 40 },
    );
  });
});

describe("a trace of prompts that differ", () => {
  const shape = findModelShape("gpt-oss-20b")!;
  const hardware = withChiplets(findHardware("h100-8x8")!, { numChiplets: 4, numGroups: 1 });
  const machineOf = (tokensPerChiplet: number) => ({
    hardware,
    shape,
    workload: createWorkload({ hardware, shape }, { phase: "decode", tokensPerChiplet }),
  });
  const machine = machineOf(64);
  const trace = prompts();

  it("is posed with batches as large as a step, where it has some of them and time is asked for", () => {
    const posed = (tokensPerChiplet: number, objective: "time" | "traffic") =>
      poseLayer(trace, trace.layers[0], poseFor(trace, machineOf(tokensPerChiplet), { objective })).batches;
    const batches = posed(64, "time");
    expect(batches).to.have.length.above(3);
    for (const batch of batches) expect(batch.numTokens).to.equal(256);
    expect(posed(64, "traffic")).to.deep.equal([]);
    expect(posed(2048, "time")).to.deep.equal([]);
  });

  const placed = async (solver: Solver, asked: Parameters<typeof poseFor>[2] = {}) => {
    const outcome = await placeTrace(trace, {
      posing: poseFor(trace, machine, { objective: "time", ...asked }),
      solver,
      solverOptions: DEFAULT_SOLVER_OPTIONS,
    });
    if (outcome.status !== "placed") expect.fail(outcome.status);
    return outcome.placement;
  };
  const batchNs = (placement: Awaited<ReturnType<typeof placed>>) =>
    mean(measureBatches(trace, placement, machine).each.map(({ stepNs }) => stepNs!));
  const auto = requireSolver("auto");
  const onAllTokens: Solver = {
    ...auto,
    solve: (problem, options) => auto.solve({ ...problem, batches: [] }, options),
  };

  for (const numReplicas of [0, 4]) {
    it(`takes less time a batch than searched for on all tokens, and no more than rows with these: ${numReplicas} replicas`, async () => {
      const own = await placed(auto, { numReplicas });
      expect(batchNs(own)).to.be.below(batchNs(await placed(onAllTokens, { numReplicas })));
      for (const rival of solvers.filter(({ kind }) => kind === "baseline")) {
        const row = await placed(rival, { numReplicas });
        const most = timeOfPlacement(trace, row, machine) * (1 + 1e-9);
        expect(timeOfPlacement(trace, own, machine), rival.name).to.be.at.most(most);
      }
    });
  }

  it("keeps even slots and groups of the router", async () => {
    const five = withChiplets(hardware, { numChiplets: 5, numGroups: 1 });
    for (const [on, asked] of [
      [five, { evenSlots: true }],
      [hardware, { routerGroups: 4 }],
    ] as const) {
      const outcome = await placeTrace(trace, {
        posing: poseFor(trace, { ...machine, hardware: on }, { objective: "time", ...asked }),
        solver: auto,
        solverOptions: DEFAULT_SOLVER_OPTIONS,
      });
      expect(outcome.status).to.equal("placed");
    }
  });
});

/** Tokens of eight prompts, each of which has four hot experts of its own among 32. */
function prompts(): RoutingTrace {
  const random = createRandom(7);
  const [numTokens, topK] = [4096, 4];
  const experts = new Uint16Array(numTokens * topK);
  for (let token = 0; token < numTokens; token++) {
    const prompt = Math.floor(token / 512);
    const chosen = new Set<number>();
    while (chosen.size < topK)
      chosen.add(random.next() < 0.6 ? prompt + 8 * random.below(4) : random.below(32));
    experts.set([...chosen], token * topK);
  }
  return { model: "gpt-oss-20b", numExperts: 32, topK, layers: [{ layer: 0, numTokens, experts }] };
}
