import type { Chiplets, LayerPlacement } from "../placement/placement.js";
import type { PlacementProblem } from "../placement/problem.js";
import { countTraffic } from "../placement/traffic.js";
import { stepMakespanNs } from "../schedule/schedule-step.js";
import { mean, smallest } from "../statistics.js";
import type { TokenPatterns } from "../trace/token-patterns.js";
import { chooseFastest } from "./choose-fastest.js";
import { evenStep } from "./even-step.js";

interface Candidate {
  readonly chiplets: Chiplets;
  readonly cost: number;
}

/** Placements that answers were chosen from, by name, by layer number; of layers whose solver tells them. */
export type Candidates = Map<number, Readonly<Record<string, Candidate>>>;

/** Name of the candidate that is fastest with all tokens at once, where another one is in the mean over batches. */
export const WITH_ALL_TOKENS = "with all tokens";

/** Name of the candidate that is fastest by the estimate, where another one is by the schedule of the layer alone. */
export const BY_ESTIMATE = "by the estimate";

/** Candidates that are no row of a comparison. */
const NO_ROWS: ReadonlySet<string | undefined> = new Set([undefined, WITH_ALL_TOKENS, BY_ESTIMATE]);

/** Batches of which the step is scheduled, evenly spread: layers were searched on more. */
const MOST_BATCHES = 8;

/**
 * Chooses what makes the step of all layers fastest, where time is the objective: the layers as answered, each fastest on
 * its own, or those of one candidate of every layer, numbered so that memories work evenly. So no solver whose placements
 * were candidates makes a faster step. Within that it is the mean over batches that decides, where there are some: memories
 * work for all layers, of which each was placed for the batches of its own.
 *
 * Where chiplets keep their numbers, because experts move away from a running placement, that is a candidate of every layer:
 * no step is slower than what runs, and of equally fast ones what runs stays.
 *
 * @param options.problems Those of the layers, in the same order.
 */
export function fastestStep(
  layers: readonly LayerPlacement[],
  {
    problems,
    candidates,
    keepsNumbers,
  }: {
    readonly problems: readonly PlacementProblem[];
    readonly candidates: Candidates;
    readonly keepsNumbers: boolean;
  },
): readonly LayerPlacement[] {
  const [{ objective }] = problems;
  if (objective.minimise !== "time") return layers;
  const { machine } = objective;
  const others = candidateSteps(layers, candidates);
  const answered = { name: undefined, placed: layers };
  const steps = keepsNumbers ? [...others, answered] : [answered, ...others];
  const numbered = keepsNumbers
    ? steps
    : steps.map(({ name, placed }) => ({ name, placed: evenStep(placed, problems) }));
  // Nothing to choose from, as with a rule's answer: the schedule need not be asked.
  if (numbered.length === 1) return numbered[0].placed;
  const stepNs = (
    placed: readonly LayerPlacement[],
    patternsOf: (problem: PlacementProblem) => TokenPatterns,
  ) =>
    stepMakespanNs(
      placed.map(({ chiplets }, index) =>
        countTraffic(patternsOf(problems[index]), chiplets, problems[index]),
      ),
      machine,
    );
  const timed = numbered.map((step) => ({ ...step, ns: stepNs(step.placed, ({ patterns }) => patterns) }));
  const batches = batchesOfStep(problems);
  return chooseFastest(timed, {
    isRow: ({ name }) => !NO_ROWS.has(name),
    ns: ({ ns }) => ns,
    batchNs: ({ placed }) =>
      batches.length === 0
        ? 0
        : mean(batches.map((batch) => stepNs(placed, (problem) => problem.batches[batch]))),
  }).placed;
}

/** Numbers of batches that all layers have, a few of them. */
function batchesOfStep(problems: readonly PlacementProblem[]): number[] {
  const numBatches = smallest(problems.map(({ batches }) => batches.length));
  const count = Math.min(MOST_BATCHES, numBatches);
  return Array.from({ length: count }, (_, index) => Math.floor((index * numBatches) / count));
}

/** Steps in which every layer is placed by the same candidate, of those that all layers have. */
function candidateSteps(
  layers: readonly LayerPlacement[],
  candidates: Candidates,
): { readonly name: string; readonly placed: readonly LayerPlacement[] }[] {
  const names = Object.keys(candidates.get(layers[0].layer) ?? {});
  return names.flatMap((name) => {
    const step = layers.flatMap((answer): LayerPlacement[] => {
      const candidate = candidates.get(answer.layer)?.[name];
      return candidate === undefined ? [] : [claimOf(answer, candidate)];
    });
    return step.length === layers.length ? [{ name, placed: step }] : [];
  });
}

/** What is known of a candidate: its cost, and what was proved for every placement of the layer. */
export function claimOf(
  { layer, bound, peaks, stoppedBy = "budget" }: LayerPlacement,
  { chiplets, cost }: Candidate,
): LayerPlacement {
  return {
    layer,
    status: "feasible",
    chiplets,
    cost,
    ...(bound !== undefined && { bound: Math.min(bound, cost) }),
    ...(peaks && { peaks }),
    stoppedBy: stoppedBy === "proof" ? "budget" : stoppedBy,
  };
}
