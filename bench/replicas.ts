/**
 * `npm run bench:replicas`: replicas against DeepSeek's load balancer, by loads alone and with tokens, and their frontier.
 *
 * Every placement is verified before it is counted. Seed 1. Sections may be named as arguments: loads, tokens, models, caps,
 * frontier; the last with caps, as in `frontier 1.2 1.1 1.05`, and models with some of them, as in `models nearest`.
 */
import { spreadLoad } from "../lib/placement/spread-load.js";
import { serveLeastLoaded } from "../lib/placement/least-loaded.js";
import type { Chiplets } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { placeTrace } from "../lib/flows/place.js";
import { poseLayer, type PosingOptions } from "../lib/flows/pose.js";
import { createRandom, type Random } from "../lib/random.js";
import { splitHoldout, type RoutingTrace } from "../lib/trace/routing-trace.js";
import type { DispatchModel } from "../lib/placement/dispatch.js";
import { replicate, type ReplicateOptions } from "../solvers/replicas/replicate.js";
import { exact } from "../solvers/exact.js";
import { rebalanceExperts } from "../solvers/eplb.js";
import { openLayerThreads } from "../solvers/threads/layer-threads.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { realTrace } from "./real-traces.js";
import { solverOf } from "./solver-of.js";
import { row } from "./table.js";
import { largest, mean, smallest, sum } from "../lib/statistics.js";

const CLUSTER = { numChiplets: 32, numReplicas: 32 };
/** Shape of the Gamma distribution of loads: the busiest of 256 experts has about 5 times the mean. */
const GAMMA_SHAPE = 1;
/** Token copies that a dispatcher with detours gives for one copy less on a chiplet of twice the mean load. */
const DETOUR = 4;
const threads = openLayerThreads({ numThreads: 2 });

