/**
 * `npm run bench:swaps`: what a swap search from outside, on the clock itself, still finds from the placement that is made for the
 * least time of a layer.
 *
 * 60 seconds of processor time a pair of trace and machine: `-- --seconds N` takes others, `--moves N` so many moves instead, which
 * are the same on any machine, `--pairs 1,4` those rows alone, `--seed N` another seed. Placements are
 * verified, and their times told again from all tokens, before they count. More than 0.2 % would be too much. Where a trace has
 * batches as large as a step, placements are made for the mean over them: the last column says what was found comes to there.
 */
import { parseArgs } from "node:util";
import { placeTrace } from "../lib/flows/place.js";
import { poseFor, poseLayer } from "../lib/flows/pose.js";
import type { Phase } from "../lib/hardware/workload.js";
import type { Chiplets } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { createRandom } from "../lib/random.js";
import { stepMakespanNs } from "../lib/schedule/schedule-step.js";
import { mean } from "../lib/statistics.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { machine as machineNamed } from "../program/machine.js";
import { requireSolver } from "../solvers/index.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { searchOutside } from "./outside-swaps.js";
import { realTrace } from "./real-traces.js";
import { row } from "./table.js";

interface Pair {
  /** A file of traces, or undefined for synthetic tokens of the model. */
  readonly file?: string;
  readonly layer: number;
  readonly model: string;
  readonly hardware: string;
  /** As many as the machine has unless told. */
  readonly numChiplets?: number;
  readonly phase: Phase;
}

const LITE = "deepseek-v2-lite";
const PAIRS: readonly Pair[] = [
  {
    file: "esft-dsv2lite-law",
    layer: 9,
    model: LITE,
    hardware: "mozart-deepseek-calibrated",
    phase: "train",
  },
  { file: "esft-dsv2lite-translation", layer: 5, model: LITE, hardware: "mozart-deepseek", phase: "train" },
  { file: "esft-dsv2lite-intent", layer: 14, model: LITE, hardware: "mozart-olmoe", phase: "train" },
  { file: "gptoss20b-fingerprint", layer: 12, model: "gpt-oss-20b", hardware: "ucie-a-hbm3", phase: "train" },
  { layer: 0, model: "qwen3-30b-a3b", hardware: "ucie-a-hbm3", phase: "train" },
  {
    file: "esft-dsv2lite-law",
    layer: 17,
    model: LITE,
    hardware: "h100-8x8",
    numChiplets: 16,
    phase: "prefill",
  },
  {
    file: "esft-dsv2lite-translation",
    layer: 9,
    model: LITE,
    hardware: "h100-8x8",
    numChiplets: 16,
    phase: "prefill",
  },
  {
    file: "esft-dsv2lite-law",
    layer: 17,
    model: LITE,
    hardware: "h100-8x8",
    numChiplets: 16,
    phase: "decode",
  },
  {
    file: "gptoss20b-fingerprint",
    layer: 3,
    model: "gpt-oss-20b",
    hardware: "gb200-nvl72",
    numChiplets: 16,
    phase: "prefill",
  },
  { layer: 0, model: "deepseek-v3", hardware: "h100-8x8", numChiplets: 64, phase: "prefill" },
  { layer: 0, model: "deepseek-v3", hardware: "h100-8x8", numChiplets: 64, phase: "decode" },
  { layer: 0, model: "deepseek-v3", hardware: "gb200-nvl72", numChiplets: 64, phase: "prefill" },
];
/** Of synthetic traces. */
const TOKENS = 8000;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    moves: { type: "string" },
    pairs: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed);
