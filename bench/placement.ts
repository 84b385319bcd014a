/**
 * `npm run bench:placement`: solvers on real routing traces, learned and held out, with their proved gaps.
 *
 * Every placement is verified by the pipeline before it is counted. Seed 1, two worker threads, default budgets.
 * Sections may be named as arguments: heldout, whole, peers, bounds, proofs, slots, large, time.
 */
import { collectPatterns } from "../lib/trace/token-patterns.js";
import { countTokenCopies } from "../lib/placement/cost.js";
import { chipletOfExperts, type Chiplets, type Placement } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { placeTrace } from "../lib/flows/place.js";
import { poseLayer, type PosingOptions } from "../lib/flows/pose.js";
import { splitHoldout, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { generateColumns } from "../solvers/columns/column-generation.js";
import { exact } from "../solvers/exact.js";
import { columnModelOf } from "../solvers/columns/admissible-columns.js";
import { constraintModelOf } from "../solvers/constraints/constraint-model.js";
import { swapModelOf } from "../solvers/search/swap-model.js";
import { createColumnTable } from "../solvers/columns/column-table.js";
import { openLayerThreads } from "../solvers/threads/layer-threads.js";
import { localSearch } from "../solvers/local-search.js";
import { priceIntoPool } from "../solvers/columns/pool-pricing.js";
import { QUICK_SEARCH, startSearch } from "../solvers/search/iterated-local-search.js";
import { lagrangianBound } from "../solvers/bounds/lagrangian-bound.js";
import { countSubsets } from "../solvers/columns/subset-costs.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { timeTable } from "./placement-time.js";
import { peakBytes } from "./peak-memory.js";
import { realTrace } from "./real-traces.js";
import { solverOf } from "./solver-of.js";
import { row } from "./table.js";
import { mean } from "../lib/statistics.js";

const WAFER = { numChiplets: 16, numGroups: 4 };
const threads = openLayerThreads({ numThreads: 2 });

const sections: Record<string, () => Promise<void>> = {
  heldout: heldOutTable,
  whole: wholeTable,
  peers: peersTable,
  bounds: boundsTable,
  proofs: proofsTable,
  slots: slotsTable,
  large: largeTable,
  time: () => timeTable(threads),
};
const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(sections)) {
  if (wanted.length === 0 || wanted.includes(name)) await run();
}
await threads.close();

/**
 * Mean over the law layers: first 75 % of the tokens to learn, last 25 % to judge.
 *
 * Cut at the token, as the figures of the literature are; the command line leaves out the sequence across the cut.
 */
async function heldOutTable(): Promise<void> {
  console.log("\n## Held out: esft-dsv2lite-law, 26 layers, first 75 % learned, 16 chiplets of 4\n");
  const trace = await realTrace("esft-dsv2lite-law");
  if (!trace) return;
  const { learn, heldOut } = splitHoldout(withoutSequences(trace), 0.25);
  console.log("| solver | C_T learned | C_T held out | seconds |\n| --- | ---: | ---: | ---: |");
  for (const name of ["contiguous", "mozart", "spectral", "louvain", "local-search", "ilp", "exact"]) {
    const { placement, seconds } = await place(name, learn, WAFER);
    const judged = mean(placement.layers.map((_, index) => replication(heldOut, placement, index)));
    row(name, fixed(meanCost(placement)), fixed(judged), seconds.toFixed(1));
  }
}

