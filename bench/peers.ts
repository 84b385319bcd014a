/**
 * `npm run bench:peers`: other people's partitioners and balancers on the same tokens, side by side.
 *
 * METIS (`gpmetis`, Debian package metis) cuts the co-activation graph by recursive bisection; where it leaves chiplets uneven, the experts that lose least
 * move until slots are equal. KaHyPar and Mt-KaHyPar get the tokens as a hypergraph, where they are installed; else their rows say
 * so. EPLB as published, and plain annealing by swaps on C_T. Every placement is verified before it is counted. Seed 1. Seconds are
 * processor time, of other programs wall-clock time.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatHypergraph } from "../lib/export/hypergraph.js";
import { poseLayer } from "../lib/flows/pose.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { findHardware } from "../lib/hardware/presets.js";
import { expertsOfChiplets, type Chiplets } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { scheduleLayer, STEP_CONFIGURATIONS } from "../lib/schedule/schedule-step.js";
import { largest, sum } from "../lib/statistics.js";
import { countCoactivation } from "../lib/trace/coactivation.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { annealSwaps } from "./anneal-swaps.js";
import { realTrace } from "./real-traces.js";
import { solverOf } from "./solver-of.js";
import { row } from "./table.js";

const WAFER = { numChiplets: 16, numGroups: 4 };
const SEED = 1;
const ANNEALING = { seed: SEED, swaps: 2_000_000, hot: 0.5, cold: 1e-3 };

const hardware = findHardware("mozart-deepseek-calibrated");
if (!hardware) throw new Error("a preset is gone");
const folder = mkdtempSync(join(tmpdir(), "peers-"));

for (const [name, layer, model] of [
  ["esft-dsv2lite-law", 9, "deepseek-moe-16b"],
  ["esft-dsv2lite-law", 17, "deepseek-moe-16b"],
  ["esft-dsv2lite-translation", 9, "deepseek-moe-16b"],
] as const) {
  const trace = await realTrace(name);
  const found = trace?.layers.find((candidate) => candidate.layer === layer);
  if (trace && found)
    await compare(`${name}, layer ${layer}, 16 chiplets of 4`, poseLayer(trace, found, WAFER), model);
}
const synthetic = synthesizeTrace({ preset: "qwen3-30b-a3b", layers: 1, seed: SEED });
await compare(
  "synthetic qwen3-30b-a3b, 16 chiplets of 8",
  poseLayer(synthetic, synthetic.layers[0], WAFER),
  "qwen3-30b-a3b",
);
rmSync(folder, { recursive: true });

async function compare(title: string, problem: PlacementProblem, model: string): Promise<void> {
  const shape = findModelShape(model);
  if (!hardware || !shape) throw new Error("a preset is gone");
  console.log(`\n## ${title}\n`);
  row("peer", "C_T", "max/mean load", "modelled ms of the layer", "seconds");
  row("---", "---:", "---:", "---:", "---:");
  const print = (name: string, chiplets: Chiplets | undefined, seconds: number) => {
    if (!chiplets) {
      row(name, "pending: not installed", "", "", "");
      return;
    }
    const violations = verifyChiplets(problem, chiplets);
    if (violations.length > 0) throw new Error(`${name}: ${violations[0]}`);
    const traffic = countTraffic(problem.patterns, chiplets, problem);
    const cost = sum(traffic.chipletTokens) / problem.patterns.numTokens;
    const load = (largest(traffic.chipletLoad) * problem.numChiplets) / sum(traffic.chipletLoad);
    const machine = { hardware, shape, configuration: STEP_CONFIGURATIONS.C };
    const { makespanNs } = scheduleLayer(traffic, machine);
    row(name, cost.toFixed(4), load.toFixed(3), (makespanNs / 1e6).toFixed(2), seconds.toFixed(2));
  };
  for (const name of ["contiguous", "eplb-global", "mozart", "local-search", "auto"]) {
    const begin = process.cpuUsage();
    const solution = await solverOf(name).solve(problem, { ...DEFAULT_SOLVER_OPTIONS, seed: SEED });
    const { user, system } = process.cpuUsage(begin);
    if (!("chiplets" in solution)) throw new Error(`${name}: ${solution.status}`);
    print(name === "eplb-global" ? "EPLB, global" : name, solution.chiplets, (user + system) / 1e6);
  }
  const begin = process.cpuUsage();
  const annealed = annealSwaps(problem, ANNEALING);
  const { user, system } = process.cpuUsage(begin);
  print("plain annealing", annealed, (user + system) / 1e6);
  for (const [name, run] of [
    ["METIS, co-activation", runMetis],
    ["KaHyPar, km1", runKahypar("KaHyPar", ["-m", "direct", "-p"])],
    ["Mt-KaHyPar, km1", runKahypar("mt-kahypar", ["-m", "direct", "--preset-type=quality", "-p"])],
  ] as const) {
    const from = performance.now();
    const blocks = run(problem);
    const seconds = (performance.now() - from) / 1000;
    print(name, blocks && expertsOfChiplets(withEqualSlots(problem, blocks), problem.numChiplets), seconds);
  }
}

/** Cuts the co-activation graph with METIS; undefined where it is not installed. */
function runMetis({ patterns, numExperts, numChiplets }: PlacementProblem): number[] | undefined {
  const { pairs } = countCoactivation(patterns);
  const lines = Array.from({ length: numExperts }, (_, expert) =>
    Array.from({ length: numExperts }, (__, other) => other)
      .filter((other) => pairs[expert * numExperts + other] > 0)
      .flatMap((other) => [other + 1, pairs[expert * numExperts + other]])
      .join(" "),
  );
  const numEdges = pairs.filter((weight) => weight > 0).length / 2;
  const file = join(folder, "layer.graph");
  writeFileSync(file, [`${numExperts} ${numEdges} 001`, ...lines, ""].join("\n"));
  const args = ["-ptype=rb", `-seed=${SEED}`, "-ncuts=10", "-niter=100", file, String(numChiplets)];
  const { status, error } = spawnSync("gpmetis", args, { encoding: "utf8" });
  if (error) return undefined;
  if (status !== 0) throw new Error(`gpmetis ended with exit code ${status ?? "none"}`);
  return blocksIn(`${file}.part.${numChiplets}`);
}

