/**
 * `npm run bench:time`: modelled time of a step, the default placement against contiguous and every other row, on seven traces
 * and nine machines: learned and held out, with what is proved.
 *
 * Many minutes of processor time. The wafers of the paper differ in little, so means over kinds of machines are told beside those over all pairs.
 *
 * `-- --tokens N` takes the first N tokens of every layer at most, `--layers N` so many layers,
 * `--traces law,qwen3` and `--machines h100-8x8,ucie-a-hbm3` these alone, `--workload decode` what is not the
 * default of a machine, `--seed N` another seed; all are said in the output. `--pairs FILE` writes every pair
 * to a file as it is done, a line of JSON each, and does not run again what the file has; `--limit N` measures so many others
 * at most, and `--known` none.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { chooseObjective } from "../lib/flows/choose-objective.js";
import { differentSolvers } from "../lib/flows/compare.js";
import { evaluatePlacement } from "../lib/flows/evaluate.js";
import { timeOfPlacement } from "../lib/flows/step-time.js";
import { placeTrace } from "../lib/flows/place.js";
import { poseFor, poseLayer, type PosingOptions } from "../lib/flows/pose.js";
import type { Machine } from "../lib/hardware/machine.js";
import { findHardware } from "../lib/hardware/presets.js";
import { PHASES } from "../lib/hardware/workload.js";
import type { Placement } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { largest, mean } from "../lib/statistics.js";
import { splitParts } from "../lib/trace/holdout.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { machine as machineNamed } from "../program/machine.js";
import { requireSolver, solvers } from "../solvers/index.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { realTrace } from "./real-traces.js";

const { values } = parseArgs({
  options: {
    tokens: { type: "string", default: "Infinity" },
    layers: { type: "string", default: "2" },
    traces: { type: "string" },
    machines: { type: "string" },
    workload: { type: "string" },
    seed: { type: "string", default: "1" },
    limit: { type: "string", default: "Infinity" },
    pairs: { type: "string" },
    known: { type: "boolean", default: false },
  },
});
const [mostTokens, numLayers, seed, limit] = [
  values.tokens,
  values.layers,
  values.seed,
  values.known ? "0" : values.limit,
].map(Number);

/**
 * Traces, the models whose sizes they have, how many GPUs serve them, and tokens that are enough: those of synthetic ones are
 * all of a kind, while 400 tokens held out of the prompts of gpt-oss are one or two prompts, which nothing before them tells of.
 */
const TRACES = [
  { name: "law", file: "esft-dsv2lite-law", model: "deepseek-v2-lite", numGpus: 16, tokens: 2400 },
  { name: "gpt-oss", file: "gptoss20b-fingerprint", model: "gpt-oss-20b", numGpus: 16, tokens: 12_000 },
  { name: "qwen3 (synthetic)", file: undefined, model: "qwen3-30b-a3b", numGpus: 32, tokens: 1200 },
  {
    name: "translation",
    file: "esft-dsv2lite-translation",
    model: "deepseek-v2-lite",
    numGpus: 16,
    tokens: 2400,
  },
  { name: "deepseek-v3 (synthetic)", file: undefined, model: "deepseek-v3", numGpus: 64, tokens: 1200 },
  { name: "intent", file: "esft-dsv2lite-intent", model: "deepseek-v2-lite", numGpus: 16, tokens: 2400 },
  { name: "summary", file: "esft-dsv2lite-summary", model: "deepseek-v2-lite", numGpus: 16, tokens: 2400 },
] as const;
const MACHINES = [
  "mozart-deepseek",
  "h100-8x8",
  "ucie-a-hbm3",
  "gb200-nvl72",
  "mozart-deepseek-calibrated",
  "mozart-qwen3",
  "mozart-olmoe",
  "mozart-qwen3-calibrated",
  "mozart-olmoe-calibrated",
];
const HOLDOUT = 0.25;

/** Times of one pair, in ns. */
interface Pair {
  readonly trace: string;
  readonly machine: string;
  readonly workload: string;
  /** Default 1. */
  readonly seed?: number;
  /** Of which it was measured. */
  readonly commit: string;
  readonly learned: Times;
  readonly heldOut: Times;
  readonly atLeastNs: number;
}

interface Times {
  readonly own: number;
  readonly contiguous: number;
  /** The best of the other rows. */
  readonly rival: number;
}