/** The whole law trace: every solver against the proved optimum. */
async function wholeTable(): Promise<void> {
  console.log("\n## Whole trace: esft-dsv2lite-law against the proved optimum, 16 chiplets of 4\n");
  const trace = await realTrace("esft-dsv2lite-law");
  if (!trace) return;
  const optimum = await place("exact", trace, WAFER);
  const least = meanCost(optimum.placement);
  console.log("| solver | mean C_T | above the optimum | proved layers | seconds |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const name of ["contiguous", "random", "mozart", "spectral", "louvain", "local-search", "ilp"]) {
    const { placement, seconds } = await place(name, trace, WAFER);
    const cost = meanCost(placement);
    row(name, fixed(cost), `${(100 * (cost / least - 1)).toFixed(2)} %`, "0", seconds.toFixed(1));
  }
  row("exact", fixed(least), "0", String(numProved(optimum.placement)), optimum.seconds.toFixed(1));
  console.log(`\nlocal-search on one core: ${(await secondsPerLayer(trace)).toFixed(2)} s a layer.`);
}

/** Time of local search without worker threads, mean of all layers but the first, which warms the machine code up. */
async function secondsPerLayer(trace: RoutingTrace): Promise<number> {
  const seconds: number[] = [];
  for (const layer of trace.layers) {
    const problem = poseLayer(trace, layer, WAFER);
    const begun = performance.now();
    await localSearch.solve(problem, DEFAULT_SOLVER_OPTIONS);
    seconds.push((performance.now() - begun) / 1000);
  }
  return mean(seconds.slice(1));
}

/** One layer a model, first half of the tokens to learn, second half to judge. */
async function peersTable(): Promise<void> {
  console.log("\n## One layer a model: learned on the first half, judged on the second, default solver\n");
  console.log("| trace | layer | chiplets | C_T learned | status | C_T held out | seconds |");
  console.log("| --- | ---: | ---: | ---: | --- | ---: | ---: |");
  const columns = [
    { name: "gptoss20b-fingerprint", layer: 12, numChiplets: 8 },
    { name: "esft-dsv2lite-intent", layer: 9, numChiplets: 16 },
    { name: "esft-dsv2lite-law", layer: 9, numChiplets: 16 },
    { name: "esft-dsv2lite-summary", layer: 9, numChiplets: 16 },
    { name: "esft-dsv2lite-translation", layer: 9, numChiplets: 16 },
    { name: "esft-dsv2lite-law", layer: 17, numChiplets: 16 },
    { name: "qwen15moe-5l-weiran", layer: 12, numChiplets: 15 },
  ];
  for (const { name, layer, numChiplets } of columns) {
    const trace = await realTrace(name);
    if (!trace) continue;
    const ofLayer = { ...trace, layers: trace.layers.filter((current) => current.layer === layer) };
    const { learn, heldOut } = splitHoldout(withoutSequences(ofLayer), 0.5);
    const { placement, seconds } = await place("auto", learn, { numChiplets });
    const [{ cost = NaN, status = "" }] = placement.layers;
    const judged = replication(heldOut, placement, 0);
    row(name, String(layer), String(numChiplets), fixed(cost), status, fixed(judged), seconds.toFixed(1));
  }
}

/** What each lower bound is worth where the optimum is known, and how many columns the LP leaves to consider. */
async function boundsTable(): Promise<void> {
  console.log("\n## Bounds: 16 chiplets of 4, on easy and on hard layers\n");
  console.log(
    "| trace | layer | pairs priced | triples | LP over all columns | optimum | gaps | columns within the LP gap |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const { name, layers } of [
    { name: "esft-dsv2lite-law", layers: [1, 9, 17, 26] },
    { name: "esft-dsv2lite-translation", layers: [1, 2, 5, 10] },
  ]) {
    const trace = await realTrace(name);
    if (trace) await boundLayers(name, trace, layers);
  }
}

