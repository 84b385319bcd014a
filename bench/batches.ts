/**
 * `npm run bench:batches`: the mean time of a step over batches of held-out tokens, searched for as such and searched for on all tokens
 * at once, against contiguous.
 *
 * Batches are consecutive tokens, as many as a step takes. `-- --layers N` takes so many layers, evenly spread; `--holdout` another share.
 */
import { parseArgs } from "node:util";
import { measureBatches, pairedGain, type MeasuredBatches } from "../lib/flows/batches.js";
import { placeTrace } from "../lib/flows/place.js";
import { poseFor } from "../lib/flows/pose.js";
import { timeOfPlacement } from "../lib/flows/step-time.js";
import type { Phase } from "../lib/hardware/workload.js";
import type { Placement } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../lib/placement/solver.js";
import { splitParts } from "../lib/trace/holdout.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { machine as machineNamed } from "../program/machine.js";
import { requireSolver } from "../solvers/index.js";
import { realTrace } from "./real-traces.js";

const { values } = parseArgs({
  options: { layers: { type: "string", default: "6" }, holdout: { type: "string", default: "0.35" } },
});
const [numLayers, holdout] = [values.layers, values.holdout].map(Number);

const ESFT = ["law", "translation", "summary", "intent"].map((task) => `esft-dsv2lite-${task}`);
const GPT_OSS = ["gptoss20b-fingerprint"];
const MIXTRAL = ["coding", "math", "writing"].map((task) => `mixtral8x7b-${task}`);

interface Case {
  readonly files: readonly string[];
  readonly model: string;
  readonly machine: string;
  readonly numChiplets: number;
  readonly phase: Phase;
  readonly tokensPerChiplet: number;
  readonly numReplicas?: number;
}

const gptOss = { files: GPT_OSS, model: "gpt-oss-20b" };
const esft = { files: ESFT, model: "deepseek-v2-lite" };
const CASES: readonly Case[] = [
  { ...gptOss, machine: "h100-8x8", numChiplets: 8, phase: "decode", tokensPerChiplet: 64 },
  { ...gptOss, machine: "h100-8x8", numChiplets: 8, phase: "decode", tokensPerChiplet: 128 },
  { ...gptOss, machine: "h100-8x8", numChiplets: 8, phase: "decode", tokensPerChiplet: 128, numReplicas: 8 },
  { ...gptOss, machine: "gb200-nvl72", numChiplets: 16, phase: "decode", tokensPerChiplet: 64 },
  { ...gptOss, machine: "h100-8x8", numChiplets: 8, phase: "prefill", tokensPerChiplet: 512 },
  { ...gptOss, machine: "mozart-qwen3", numChiplets: 16, phase: "train", tokensPerChiplet: 256 },
  { ...esft, machine: "h100-8x8", numChiplets: 16, phase: "decode", tokensPerChiplet: 64 },
  { ...esft, machine: "h100-8x8", numChiplets: 16, phase: "decode", tokensPerChiplet: 128 },
  { ...esft, machine: "h100-8x8", numChiplets: 16, phase: "prefill", tokensPerChiplet: 128 },
  { ...esft, machine: "ucie-a-hbm3", numChiplets: 16, phase: "train", tokensPerChiplet: 128 },
  {
    files: MIXTRAL,
    model: "mixtral-8x7b",
    machine: "h100-8x8",
    numChiplets: 4,
    phase: "decode",
    tokensPerChiplet: 128,
  },
];

console.log(
  `${numLayers} layers; the last ${100 * holdout} % of every file are held out. In percent less time than contiguous, in the mean over batches of ` +
    `held-out tokens, with twice its standard error; in brackets with all tokens at once.\n`,
);
console.log(
  "| traces | machine | workload | tokens a batch | searched on all tokens | searched on batches |",
);
console.log("| --- | --- | --- | ---: | ---: | ---: |");
const loaded = new Map<string, RoutingTrace | undefined>();
for (const one of CASES) {
  const parts: RoutingTrace[] = [];
  for (const file of one.files) {
    if (!loaded.has(file)) loaded.set(file, await realTrace(file));
    const trace = loaded.get(file);
    if (trace) parts.push(someLayers(trace));
  }
  if (parts.length === one.files.length) console.log(await rowOf(one, parts));
}

async function rowOf(one: Case, parts: readonly RoutingTrace[]): Promise<string> {
  const { learn, heldOut = learn } = splitParts(parts, holdout);
  const { model, numChiplets, phase, tokensPerChiplet } = one;
  const machine = await machineNamed(one.machine, {
    model,
    numChiplets,
    workload: { phase, tokensPerChiplet },
  });
  const placed = async (solver: Solver) => {
    const outcome = await placeTrace(learn, {
      posing: poseFor(learn, machine, { objective: "time", numReplicas: one.numReplicas }),
      solver,
      solverOptions: DEFAULT_SOLVER_OPTIONS,
    });
    if (outcome.status !== "placed") throw new Error(`${solver.name}: ${outcome.status}`);
    return outcome.placement;
  };
  const auto = requireSolver("auto");
  const onAllTokens: Solver = {
    ...auto,
    solve: (problem, options) => auto.solve({ ...problem, batches: [] }, options),
  };
  const measured = (placement: Placement) => ({
    batches: measureBatches(heldOut, placement, machine),
    ns: timeOfPlacement(heldOut, placement, machine),
  });
  const contiguous = measured(await placed(requireSolver("contiguous")));
  const cells: string[] = [];
  for (const solver of [onAllTokens, auto]) {
    const { batches, ns } = measured(await placed(solver));
    const { gain, noise } = pairedGain(timesOf(contiguous.batches), timesOf(batches));
    cells.push(`${percent(gain)} ± ${percent(noise)} (${percent(1 - ns / contiguous.ns)})`);
  }
  const { files, machine: preset, numReplicas = 0 } = one;
  const replicas = numReplicas > 0 ? `, ${numReplicas} replicas` : "";
  return `| ${nameOf(files)} | ${numChiplets} of ${preset} | ${phase}${replicas} | ${contiguous.batches.tokens} | ${cells.join(" | ")} |`;
}

function timesOf({ each }: MeasuredBatches): number[] {
  return each.flatMap(({ stepNs }) => stepNs ?? []);
}

function someLayers(trace: RoutingTrace): RoutingTrace {
  const { layers } = trace;
  const count = Math.min(numLayers, layers.length);
  return {
    ...trace,
    layers: Array.from({ length: count }, (_, at) => layers[Math.floor((at * layers.length) / count)]),
  };
}

/** What files have in common, and how many there are. */
function nameOf(files: readonly string[]): string {
  return files.length === 1 ? files[0] : `${files[0].replace(/-[a-z]+$/, "")}, ${files.length} tasks`;
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}