console.log(
  `The first tokens (${TRACES.map(({ name, tokens }) => `${name} ${Math.min(tokens, mostTokens)}`).join(", ")}) ` +
    `of the first ${numLayers} layers, the last ${100 * HOLDOUT} % held out; ` +
    `rivals are the other rows of compare, and auto for fewer copies. ${values.workload ?? "Training on wafers, prefill on GPUs"}` +
    `${seed === 1 ? "" : `, seed ${seed}`}.\n`,
);
console.log(
  "| trace | machine | contiguous | default | against it | best rival | held out, against contiguous | proved gap |",
);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
const pairs: Pair[] = [];
const traces = new Map<string, RoutingTrace | undefined>();
const rivalsByKey = new Map<string, Placement[]>();
const order = MACHINES.filter(isWanted(values.machines)).flatMap((machine) =>
  TRACES.filter(({ name }) => isWanted(values.traces)(name)).flatMap((trace) =>
    workloadsOf(machine, trace).map((workload) => ({ machine, trace, workload })),
  ),
);
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
const earlier = readPairs();
let numMeasured = 0;
for (const { machine, trace, workload } of order) {
  const posed = await machineFor(machine, trace, workload);
  const known = earlier.find(
    (pair) =>
      pair.trace === trace.name &&
      pair.machine === machine &&
      pair.workload === posed.workload.phase &&
      (pair.seed ?? 1) === seed,
  );
  const pair =
    known ?? (numMeasured < limit ? await measurePair(trace, { name: machine, machine: posed }) : undefined);
  if (pair !== known) numMeasured++;
  if (pair === undefined) continue;
  pairs.push(pair);
  const { learned, heldOut, atLeastNs } = pair;
  const gap = gapOf({ learned, atLeastNs });
  console.log(
    `| ${trace.name} | ${kindOf(pair)} | ${milliseconds(learned.contiguous)} | ${milliseconds(learned.own)} | ` +
      `${change(learned.own, learned.contiguous)} | ${change(learned.rival, learned.contiguous)} | ` +
      `${change(heldOut.own, heldOut.contiguous)} | ${(100 * gap).toFixed(1)} % |`,
  );
}
summarise();

/** The workload asked for, or else the default of the machine, and of many experts on GPUs decode besides, where most serve them. */
function workloadsOf(machine: string, { numGpus }: (typeof TRACES)[number]): (string | undefined)[] {
  const isServed = findHardware(machine)?.tokensStart === "everywhere" && numGpus === 64;
  return values.workload === undefined && isServed ? [undefined, "decode"] : [values.workload];
}

/** A machine, with what it does where that is not what the others do. */
function kindOf({ machine, workload }: Pair): string {
  return values.workload === undefined && workload === "decode" ? `${machine}, decode` : machine;
}

/** Whether a name is one of a list in an option, up to what is in brackets; all are wanted without it. */
function isWanted(list: string | undefined): (name: string) => boolean {
  const wanted = list?.split(",");
  return (name) => wanted?.some((one) => name === one || name.startsWith(`${one} `)) ?? true;
}

function summarise(): void {
  const count = (holds: (pair: Pair) => boolean) => pairs.filter(holds).length;
  const of = pairs.length;
  const fastest = count(
    ({ learned }) => learned.own <= Math.min(learned.rival, learned.contiguous) * (1 + 1e-9),
  );
  const slower = count(({ heldOut }) => heldOut.own > heldOut.contiguous * 1.001);
  const withRoom = pairs.filter(({ learned, atLeastNs }) => atLeastNs <= 0.93 * learned.contiguous);
  const saved = (some: readonly Pair[]) =>
    `${(100 * mean(some.map(({ heldOut }) => 1 - heldOut.own / heldOut.contiguous))).toFixed(1)} %`;
  console.log(`\nFastest of all rows on learned tokens: ${fastest} of ${of}.`);
  console.log(`Slower than contiguous by more than 0.1 % on held-out tokens: ${slower} of ${of}.`);
  console.log(`Faster than contiguous on held-out tokens: ${saved(pairs)} in the mean of all`);
  if (withRoom.length > 0) {
    console.log(
      `and ${saved(withRoom)} in the mean of the ${withRoom.length} where the bound leaves 7 % or more.`,
    );
  }
  console.log(`Proved gap in time: ${(100 * mean(pairs.map(gapOf))).toFixed(1)} % in the mean.`);
  const kind = ({ machine }: Pair) => (machine.startsWith("mozart-") ? "mozart" : machine);
  const byKind = [...new Set(pairs.map(kind))].map((one) => pairs.filter((pair) => kind(pair) === one));
  const overKinds = (of: (pair: Pair) => number) =>
    `${(100 * mean(byKind.map((some) => mean(some.map(of))))).toFixed(1)} %`;
  console.log(
    `With the wafers of the paper as one machine: ${overKinds(({ heldOut }) => 1 - heldOut.own / heldOut.contiguous)} faster held out, ` +
      `gap ${overKinds(gapOf)}.`,
  );
  for (const machine of new Set(pairs.map(kindOf))) {
    const gaps = pairs.filter((pair) => kindOf(pair) === machine).map(gapOf);
    console.log(
      `- ${machine}: ${(100 * mean(gaps)).toFixed(1)} %, at most ${(100 * largest(gaps)).toFixed(1)} %`,
    );
  }
  const commits = new Set(pairs.map((pair) => pair.commit));
  console.log(`Pairs were measured of ${[...commits].join(", ")}.`);
  const { user, system } = process.cpuUsage();
  console.log(`Processor time: ${((user + system) / 6e7).toFixed(1)} minutes.`);
}