async function boundLayers(name: string, trace: RoutingTrace, layers: readonly number[]): Promise<void> {
  for (const layer of trace.layers.filter((current) => layers.includes(current.layer))) {
    const problem = poseLayer(trace, layer, WAFER);
    const solution = await threads.inThread(exact).solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (solution.status !== "optimal") throw new Error(`layer ${layer.layer}: ${solution.status}`);
    const search = startSearch(
      swapModelOf(constraintModelOf(problem), problem.layer),
      DEFAULT_SOLVER_OPTIONS,
    );
    search.run(QUICK_SEARCH);
    const table = createColumnTable(columnModelOf(constraintModelOf(problem)));
    const { bound, base, multipliers } = await generateColumns(problem, table, {
      columns: search.pool.columns,
      cutoff: Infinity,
      deadline: Infinity,
    });
    let within = 0;
    table.walk(multipliers, solution.cost * layer.numTokens - 1 - base, () => within++);
    const [pairs, triples] = [2, 3].map((largest) => boundOf(problem, solution.chiplets, largest));
    const bounds = [pairs, triples, bound / layer.numTokens];
    const gaps = bounds.map((value) => `${(100 * (1 - value / solution.cost)).toFixed(2)} %`);
    const figures = [...bounds.map(fixed), fixed(solution.cost), gaps.join(", "), String(within)];
    row(name, String(layer.layer), ...figures);
  }
}

/** The subset bound in chiplets a token, with sets of up to `largest` experts priced. */
function boundOf(problem: PlacementProblem, chiplets: Chiplets, largest: number): number {
  const chipletOf = chipletOfExperts(chiplets, problem.numExperts);
  const mostSubsets = countSubsets(problem.numExperts, largest);
  return (
    lagrangianBound(problem, { chipletOf, mostSubsets, deadline: Infinity }) / problem.patterns.numTokens
  );
}

/** The LP over columns of a placement, of a search and of pricing by search, in chiplets a token: no bound. */
async function estimateOf(problem: PlacementProblem, chiplets: Chiplets): Promise<number> {
  const search = startSearch(swapModelOf(constraintModelOf(problem), problem.layer), DEFAULT_SOLVER_OPTIONS);
  search.run(QUICK_SEARCH);
  const chipletOf = chipletOfExperts(chiplets, problem.numExperts);
  for (const column of search.columnsOf(chipletOf)) search.pool.add(column);
  const tokens = await priceIntoPool(columnModelOf(constraintModelOf(problem)), search.pool, {
    chipletOf,
    deadline: Infinity,
  });
  return tokens / problem.patterns.numTokens;
}

/** Every layer of every trace with up to 4 slots, proved. */
async function proofsTable(): Promise<void> {
  console.log("\n## Proofs: every layer of every trace, whole\n");
  console.log("| trace | chiplets | layers | proved optimal | mean C_T | seconds |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const task of ["intent", "law", "summary", "translation"]) {
    await prove(`esft-dsv2lite-${task}`, WAFER);
  }
  await prove("gptoss20b-fingerprint", { numChiplets: 8, numGroups: 2 });
  await prove("qwen15moe-5l-weiran", { numChiplets: 15 });
  console.log(`\nPeak memory of the process: ${peakGigabytes()} GB.`);
}

async function prove(name: string, posing: PosingOptions): Promise<void> {
  const trace = await realTrace(name);
  if (!trace) return;
  const { placement, seconds } = await place("exact", trace, posing);
  const { numChiplets } = posing;
  const [layers, proved] = [placement.layers.length, numProved(placement)];
  row(
    name,
    String(numChiplets),
    String(layers),
    String(proved),
    fixed(meanCost(placement)),
    seconds.toFixed(1),
  );
}

