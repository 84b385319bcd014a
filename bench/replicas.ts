/**
 * `npm run bench:replicas`: replicas against DeepSeek's load balancer, by loads alone and with tokens, and their frontier.
 *
 * Every placement is verified before it is counted. Seed 1. Sections may be named as arguments: loads, tokens, models, caps,
 * frontier; the last with caps, as in `frontier 1.2 1.1 1.05`, and models with some of them, as in `models nearest`, or
 * with bounds by the solver `exact`, as in `models uniform exact`.
 */
import { spreadLoad } from "../lib/placement/spread-load.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { placeTrace } from "../lib/flows/place.js";
import { poseLayer } from "../lib/flows/pose.js";
import { createRandom, type Random } from "../lib/random.js";
import { rebalanceExperts } from "../solvers/eplb.js";
import { openLayerThreads } from "../solvers/threads/layer-threads.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { frontierTable } from "./replica-frontier.js";
import { CLUSTER, fixedMeans, maxOverMean, measure, type Measured } from "./replica-measures.js";
import { capsTable, modelsTable } from "./replica-searches.js";
import { solverOf } from "./solver-of.js";
import { row } from "./table.js";
import { largest, mean, sum } from "../lib/statistics.js";

/** Shape of the Gamma distribution of loads: the busiest of 256 experts has about 5 times the mean. */
const GAMMA_SHAPE = 1;
const threads = openLayerThreads({ numThreads: 2 });

const sections: Record<string, () => Promise<void>> = {
  loads: loadsTable,
  tokens: tokensTable,
  models: () => modelsTable({ named: wanted, byExact: wanted.includes("exact") }),
  caps: capsTable,
  frontier: () => frontierTable({ caps, inThread: (solver) => threads.inThread(solver) }),
};
const wanted = process.argv.slice(2).filter((argument) => !(Number(argument) > 0));
/** Caps on the load of the frontier, as numbers among the arguments; a cap takes minutes. */
const caps = process.argv
  .slice(2)
  .map(Number)
  .filter((cap) => cap > 0);
if (caps.length === 0) caps.push(1.2, 1.1, 1.05);
for (const [name, run] of Object.entries(sections)) {
  if (wanted.length === 0 || wanted.includes(name)) await run();
}
await threads.close();

/** Loads without tokens: 58 layers of 256 experts into 288 slots on 32 ranks of 4 servers. */
async function loadsTable(): Promise<void> {
  console.log(
    `\n## Loads alone: 58 layers, 256 experts, Gamma-distributed loads of shape ${GAMMA_SHAPE}, 288 slots, 32 ranks\n`,
  );
  const random = createRandom(1);
  const layers = Array.from({ length: 58 }, (_, layer) => ({
    layer,
    load: Float64Array.from({ length: 256 }, () => Math.round(1000 * gamma(GAMMA_SHAPE, random))),
  }));
  console.log("| balancer | max/mean, mean of layers | worst layer | doubled slots | seconds |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const [name, numChipletGroups] of [
    ["EPLB hierarchical", 4],
    ["EPLB global", 1],
  ] as const) {
    const begin = performance.now();
    const placed = layers.map(({ load }) => placeByEplb(load, numChipletGroups));
    const seconds = (performance.now() - begin) / 1000;
    const loads = layers.map(({ load }, index) => spreadWithDoubles(load, placed[index]));
    const doubled = sum(placed.flat().map((experts) => experts.length - new Set(experts).size));
    row(name, ...meanAndWorst(loads), `${doubled} of ${58 * 288}`, seconds.toFixed(2));
  }
  const begin = performance.now();
  const outcome = await placeTrace(
    { model: undefined, numExperts: 256, layers },
    { posing: CLUSTER, solver: solverOf("local-search"), solverOptions: DEFAULT_SOLVER_OPTIONS },
  );
  const seconds = (performance.now() - begin) / 1000;
  if (outcome.status !== "placed") throw new Error(outcome.status);
  const loads = outcome.placement.layers.map(({ chiplets }, index) =>
    spreadLoad(layers[index].load, chiplets),
  );
  row("moeplace, verified", ...meanAndWorst(loads), `0 of ${58 * 288}`, seconds.toFixed(2));
}

