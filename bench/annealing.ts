/**
 * `npm run bench:annealing`: what the constants of the searches by chance are worth, each varied alone.
 *
 * The kicks of local search, and annealing on the time of a layer. Seeds 1 to 3; every placement is verified before it
 * counts. Seconds are processor time. docs/decisions/annealing.md says what follows from it. Sections may be named as
 * arguments: kicks, time.
 */
import { poseLayer, type PosingOptions } from "../lib/flows/pose.js";
import { findHardware } from "../lib/hardware/presets.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { expertsOfChiplets, type Chiplets } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { createRandom } from "../lib/random.js";
import { largest, mean, sum } from "../lib/statistics.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { constraintModelOf } from "../solvers/constraints/constraint-model.js";
import { annealTime, TIME_ANNEALING } from "../solvers/objectives/anneal-time.js";
import { SwapTraffic } from "../solvers/objectives/swap-traffic.js";
import { estimatedTime, scheduledTime } from "../solvers/objectives/modelled-time.js";
import { KICK_RULE, QUICK_SEARCH, startSearch } from "../solvers/search/iterated-local-search.js";
import { swapModelOf } from "../solvers/search/swap-model.js";
import { realTrace } from "./real-traces.js";
import { row } from "./table.js";

const LAYERS = [1, 14];
const NUM_TOKENS = 3000;
const SEEDS = [1, 2, 3];
const WAFER = { numChiplets: 16, numGroups: 4 };
const ANNEALING_MOVES = 6000;

/** One placement, and what it took. */
interface Run {
  readonly problem: PlacementProblem;
  readonly chiplets: Chiplets;
  readonly seconds: number;
}

const trace = await realTrace("esft-dsv2lite-law");
const hardware = findHardware("mozart-deepseek-calibrated");
const shape = findModelShape("deepseek-moe-16b");
if (!hardware || !shape) throw new Error("a preset is gone");
const machine = { hardware, shape };
const sections: Record<string, (tokens: RoutingTrace) => void> = {
  kicks: kicksTable,
  time: timeTable,
};
const wanted = process.argv.slice(2);
if (trace) {
  console.log(
    `esft-dsv2lite-law, layers ${LAYERS.join(" and ")}, first ${NUM_TOKENS} tokens, 16 chiplets in 4 groups, ` +
      `mean of seeds ${SEEDS.join(", ")}. The first row is what is used.`,
  );
  for (const [name, print] of Object.entries(sections)) {
    if (wanted.length === 0 || wanted.includes(name)) print(trace);
  }
}

/** Kicks of iterated local search, by the search that every solver begins with. */
function kicksTable(tokens: RoutingTrace): void {
  console.log(`\n## Kicks of local search: ${QUICK_SEARCH.restarts} starts of ${QUICK_SEARCH.kicks} kicks\n`);
  row("setting", "C_T", "worst seed", "seconds");
  row("---", "---:", "---:", "---:");
  const problems = posed(tokens);
  // Code that has not run yet is slower.
  problems.forEach(searched);
  for (const { name, varied } of variants(KICK_RULE, {
    swaps: [1, 4, 8],
    acceptedLoss: [0, 1e-4, 1e-3, 1e-2],
  })) {
    const runs = runAll(problems, (problem, seed) => {
      const search = startSearch(swapModelOf(constraintModelOf(problem), problem.layer), {
        seed,
        kickRule: varied,
      });
      const found = search.run(QUICK_SEARCH);
      if (!found) throw new Error(`${name}: nothing found`);
      return expertsOfChiplets(found, problem.numChiplets);
    });
    row(name, ...copies(runs).map((value) => value.toFixed(4)), secondsOf(runs));
  }
}