const sections: Record<string, () => Promise<void>> = {
  loads: loadsTable,
  tokens: tokensTable,
  models: modelsTable,
  caps: capsTable,
  frontier: frontierTable,
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

/** A layer of synthetic deepseek-v3 with 288 slots on 32 ranks of 4 servers. */
function poseSynthetic(dispatch: DispatchModel, maxLoad: number): PlacementProblem {
  const trace = synthesizeTrace({ preset: "deepseek-v3", layers: 1 });
  return poseLayer(trace, trace.layers[0], { ...CLUSTER, numGroups: 4, dispatch, maxLoad });
}

async function solveReplicas(problem: PlacementProblem, options: Partial<ReplicateOptions>) {
  const begin = process.cpuUsage();
  const solution = await replicate(problem, { ...DEFAULT_SOLVER_OPTIONS, ...options });
  const { user, system } = process.cpuUsage(begin);
  if (!("chiplets" in solution)) throw new Error(solution.status);
  const violations = verifyChiplets(problem, solution.chiplets);
  if (violations.length > 0) throw new Error(violations[0]);
  const { load } = measure(problem, solution.chiplets);
  return { ...solution, peak: load, seconds: (user + system) / 1e6 };
}

/** Every dispatch model that serving engines have: spread over seeds, against ten times the budget, with the bound. */
async function modelsTable(): Promise<void> {
  const SEEDS = 3;
  console.log(
    `\n## Dispatch models of engines: synthetic deepseek-v3, 1 layer, 288 slots, 32 ranks, cap 1.05, seeds 1 to ${SEEDS}\n`,
  );
  console.log(
    "| dispatch | C_T | worst above best | max/mean | processor seconds | C_T of ten times the budget | above it | proved bound | gap | seconds of the bound |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  const percent = (part: number) => `${(100 * part).toFixed(2)} %`;
  const models = ["uniform", "sglang-static", "vllm-ascend", "nearest"] as const;
  const named = models.filter((model) => wanted.includes(model));
  for (const dispatch of named.length > 0 ? named : models) {
    const problem = poseSynthetic(dispatch, 1.05);
    const found = [];
    for (let seed = 1; seed <= SEEDS; seed++) found.push(await solveReplicas(problem, { seed }));
    const proved = await solveReplicas(problem, { proves: true, boundBy: exact });
    const long = await solveReplicas(problem, { effort: 10 });
    const costs = found.map(({ cost }) => cost);
    const cost = mean(costs);
    const bound = proved.bound ?? 1;
    row(
      dispatch,
      cost.toFixed(4),
      percent(largest(costs) / smallest(costs) - 1),
      largest(found.map(({ peak }) => peak)).toFixed(3),
      mean(found.map(({ seconds }) => seconds)).toFixed(1),
      long.cost.toFixed(4),
      percent(cost / long.cost - 1),
      bound.toFixed(3),
      `${(100 * (1 - bound / cost)).toFixed(1)} %`,
      Math.max(0, proved.seconds - found[0].seconds).toFixed(1),
    );
  }
}

/** One cap after the other, each on its own. */
async function capsTable(): Promise<void> {
  console.log("\n## A laxer cap is never worse: the same layer, each cap on its own\n");
  console.log("| dispatch | cap | C_T | max/mean | processor seconds |\n| --- | ---: | ---: | ---: | ---: |");
  for (const dispatch of ["uniform", "sglang-static", "nearest"] as const) {
    for (const maxLoad of [1.05, 1.1, 1.2, 1.4]) {
      const found = await solveReplicas(poseSynthetic(dispatch, maxLoad), {});
      row(
        dispatch,
        maxLoad.toFixed(2),
        found.cost.toFixed(4),
        found.peak.toFixed(3),
        found.seconds.toFixed(1),
      );
    }
  }
}

/**
 * gpt-oss with 8 replicas: C_T against load, learned and held out, by nearest dispatch, and by a dispatcher that watches
 * loads: among copies as near it takes the least loaded, and with detours it goes further to spare an overloaded one.
 */
async function frontierTable(): Promise<void> {
  console.log("\n## Frontier: gptoss20b-fingerprint on 8 chiplets of 5 slots, first 75 % learned\n");
  const trace = await realTrace("gptoss20b-fingerprint");
  if (!trace) return;
  const { learn, heldOut } = splitHoldout(trace, 0.25);
  console.log(
    "| replicas | cap | C_T learned | max/mean | C_T held out | max/mean | watched: C_T held out | max/mean | with detours: C_T held out | max/mean | seconds |",
  );
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  const optimum = await frontierPoint({ learn, heldOut }, { numChiplets: 8 }, "exact");
  row("0", "none", ...optimum);
  for (const maxLoad of caps) {
    const posing = { numChiplets: 8, numReplicas: 8, maxLoad };
    row("8", maxLoad.toFixed(2), ...(await frontierPoint({ learn, heldOut }, posing, "local-search")));
  }
}

async function frontierPoint(
  { learn, heldOut }: { learn: RoutingTrace; heldOut: RoutingTrace },
  posing: PosingOptions,
  name: string,
): Promise<string[]> {
  const begin = performance.now();
  const solver = threads.inThread(solverOf(name));
  const outcome = await placeTrace(learn, { posing, solver, solverOptions: DEFAULT_SOLVER_OPTIONS });
  if (outcome.status !== "placed") return [outcome.status];
  const seconds = (performance.now() - begin) / 1000;
  const { layers } = outcome.placement;
  const measureOn = (trace: RoutingTrace) =>
    layers.map(({ chiplets }, index) => measure(poseLayer(trace, trace.layers[index], posing), chiplets));
  const watchedAt = (copiesPerOverload: number) =>
    layers.map(({ chiplets }, index) => {
      const options = { ...heldOut, copiesPerOverload };
      const { tokenReplication, chipletLoad } = serveLeastLoaded(heldOut.layers[index], chiplets, options);
      return { replication: tokenReplication, load: maxOverMean(chipletLoad) };
    });
  return [
    ...fixedMeans(measureOn(learn)),
    ...fixedMeans(measureOn(heldOut)),
    ...fixedMeans(watchedAt(0)),
    ...fixedMeans(watchedAt(DETOUR)),
    seconds.toFixed(0),
  ];
}

interface Measured {
  /** C_T. */
  readonly replication: number;
  /** Largest load of a chiplet over the mean. */
  readonly load: number;
}

function measure({ patterns, chipletsPerGroup, dispatch }: PlacementProblem, chiplets: Chiplets): Measured {
  const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch });
  return {
    replication: sum(traffic.chipletTokens) / patterns.numTokens,
    load: maxOverMean(traffic.chipletLoad),
  };
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

function fixedMeans(measured: readonly Measured[]): [string, string] {
  return [
    mean(measured.map(({ replication }) => replication)).toFixed(3),
    mean(measured.map(({ load }) => load)).toFixed(3),
  ];
}

function meanAndWorst(loads: readonly number[]): [string, string] {
  return [mean(loads).toFixed(4), largest(loads).toFixed(4)];
}

function maxOverMean(loads: readonly number[] | Float64Array): number {
  return (largest(loads) * loads.length) / sum(loads);
}
