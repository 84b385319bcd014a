/**
 * `npm run bench:best-known`: ten seeds of the default's search, `ilp`, against the best placements known (docs/best-known/).
 *
 * Shapes may be named by what their files begin with, as in `esft-dsv2lite-law.4x16`; `--seeds N` takes fewer seeds. With
 * `--improve`, the shapes named are searched longer first, by the default with its proof, by its search with many seeds and by plain
 * annealing, and what is better is written. Seconds are processor time a layer. Every placement is verified before it is counted.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { placeTrace } from "../lib/flows/place.js";
import { poseLayer } from "../lib/flows/pose.js";
import { formatPlacement, parsePlacement } from "../lib/placement/placement-file.js";
import type { Chiplets, LayerPlacement, Placement } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../lib/placement/solver.js";
import { OPTIMALITY_GAP } from "../lib/placement/tolerance.js";
import { countReplication } from "../lib/placement/traffic.js";
import { verifyFound } from "../lib/placement/verify.js";
import { largest, mean, smallest } from "../lib/statistics.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { auto } from "../solvers/auto.js";
import { ilp } from "../solvers/ilp.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { annealSwaps } from "./anneal-swaps.js";
import { realTrace } from "./real-traces.js";
import { row } from "./table.js";

const FOLDER = "docs/best-known";
/** Searches of a layer besides that with a proof: twenty times as long as the default's, and an annealing of ten times its time. */
const SEARCH_SEEDS = 20;
const ANNEALING = { seed: 1, swaps: 20_000_000, hot: 0.3, cold: 0.01 };
/** Layers of a trace whose files would be long: the first, the last, and two between. */
const FEW_LAYERS = [1, 9, 17, 26];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: "string", default: "10" }, improve: { type: "boolean", default: false } },
});

/** A public trace, read or made by seed 1, on some numbers of chiplets. */
interface Shapes {
  readonly trace: string;
  readonly chiplets: readonly number[];
  readonly layers?: readonly number[];
}

const shapes: readonly Shapes[] = [
  { trace: "esft-dsv2lite-law", chiplets: [8] },
  { trace: "esft-dsv2lite-law", chiplets: [16, 4], layers: FEW_LAYERS },
  ...["translation", "intent", "summary"].map((task) => ({
    trace: `esft-dsv2lite-${task}`,
    chiplets: [16, 8, 4],
    layers: FEW_LAYERS,
  })),
  { trace: "gptoss20b-fingerprint", chiplets: [8] },
  { trace: "synthetic-qwen3-30b-a3b", chiplets: [16] },
  { trace: "synthetic-deepseek-v3", chiplets: [32] },
  { trace: "synthetic-kimi-k2", chiplets: [48] },
];

/** The default with its proof, its search by many seeds, and plain annealing: the best of all. */
const longSearch: Solver = {
  ...auto,
  name: "auto, or annealing",
  async solve(problem, options) {
    const found = await auto.solve(problem, options);
    if (!("chiplets" in found)) return found;
    let best = found;
    const { bound = 1 } = found;
    const consider = (chiplets: Chiplets) => {
      const cost = countReplication(problem.patterns, chiplets, problem).tokenReplication;
      const status = cost - bound <= OPTIMALITY_GAP * cost ? "optimal" : "feasible";
      if (cost < best.cost) best = { status, chiplets, cost, bound, stoppedBy: "budget" };
    };
    for (let seed = 1; seed <= SEARCH_SEEDS && best.status !== "optimal"; seed++) {
      const answer = await ilp.solve(problem, { ...options, seed, start: undefined });
      if ("chiplets" in answer) consider(answer.chiplets);
    }
    if (best.status !== "optimal") consider(annealSwaps(problem, ANNEALING));
    return best;
  },
};