/** With tokens: the same machine, and the fewest token copies at no more load than EPLB's. */
async function tokensTable(): Promise<void> {
  const numLayers = 2;
  console.log(
    `\n## With tokens: synthetic deepseek-v3, ${numLayers} layers, 256 experts, 288 slots, 32 ranks, uniform dispatch\n`,
  );
  const trace = synthesizeTrace({ preset: "deepseek-v3", layers: numLayers });
  const posing = { ...CLUSTER, dispatch: "uniform" } as const;
  const problems = trace.layers.map((layer) => poseLayer(trace, layer, posing));
  console.log("| placement | C_T | max/mean | seconds |\n| --- | ---: | ---: | ---: |");
  const peers: Record<string, Measured[]> = {};
  for (const [name, numChipletGroups] of [
    ["EPLB hierarchical", 4],
    ["EPLB global", 1],
  ] as const) {
    peers[name] = problems.map((problem) =>
      measure(problem, withoutDoubles(placeByEplb(problem.load, numChipletGroups))),
    );
    row(name, ...fixedMeans(peers[name]), "");
  }
  for (const [name, peer] of Object.entries(peers)) {
    for (const dispatch of ["uniform", "nearest"] as const) {
      const begin = performance.now();
      const found = await Promise.all(
        problems.map((problem, index) => {
          const mean = sum(problem.load) / problem.numChiplets;
          const limits = { ...problem.limits, chipletLoad: peer[index].load * mean };
          return solve({ ...problem, dispatch, limits });
        }),
      );
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      const saved =
        100 *
        (1 -
          mean(found.map(({ replication }) => replication)) /
            mean(peer.map(({ replication }) => replication)));
      row(
        `moeplace, ${dispatch}, at the load of ${name}: ${saved.toFixed(1)} % fewer`,
        ...fixedMeans(found),
        seconds,
      );
    }
  }
}

async function solve(problem: PlacementProblem): Promise<Measured> {
  const solution = await threads.inThread(solverOf("local-search")).solve(problem, DEFAULT_SOLVER_OPTIONS);
  if (!("chiplets" in solution)) throw new Error(solution.status);
  const violations = verifyChiplets(problem, solution.chiplets);
  if (violations.length > 0) throw new Error(violations[0]);
  return measure(problem, solution.chiplets);
}

/** Experts of every rank, by DeepSeek's load balancer, with any doubles. */
function placeByEplb(load: ArrayLike<number>, numChipletGroups: number): number[][] {
  const { expertOfSlot } = rebalanceExperts(load, {
    numSlots: 288,
    numExpertGroups: 8,
    numChipletGroups,
    numChiplets: 32,
  });
  return Array.from({ length: 32 }, (_, rank) => [...expertOfSlot.subarray(9 * rank, 9 * (rank + 1))]);
}

/** Two replicas of an expert on a rank are one: a token makes one copy, and the rank has the load of both. */
function withoutDoubles(chiplets: number[][]): number[][] {
  return chiplets.map((experts) => [...new Set(experts)].sort((a, b) => a - b));
}

/** Largest load over the mean as EPLB counts it: every slot has its share, the second copy on a rank too. */
function spreadWithDoubles(load: ArrayLike<number>, chiplets: readonly number[][]): number {
  const copies = new Uint16Array(load.length);
  for (const expert of chiplets.flat()) copies[expert]++;
  return maxOverMean(chiplets.map((experts) => sum(experts.map((expert) => load[expert] / copies[expert]))));
}

/** Draws from the Gamma distribution of scale 1. Source: Marsaglia and Tsang, ACM TOMS 26 (2000). */
function gamma(shape: number, random: Random): number {
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

function meanAndWorst(loads: readonly number[]): [string, string] {
  return [mean(loads).toFixed(4), largest(loads).toFixed(4)];
}