/** More slots than can be enumerated: cost and bounds, among them what the proof for half the slots is worth. */
async function slotsTable(): Promise<void> {
  console.log("\n## 8 slots: esft-dsv2lite-law on 8 chiplets, default solver\n");
  const trace = await realTrace("esft-dsv2lite-law");
  if (!trace) return;
  const posing = { numChiplets: 8, numGroups: 2 };
  const { placement, seconds } = await place("auto", trace, posing);
  const halves = await place("exact", trace, WAFER);
  console.log(
    "| layer | C_T | LP over priced columns, an estimate | bound by quadruples | by triples | by pairs | half of the optimum at 4 slots | gap |",
  );
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  const gap = (cost: number, bound: number) => `${(100 * (1 - bound / cost)).toFixed(1)} %`;
  for (const [index, { layer, cost = NaN, bound = 1, chiplets }] of placement.layers.entries()) {
    if (![1, 9, 17, 26].includes(layer)) continue;
    const problem = poseLayer(trace, trace.layers[index], posing);
    const [pairs, triples] = [2, 3].map((largest) => boundOf(problem, chiplets, largest));
    const half = (halves.placement.layers[index].cost ?? NaN) / 2;
    const figures = [cost, await estimateOf(problem, chiplets), bound, triples, pairs, half];
    row(String(layer), ...figures.map(fixed), gap(cost, bound));
  }
  const [cost, bound] = [meanCost(placement), mean(placement.layers.map((layer) => layer.bound ?? 1))];
  const half = meanCost(halves.placement) / 2;
  row("mean of 26", fixed(cost), "", fixed(bound), "", "", fixed(half), gap(cost, bound));
  console.log(`\nSeconds for the 26 layers at 8 slots: ${seconds.toFixed(1)}.`);
}

/** The largest model there is, synthetic: 256 experts top-8 on 32 chiplets; `exact` on a few layers, as it prices more. */
async function largeTable(): Promise<void> {
  console.log("\n## 256 experts: synthetic deepseek-v3, 20,000 tokens a layer, 32 chiplets of 8\n");
  const trace = synthesizeTrace({ preset: "deepseek-v3", seed: 1, tokens: 20_000 });
  console.log(
    "| solver | layers | contiguous C_T | mean C_T | mean bound | gap | seconds | peak GB so far |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  await largeRow("auto", trace);
  await largeRow("exact", { ...trace, layers: trace.layers.slice(0, 4) });
}

async function largeRow(name: string, trace: RoutingTrace): Promise<void> {
  const { placement, seconds } = await place(name, trace, { numChiplets: 32, numGroups: 4 });
  const bound = mean(placement.layers.map((layer) => layer.bound ?? 1));
  const cost = meanCost(placement);
  const contiguous = meanCost((await place("contiguous", trace, { numChiplets: 32 })).placement);
  const gap = `${(100 * (1 - bound / cost)).toFixed(1)} %`;
  const numLayers = String(placement.layers.length);
  const figures = [contiguous, cost, bound].map(fixed);
  row(name, numLayers, ...figures, gap, seconds.toFixed(0), peakGigabytes());
}

async function place(name: string, trace: RoutingTrace, posing: PosingOptions) {
  const solver = solverOf(name);
  const begun = performance.now();
  const outcome = await placeTrace(trace, {
    posing,
    solver: threads.inThread(solver),
    solverOptions: DEFAULT_SOLVER_OPTIONS,
  });
  if (outcome.status !== "placed") throw new Error(`${name}: ${outcome.status}`);
  return { placement: outcome.placement, seconds: (performance.now() - begun) / 1000 };
}

function replication(trace: RoutingTrace, placement: Placement, index: number): number {
  const patterns = collectPatterns(trace.layers[index], trace);
  const chipletOf = chipletOfExperts(placement.layers[index].chiplets, trace.numExperts);
  return countTokenCopies(patterns, chipletOf) / patterns.numTokens;
}

function withoutSequences(trace: RoutingTrace): RoutingTrace {
  const layers = trace.layers.map(({ layer, numTokens, experts }) => ({ layer, numTokens, experts }));
  return { ...trace, layers };
}

function meanCost({ layers }: Placement): number {
  return mean(layers.flatMap(({ cost }) => cost ?? []));
}

function numProved({ layers }: Placement): number {
  return layers.filter(({ status }) => status === "optimal").length;
}

function fixed(value: number): string {
  return value.toFixed(4);
}

function peakGigabytes(): string {
  return (peakBytes() / 2 ** 30).toFixed(2);
}