/** Partitions the tokens by connectivity with a program of the KaHyPar family; undefined where it is not installed. */
function runKahypar(program: string, args: readonly string[]) {
  return ({ patterns, numChiplets }: PlacementProblem): number[] | undefined => {
    const file = join(folder, "layer.hgr");
    writeFileSync(file, formatHypergraph(patterns));
    const asked = ["-h", file, "-k", String(numChiplets), "-e", "0", "-o", "km1", "--seed", String(SEED)];
    const { status, error } = spawnSync(program, [...asked, ...args], { encoding: "utf8", cwd: folder });
    if (error) return undefined;
    if (status !== 0) throw new Error(`${program} ended with exit code ${status ?? "none"}`);
    const written = readdirSync(folder).find((name) => name.includes(`.part${numChiplets}`));
    if (written === undefined) throw new Error(`${program} wrote no partition`);
    return blocksIn(join(folder, written));
  };
}

function blocksIn(file: string): number[] {
  const blocks = readFileSync(file, "utf8").trim().split(/\s+/).map(Number);
  rmSync(file);
  return blocks;
}

/** Moves the experts that lose the least co-activation from chiplets above their slots to those below. */
function withEqualSlots(
  { patterns, numExperts, numChiplets, slotsPerChiplet }: PlacementProblem,
  blocks: readonly number[],
): number[] {
  const { pairs } = countCoactivation(patterns);
  const chipletOf = [...blocks];
  const sizeOf = (chiplet: number) => chipletOf.filter((own) => own === chiplet).length;
  const pull = (expert: number, chiplet: number) =>
    sum(chipletOf.map((own, other) => (own === chiplet ? pairs[expert * numExperts + other] : 0)));
  for (;;) {
    const sizes = Array.from({ length: numChiplets }, (_, chiplet) => sizeOf(chiplet));
    const over = sizes.findIndex((size) => size > slotsPerChiplet);
    if (over < 0) return chipletOf;
    let best = { gain: -Infinity, expert: -1, to: -1 };
    chipletOf.forEach((own, expert) => {
      if (own !== over) return;
      sizes.forEach((size, to) => {
        const gain = pull(expert, to) - pull(expert, over);
        if (size < slotsPerChiplet && gain > best.gain) best = { gain, expert, to };
      });
    });
    chipletOf[best.expert] = best.to;
  }
}
