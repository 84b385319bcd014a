import { counted } from "../counted.js";
import { compareSolvers, type ComparedSolver } from "../flows/compare.js";
import {
  beforeAfter,
  measurePlacement,
  NEXT_TO_NOTHING,
  type BeforeAfter,
  type PlacementFigures,
  type ReplicaCost,
  type WorthOptions,
} from "../flows/worth.js";
import type { Binding } from "../schedule/binding.js";
import type { SplitTrace } from "../trace/holdout.js";
import type { TableText } from "./table.js";
import { formatEnergy, formatTime, fourDigits } from "./format-time.js";
import { answerRow, knownObjective, type ObjectiveName } from "./judged.js";
import { placedSolvers } from "./layer-view.js";

/**
 * What the answer of a comparison is worth instead of the contiguous placement; undefined where either is missing, or both
 * are the same.
 */
export function comparedWorth(
  solvers: readonly ComparedSolver[],
  split: SplitTrace,
  options: WorthOptions & { readonly objective: ObjectiveName },
): BeforeAfter | undefined {
  const rows = compareSolvers(solvers);
  const answer = answerRow(rows, knownObjective(rows, options.objective));
  const placed = placedSolvers(solvers);
  const before = placed.find(({ name }) => name === "contiguous");
  const after = placed.find(({ name }) => name === answer?.solver);
  if (before === undefined || after === undefined || before === after) return undefined;
  const [from, to] = [before, after].map(({ answer: known }) =>
    measurePlacement(known.placement, split, options.machine, known),
  );
  return beforeAfter(from, to, options);
}

/** A placement before and after, a figure a row. */
export function beforeAfterTable(
  { before, after }: BeforeAfter,
  beforeName: string,
  afterName = "this placement",
): TableText {
  const row = (name: string, textOf: (figures: PlacementFigures) => string) => [
    name,
    textOf(before),
    textOf(after),
  ];
  const timed =
    (valueOf: (figures: PlacementFigures) => number | null, format: (value: number) => string) =>
    (figures: PlacementFigures) => {
      const value = valueOf(figures);
      return value === null ? "" : format(value);
    };
  const { count, tokens, stepTokens } = after.batches;
  // Of a trace too short for batches of a step, smaller ones, which are less even.
  const size =
    tokens < stepTokens ? `, ${tokens} of a step's ${stepTokens} tokens` : ` of ${counted(tokens, "token")}`;
  const ofBatches = `  of ${counted(count, "batch")}${size}: mean, 95 %`;
  const cells = [
    row("C_T, chiplets a token visits", ({ tokenReplication }) => tokenReplication.toFixed(3)),
    row("C_G, chiplet groups", ({ groupReplication }) => groupReplication.toFixed(3)),
    row("largest load of a chiplet", ({ loadMaxOverMean }) => loadMaxOverMean.toFixed(2)),
    row(ofBatches, ({ batches: { loadMaxOverMean } }) => spread(loadMaxOverMean, (load) => load.toFixed(2))),
    row("largest load of a chiplet group", ({ groupLoadMaxOverMean }) => groupLoadMaxOverMean.toFixed(2)),
    row(
      "time of a step",
      timed(({ stepNs }) => stepNs, formatTime),
    ),
    row(ofBatches, ({ batches: { stepNs } }) => (stepNs ? spread(stepNs, formatTime) : "")),
    row(
      "energy of a step",
      timed(({ stepPj }) => stepPj, formatEnergy),
    ),
    row("what binds", ({ binds }) =>
      binds ? `${binds.name}, at work ${wholePercent(binds.busyShare)}` : "",
    ),
  ];
  return {
    headers: ["", beforeName, afterName],
    cells: cells.filter(([, from, to]) => from !== "" || to !== ""),
  };
}

function spread({ mean, p95 }: { mean: number; p95: number }, format: (value: number) => string): string {
  return `${format(mean)}, ${format(p95)}`;
}

/**
 * Whether a placement is worth it, for people: times, tokens a second, what binds, what replicas cost, and why. Undefined
 * where no time is known.
 */