/** Annealing on the estimate of a layer's time, from what local search finds. */
function timeTable(tokens: RoutingTrace): void {
  console.log(`\n## Annealing on the time: ${ANNEALING_MOVES} swaps from local search, ${hardware?.name}\n`);
  row("setting", "ms of a layer's schedule", "worst seed", "C_T", "seconds");
  row("---", "---:", "---:", "---:", "---:");
  const problems = posed(tokens, { objective: { minimise: "time", machine } });
  const starts = new Map(problems.map((problem) => [problem, searched(problem)]));
  const msOf = ({ problem, chiplets }: Pick<Run, "problem" | "chiplets">) =>
    scheduledTime(problem)(countTraffic(problem.patterns, chiplets, problem)) / 1e6;
  const begun = problems.map((problem) => ({ problem, chiplets: starts.get(problem) ?? [], seconds: 0 }));
  row("local search alone", mean(begun.map(msOf)).toFixed(4), "", copies(begun)[0].toFixed(4), "");
  const settings = variants(TIME_ANNEALING, {
    hot: [4e-5, 1.3e-4, 1.3e-3, 4e-3],
    cold: [4e-7, 4e-5],
    wholeChiplets: [0, 0.3],
    smooth: [0, 1e-4, 1e-2],
  });
  for (const { name, varied } of settings) {
    const runs = runAll(problems, (problem, seed) => {
      const state = new SwapTraffic(problem.patterns, problem.load, problem);
      const start = starts.get(problem) ?? [];
      return annealTime(state, start, {
        estimate: estimatedTime(problem),
        maxMoves: ANNEALING_MOVES,
        random: createRandom(seed, problem.layer),
        deadline: Infinity,
        annealing: varied,
      }).chiplets;
    });
    const bySeed = SEEDS.map((_, index) =>
      mean(runs.filter((_, at) => at % SEEDS.length === index).map(msOf)),
    );
    row(
      name,
      mean(bySeed).toFixed(4),
      largest(bySeed).toFixed(4),
      copies(runs)[0].toFixed(4),
      secondsOf(runs),
    );
  }
}

/** What is used, then each constant at other values, the others as they are. */
function variants<Setting extends object>(
  used: Setting,
  others: { readonly [Name in keyof Setting]: readonly number[] },
): { readonly name: string; readonly varied: Setting }[] {
  const names = Object.keys(others) as (keyof Setting & string)[];
  const all = names.map((name) => `${name} ${String(used[name])}`).join(", ");
  return [
    { name: all, varied: used },
    ...names.flatMap((name) =>
      others[name].map((value) => ({ name: `${name} ${value}`, varied: { ...used, [name]: value } })),
    ),
  ];
}

function posed(tokens: RoutingTrace, options: Partial<PosingOptions> = {}): PlacementProblem[] {
  const layers = tokens.layers.filter(({ layer }) => LAYERS.includes(layer));
  return layers.map((layer) => {
    const numTokens = Math.min(NUM_TOKENS, layer.numTokens);
    const experts = layer.experts.subarray(0, numTokens * tokens.topK);
    return poseLayer(tokens, { ...layer, numTokens, experts }, { ...WAFER, ...options });
  });
}

/** What local search finds with seed 1. */
function searched(problem: PlacementProblem): Chiplets {
  const search = startSearch(swapModelOf(constraintModelOf(problem), problem.layer), DEFAULT_SOLVER_OPTIONS);
  const found = search.run(QUICK_SEARCH);
  if (!found) throw new Error("local search found nothing");
  return expertsOfChiplets(found, problem.numChiplets);
}

/** Places every layer with every seed, seeds innermost, and verifies the placements. */
function runAll(
  problems: readonly PlacementProblem[],
  place: (problem: PlacementProblem, seed: number) => Chiplets,
): Run[] {
  return problems.flatMap((problem) =>
    SEEDS.map((seed) => {
      const begun = process.cpuUsage();
      const chiplets = place(problem, seed);
      const { user, system } = process.cpuUsage(begun);
      const violations = verifyChiplets(problem, chiplets);
      if (violations.length > 0) throw new Error(violations.join("; "));
      return { problem, chiplets, seconds: (user + system) / 1e6 };
    }),
  );
}

/** C_T, mean of layers and seeds, and that of the worst seed. */
function copies(runs: readonly Run[]): [number, number] {
  const found = runs.map(
    ({ problem, chiplets }) =>
      sum(countTraffic(problem.patterns, chiplets, problem).chipletTokens) / problem.patterns.numTokens,
  );
  const bySeed = SEEDS.map((_, index) => mean(found.filter((_, at) => at % SEEDS.length === index)));
  return [mean(found), largest(bySeed)];
}

/** Of one layer. */
function secondsOf(runs: readonly Run[]): string {
  return mean(runs.map(({ seconds }) => seconds)).toFixed(2);
}