const wanted = values.pairs?.split(",").map(Number);
const budget = values.moves === undefined ? `${values.seconds} s of processor time` : `${values.moves} moves`;
console.log(
  `All tokens of one layer, ${TOKENS} synthetic ones; ${budget} each, seed ${seed}, from the default placement.\n`,
);
row(
  "",
  "trace, layer",
  "machine",
  "step",
  "contiguous, ms",
  "default, ms",
  "moves",
  "found less by",
  "over batches",
);
row("---:", "---", "---", "---", "---:", "---:", "---:", "---:", "---:");
const gains: number[] = [];
for (const [index, pair] of PAIRS.entries()) {
  if (wanted !== undefined && !wanted.includes(index + 1)) continue;
  const trace = await layerOf(pair);
  if (trace === undefined) continue;
  const { contiguousNs, ownNs, found, batchGain } = await searchPair(trace, pair);
  const gain = 1 - found.ns / ownNs;
  gains.push(gain);
  const ms = (ns: number) => (ns / 1e6).toPrecision(5);
  const name = `${pair.file ?? `${pair.model} (synthetic)`}, ${pair.layer}`;
  row(
    `${index + 1}`,
    name,
    pair.hardware,
    pair.phase,
    ms(contiguousNs),
    ms(ownNs),
    `${found.moves}`,
    percent(gain),
    batchGain === undefined ? "" : percent(batchGain),
  );
}
if (gains.length > 0) {
  const above = gains.filter((gain) => gain > 0.002).length;
  console.log(
    `\nMore than 0.2 % was found in ${above} of ${gains.length}, ${percent(mean(gains))} in the mean, ${percent(Math.max(...gains))} at most.`,
  );
}

/** What is placed by default, and what the search makes of it. */
async function searchPair(trace: RoutingTrace, pair: Pair) {
  const { hardware, model, numChiplets, phase } = pair;
  const machine = await machineNamed(hardware, {
    model,
    ...(numChiplets !== undefined && { numChiplets }),
    workload: { phase },
  });
  const posing = poseFor(trace, machine, { objective: "time" });
  const placedBy = async (solver: string) => {
    const placed = await placeTrace(trace, {
      posing,
      solver: requireSolver(solver),
      solverOptions: { ...DEFAULT_SOLVER_OPTIONS, seed },
    });
    if (placed.status !== "placed") throw new Error(`${solver}: ${placed.status}`);
    return placed.placement.layers[0].chiplets;
  };
  const problem = poseLayer(trace, trace.layers[0], posing);
  const { patterns, batches, chipletsPerGroup } = problem;
  const clock = (traffic: Parameters<typeof stepMakespanNs>[0][number]) => stepMakespanNs([traffic], machine);
  const timeOf = (chiplets: Chiplets, counted = patterns) =>
    clock(countTraffic(counted, chiplets, { chipletsPerGroup }));
  const own = await placedBy("auto");
  const begun = processorSeconds();
  const found = searchOutside(patterns, own, {
    chipletsPerGroup,
    clock,
    random: createRandom(seed, pair.layer),
    spent: (moves) =>
      values.moves === undefined
        ? (processorSeconds() - begun) / Number(values.seconds)
        : moves / Number(values.moves),
  });
  const violations = verifyChiplets(problem, found.chiplets);
  if (violations.length > 0) throw new Error(violations.join("; "));
  const again = timeOf(found.chiplets);
  if (Math.abs(again / found.ns - 1) > 1e-9) throw new Error(`counted ${found.ns} ns, and again ${again} ns`);
  const batchNs = (chiplets: Chiplets) => mean(batches.map((batch) => timeOf(chiplets, batch)));
  const batchGain = batches.length === 0 ? undefined : 1 - batchNs(found.chiplets) / batchNs(own);
  return { contiguousNs: timeOf(await placedBy("contiguous")), ownNs: timeOf(own), found, batchGain };
}

async function layerOf({ file, layer, model }: Pair): Promise<RoutingTrace | undefined> {
  if (file === undefined) return synthesizeTrace({ preset: model, tokens: TOKENS, layers: 1, seed });
  const trace = await realTrace(file);
  return trace && { ...trace, layers: trace.layers.filter((one) => one.layer === layer) };
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