console.log(`\n## Best placements known, and seeds 1 to ${values.seeds} of ilp\n`);
row(
  "trace",
  "chiplets x slots",
  "layers",
  "best C_T known",
  "proved",
  "mean",
  "worst layer",
  "seeds",
  "seconds",
);
row("---", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:");
for (const { trace: name, chiplets, layers } of shapes) {
  const asked = chiplets.filter((numChiplets) => isAsked(`${name}.${numChiplets}x`));
  const trace = asked.length > 0 ? await readLayers(name, layers) : undefined;
  if (!trace) continue;
  for (const numChiplets of asked) {
    const file = join(FOLDER, `${name}.${numChiplets}x${Math.ceil(trace.numExperts / numChiplets)}.json`);
    if (values.improve) await improve(trace, numChiplets, file);
    await seedsRow(trace, numChiplets, file);
  }
}

function isAsked(beginning: string): boolean {
  return (
    positionals.length === 0 ||
    positionals.some((word) => beginning.startsWith(word) || word.startsWith(beginning))
  );
}

async function readLayers(name: string, layers?: readonly number[]): Promise<RoutingTrace | undefined> {
  const [, preset] = /^synthetic-(.*)/.exec(name) ?? [];
  const trace = preset ? synthesizeTrace({ preset, layers: 1, seed: 1 }) : await realTrace(name);
  return trace && layers
    ? { ...trace, layers: trace.layers.filter(({ layer }) => layers.includes(layer)) }
    : trace;
}

async function bestKnown(file: string): Promise<Placement | undefined> {
  return existsSync(file) ? parsePlacement(await readFile(file, "utf8"), file) : undefined;
}

/** Searches long from the best known, and writes what is no worse in any layer. */
async function improve(trace: RoutingTrace, numChiplets: number, file: string): Promise<void> {
  const known = await bestKnown(file);
  const outcome = await placeTrace(trace, {
    posing: { numChiplets },
    solver: longSearch,
    solverOptions: DEFAULT_SOLVER_OPTIONS,
    ...(known && { starts: new Map(known.layers.map(({ layer, chiplets }) => [layer, chiplets])) }),
  });
  if (outcome.status !== "placed") throw new Error(outcome.status);
  const { placement } = outcome;
  const isBetter = placement.layers.some((found) => {
    const old = known?.layers.find(({ layer }) => layer === found.layer);
    return !old || costOf(found) < costOf(old) || (found.bound ?? 1) > (old.bound ?? 1);
  });
  if (isBetter) await writeFile(file, formatPlacement(placement));
}

async function seedsRow(trace: RoutingTrace, numChiplets: number, file: string): Promise<void> {
  const known = await bestKnown(file);
  if (!known) return;
  const losses: number[][] = [];
  const before = process.cpuUsage();
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const ofSeed = [];
    for (const layer of trace.layers) {
      const problem = poseLayer(trace, layer, { numChiplets });
      const answer = await ilp.solve(problem, { ...DEFAULT_SOLVER_OPTIONS, seed });
      if (!("chiplets" in answer)) throw new Error(`layer ${layer.layer}: ${answer.status}`);
      const best = known.layers.find((one) => one.layer === layer.layer);
      if (!best) throw new Error(`${file} lacks layer ${layer.layer}`);
      for (const { chiplets, cost } of [answer, { ...best, cost: costOf(best) }]) {
        const violations = verifyFound(problem, { chiplets, cost });
        if (violations.length > 0) throw new Error(violations[0]);
      }
      ofSeed.push(answer.cost / costOf(best) - 1);
    }
    losses.push(ofSeed);
  }
  const { user, system } = process.cpuUsage(before);
  const means = losses.map(mean);
  const [, name, numSlots] = /([^/]+)\.\d+x(\d+)\.json$/.exec(file) ?? [];
  row(
    name,
    `${numChiplets} x ${numSlots}`,
    String(known.layers.length),
    mean(known.layers.map(costOf)).toFixed(4),
    String(known.layers.filter(({ status }) => status === "optimal").length),
    percent(mean(means)),
    percent(largest(losses.flat())),
    `${percent(smallest(means))} to ${percent(largest(means))}`,
    ((user + system) / 1e6 / losses.flat().length).toFixed(2),
  );
}

function costOf({ layer, cost }: LayerPlacement): number {
  if (cost === undefined) throw new Error(`layer ${layer}: no cost is given`);
  return cost;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(2)} %`;
}