export function worthSentence(change: BeforeAfter, beforeName: string): string | undefined {
  const { before, after, worth } = change;
  if (worth === null || before.stepNs === null || after.stepNs === null) return undefined;
  const { binds, replicas } = after;
  const rate = ({ tokensPerSecond }: PlacementFigures) =>
    Math.round(tokensPerSecond ?? 0).toLocaleString("en-US");
  const bound =
    binds === null
      ? ""
      : `; what binds is ${describeBinding(binds)}` +
        (binds.isFloor ? ", and it is proved that no placement makes it 1 % shorter" : "");
  return (
    `A step takes ${fourDigits(before.stepNs)} with ${beforeName}, ${fourDigits(after.stepNs)} with this placement; ` +
    `${rate(before)} tokens/s a chiplet become ${rate(after)}${bound}.` +
    `${replicas ? ` ${describeReplicaCost(replicas)}` : ""} ${verdictSentence(change)}`
  );
}

/** What binds a step, and for how much of it: where that is not nearly all, it waits for others in between. */
export function describeBinding({ name, busyShare }: Binding): string {
  const waiting = busyShare < NEARLY_ALL ? " and else waiting for others" : "";
  return `${name}, at work for ${wholePercent(busyShare)} of the step${waiting}`;
}

function wholePercent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** Share of a step beyond which nothing is said to wait. */
const NEARLY_ALL = 0.9;

/** The memory that replicas cost, for people. */
function describeReplicaCost({ perLayer, bytesPerChiplet, kvTokens }: ReplicaCost): string {
  const size = `${(bytesPerChiplet / 1e9).toPrecision(3)} GB`;
  const tokens = kvTokens.toLocaleString("en-US");
  return `${counted(Number(perLayer.toFixed(1)), "replica")} a layer take ${size} of every chiplet's memory, or the keys and values of ${tokens} tokens.`;
}

/** Whether a placement is worth it, and why, for people; undefined where no time is known. */
export function verdictSentence({ before, after, worth }: BeforeAfter): string | undefined {
  if (worth === null) return undefined;
  const { verdict, gain, noise, batchGain, draws, agreeing } = worth;
  const { tokens, stepTokens } = after.batches;
  // Of batches as large as a step the mean is what steps take.
  const inBatches =
    tokens === stepTokens && gain !== 0 ? `, ${changed(batchGain)} in the mean of batches` : "";
  const change = `${changed(gain)} time`;
  const held = `${agreeing} of ${draws} draws of the machine's constants within their trust`;
  const batches = `the noise of batches, ${percent(noise)}`;
  if (verdict === "worth it")
    return `Worth it: ${change}${inBatches}, above ${batches}, and so in ${held}${describeTail(before, after)}.`;
  if (verdict === "slower") return `Slower: ${change}${inBatches}, beyond ${batches}, and so in ${held}.`;
  if (gain === 0) return "Not worth it: the time is the same.";
  return Math.abs(gain) <= noise
    ? `Not worth it: ${change} is below ${batches}.`
    : Math.abs(gain) <= NEXT_TO_NOTHING
      ? `Not worth it: ${change} is next to nothing.`
      : Math.sign(batchGain) !== Math.sign(gain)
        ? `Not worth it: ${change} on all tokens at once, but ${changed(batchGain)} in the mean of batches.`
        : `Not worth it: ${change}, but so in no more than ${held}.`;
}

/** What a mean hides: that the slowest batches are slower, by more than is next to nothing. */
function describeTail(before: PlacementFigures, after: PlacementFigures): string {
  const [from, to] = [before, after].map(({ batches }) => batches.stepNs?.p95 ?? 0);
  return to > from * (1 + NEXT_TO_NOTHING)
    ? `, but the slowest batches (95 %) take ${percent(to / from - 1)} more`
    : "";
}

function changed(share: number): string {
  return `${percent(Math.abs(share))} ${share < 0 ? "more" : "less"}`;
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %` : "unknown";
}