/** Pairs of earlier runs. */
function readPairs(): Pair[] {
  if (values.pairs === undefined || !existsSync(values.pairs)) return [];
  const lines = readFileSync(values.pairs, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Pair);
}

/** Measures a pair and keeps it; undefined where its trace is not there. */
async function measurePair(
  trace: (typeof TRACES)[number],
  { name, machine }: { name: string; machine: Required<Machine> },
): Promise<Pair | undefined> {
  if (!traces.has(trace.name)) traces.set(trace.name, await loadTrace(trace));
  const loaded = traces.get(trace.name);
  if (loaded === undefined) return undefined;
  const times = await runPair(loaded, { name: trace.name, machine });
  const pair = { trace: trace.name, machine: name, workload: machine.workload.phase, seed, commit, ...times };
  if (values.pairs !== undefined) appendFileSync(values.pairs, `${JSON.stringify(pair)}\n`);
  return pair;
}

function gapOf({ learned, atLeastNs }: Pick<Pair, "learned" | "atLeastNs">): number {
  return learned.own / atLeastNs - 1;
}

async function loadTrace({
  file,
  model,
  tokens,
}: (typeof TRACES)[number]): Promise<RoutingTrace | undefined> {
  const numTokens = Math.min(tokens, mostTokens);
  const trace =
    file === undefined
      ? synthesizeTrace({ preset: model, tokens: numTokens, layers: numLayers, seed })
      : await realTrace(file);
  return (
    trace && {
      ...trace,
      layers: trace.layers.slice(0, numLayers).map((layer) => {
        const kept = Math.min(numTokens, layer.numTokens);
        return { ...layer, numTokens: kept, experts: layer.experts.slice(0, kept * trace.topK) };
      }),
    }
  );
}

/** A machine as the workload asked for takes it; GPUs as many as serve the model. */
async function machineFor(
  name: string,
  { model, numGpus }: (typeof TRACES)[number],
  workload: string | undefined,
) {
  const phase = PHASES.find((known) => known === workload);
  if (workload !== undefined && phase === undefined) throw new Error(`found no ${workload}`);
  const size = findHardware(name)?.tokensStart === "everywhere" ? { numChiplets: numGpus } : {};
  return machineNamed(name, { model, ...size, ...(phase && { workload: { phase } }) });
}

/** Rows that know nothing of time are the same on machines with as many chiplets and groups, and as much room behind them. */
async function rivalsOf(
  trace: string,
  { numChiplets, numGroups, groupBytes }: PosingOptions,
  place: () => Promise<Placement[]>,
): Promise<Placement[]> {
  const key = JSON.stringify([trace, numChiplets, numGroups, groupBytes]);
  const known = rivalsByKey.get(key) ?? (await place());
  rivalsByKey.set(key, known);
  return known;
}

async function runPair(
  trace: RoutingTrace,
  { name, machine }: { name: string; machine: Machine },
): Promise<Pick<Pair, "learned" | "heldOut" | "atLeastNs">> {
  const { learn, heldOut = learn } = splitParts([trace], HOLDOUT);
  const { minimise } = chooseObjective({}, machine);
  const placementOf = async (solver: string, objective: typeof minimise) => {
    const placed = await placeTrace(learn, {
      posing: poseFor(learn, machine, { objective }),
      solver: requireSolver(solver),
      solverOptions: { ...DEFAULT_SOLVER_OPTIONS, seed },
    });
    if (placed.status !== "placed") throw new Error(`${solver}: ${placed.status}`);
    return placed.placement;
  };
  const problem = poseLayer(learn, learn.layers[0], poseFor(learn, machine, { objective: minimise }));
  const rows = differentSolvers(solvers, problem).filter(({ kind }) => kind === "baseline");
  const own = await placementOf("auto", minimise);
  const rivals = await rivalsOf(name, poseFor(learn, machine), async () => {
    const placed = [await placementOf("auto", "traffic")];
    for (const row of rows) placed.push(await placementOf(row.name, minimise));
    return placed;
  });
  const timesOn = (tokens: RoutingTrace): Times => {
    const [auto, contiguous, ...others] = rivals.map((placement) =>
      timeOfPlacement(tokens, placement, machine),
    );
    return {
      own: timeOfPlacement(tokens, own, machine),
      contiguous,
      rival: Math.min(auto, ...others),
    };
  };
  const bounds = new Map(own.layers.map((layer) => [layer.layer, layer]));
  const { chipletsPerGroup } = machine.hardware;
  const { step } = evaluatePlacement(learn, own, { chipletsPerGroup, machine, bounds });
  return { learned: timesOn(learn), heldOut: timesOn(heldOut), atLeastNs: step?.atLeastNs ?? 0 };
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toPrecision(4)} ms`;
}

function change(after: number, before: number): string {
  const share = 100 * (after / before - 1);
  return `${share > 0 ? "+" : ""}${share.toFixed(1)} %`;
}
