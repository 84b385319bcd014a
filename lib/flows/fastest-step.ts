import type { Chiplets, LayerPlacement } from "../placement/placement.js";
import type { PlacementProblem } from "../placement/problem.js";
import { countTraffic } from "../placement/traffic.js";
import { stepMakespanNs } from "../schedule/schedule-step.js";
import { evenStep } from "./even-step.js";

interface Candidate {
  readonly chiplets: Chiplets;
  readonly cost: number;
}

/** Placements that solvers' answers were chosen from, by layer number; of layers whose solver tells them. */
export type Candidates = Map<number, Readonly<Record<string, Candidate>>>;

/**
 * Chooses what makes the step of all layers fastest, where time is the objective: the layers as answered, each fastest on
 * its own, or those of one candidate of every layer, numbered so that memories work evenly. So no solver whose placements
 * were candidates makes a faster step.
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
  const steps = keepsNumbers ? [...others, layers] : [layers, ...others];
  const numbered = keepsNumbers ? steps : steps.map((step) => evenStep(step, problems));
  // Nothing to choose from, as with a rule's answer: the schedule need not be asked.
  if (numbered.length === 1) return numbered[0];
  const choices = numbered.map((placed) => {
    const traffic = placed.map(({ chiplets }, index) =>
      countTraffic(problems[index].patterns, chiplets, problems[index]),
    );
    return { placed, ns: stepMakespanNs(traffic, machine) };
  });
  return choices.reduce((best, next) => (next.ns < best.ns ? next : best)).placed;
}

/** Steps in which every layer is placed by the same candidate, of those that all layers have. */
function candidateSteps(layers: readonly LayerPlacement[], candidates: Candidates): LayerPlacement[][] {
  const names = Object.keys(candidates.get(layers[0].layer) ?? {});
  return names.flatMap((name) => {
    const step = layers.flatMap((answer): LayerPlacement[] => {
      const candidate = candidates.get(answer.layer)?.[name];
      return candidate === undefined ? [] : [claimOf(answer, candidate)];
    });
    return step.length === layers.length ? [step] : [];
  });
}

/** What is known of a candidate: its cost, and what was proved for every placement of the layer. */
function claimOf(
  { layer, bound, stoppedBy = "budget" }: LayerPlacement,
  { chiplets, cost }: Candidate,
): LayerPlacement {
  return {
    layer,
    status: "feasible",
    chiplets,
    cost,
    ...(bound !== undefined && { bound: Math.min(bound, cost) }),
    stoppedBy: stoppedBy === "proof" ? "budget" : stoppedBy,
  };
}
