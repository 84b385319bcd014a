import type { Chiplets, Solution, StoppedBy } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { Solver, SolverOptions, SolverProgress } from "../../lib/placement/solver.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { completePlacement, finish } from "../constraints/complete-placement.js";
import { evenly } from "../constraints/even-slots.js";
import { contiguous } from "../contiguous.js";
import { eplbGlobal } from "../eplb.js";
import { refutingLimits } from "../constraints/refuting-limits.js";
import { keepingRouterGroups } from "../groups/router-groups.js";
import { mozart } from "../mozart.js";
import { replicateQuickly } from "../replicas/replicate.js";
import { louvain } from "../louvain.js";
import { placeEvenly } from "./balance.js";
import { estimatedTime } from "./modelled-time.js";
import { largest, sum } from "../../lib/statistics.js";

/** For the integer programme that a rule may need to respect all limits, and for placing replicas. */
export const QUICK_MS = 300;

/** What is known when a solver is cut off. */
export interface CutOff {
  /** What it told of last, if anything. */
  readonly best: SolverProgress | undefined;
  readonly options: SolverOptions;
  readonly stoppedBy: StoppedBy;
}

/**
 * Answers at once in place of a solver that was cut off: with the best it had told of or what rules place, whichever
 * has more of the replicas allowed, and then less of what the problem minimises.
 *
 * A layer that was not begun before an interrupt gets communities too, which take a tenth of a second.
 */
export async function quickAnswer(
  problem: PlacementProblem,
  { best, options, stoppedBy }: CutOff,
): Promise<Solution> {
  const rules = stoppedBy === "interrupt" && !best ? [eplbGlobal, mozart, louvain] : [eplbGlobal, mozart];
  const byRules: Solver = {
    ...contiguous,
    solve: (posed, given) => placeByRules(posed, { ...given, rules, stoppedBy }),
  };
  // Rules know nothing of what the numbers of experts and chiplets have to keep.
  const answer = await keepingRouterGroups(evenly(refutingLimits(byRules))).solve(problem, {
    ...options,
    timeLimitMs: QUICK_MS,
  });
  if (answer.status === "infeasible") return answer;
  // What a solver tells of on its way need not respect what it is to respect in the end.
  const isSound = best && verifyChiplets(problem, best.chiplets).length === 0;
  const chosen = bestAnswer(
    problem,
    isSound ? [{ status: "feasible", ...best, stoppedBy }, answer] : [answer],
  );
  return chosen && "chiplets" in chosen
    ? { ...chosen, status: "feasible", stoppedBy }
    : { status: "undecided", stoppedBy };
}

/** The best of what rules place, and swaps that even loads where these have a cap. */
async function placeByRules(
  problem: PlacementProblem,
  {
    rules,
    stoppedBy,
    ...options
  }: SolverOptions & { readonly rules: readonly Solver[] } & Pick<CutOff, "stoppedBy">,
): Promise<Solution> {
  const { numReplicas, limits } = problem;
  const isCapped = limits.chipletLoad < Infinity;
  // To repair loads by an integer programme takes longer than to even them.
  const uncapped = { ...problem, limits: { ...limits, chipletLoad: Infinity } };
  const answers = await Promise.all([contiguous, ...rules].map((rule) => rule.solve(uncapped, options)));
  const proof = answers.find(({ status }) => status === "infeasible");
  if (proof) return proof;
  if (numReplicas > 0) {
    const chiplets = replicateQuickly(problem, { seed: options.seed, timeLimitMs: QUICK_MS });
    answers.push(await completePlacement(problem, chiplets, { ...options, stoppedBy }));
  } else if (isCapped) {
    const even = await placeEvenly(uncapped, options);
    if (even instanceof Uint16Array) answers.push(await finish(problem, even, { ...options, stoppedBy }));
  }
  const sound = answers.filter(
    (answer) => "chiplets" in answer && (!isCapped || verifyChiplets(problem, answer.chiplets).length === 0),
  );
  return (
    bestAnswer(problem, sound) ??
    (isCapped ? contiguous.solve(problem, options) : { status: "undecided", stoppedBy })
  );
}

/** The one with most of the replicas allowed, and then least of what the problem minimises; undefined of none. */
export function bestAnswer(problem: PlacementProblem, answers: readonly Solution[]): Solution | undefined {
  const judged = answers
    .filter((answer) => "chiplets" in answer)
    .map((answer) => ({
      answer,
      replicas: answer.chiplets.flat().length,
      cost: costOf(problem, answer.chiplets),
    }));
  if (judged.length === 0) return undefined;
  return judged.reduce((least, next) =>
    next.replicas > least.replicas || (next.replicas === least.replicas && next.cost < least.cost)
      ? next
      : least,
  ).answer;
}

/** What the problem minimises. */
function costOf(problem: PlacementProblem, chiplets: Chiplets): number {
  const { patterns, objective } = problem;
  const traffic = countTraffic(patterns, chiplets, problem);
  if (objective.minimise === "time") return estimatedTime(problem)(traffic);
  const { chipletLoad, chipletTokens } = traffic;
  return objective.minimise === "load" ? largest(chipletLoad) : sum(chipletTokens);
}
