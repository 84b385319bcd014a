import type { Chiplets, Solution, StoppedBy } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions, SolverProgress } from "../../lib/placement/solver.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { completePlacement } from "../constraints/complete-placement.js";
import { contiguous } from "../contiguous.js";
import { eplbGlobal } from "../eplb.js";
import { mozart } from "../mozart.js";
import { replicateQuickly } from "../replicas/replicate.js";
import { louvain } from "../louvain.js";
import { estimatedTime } from "./time.js";
import { largest, sum } from "../../lib/statistics.js";

/** For the integer programme that a rule may need to respect all limits, and for placing replicas. */
const QUICK_MS = 300;

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
  const quick = { ...options, timeLimitMs: QUICK_MS };
  const first = await contiguous.solve(problem, quick);
  if (first.status === "infeasible") return first;
  const rules = stoppedBy === "interrupt" && !best ? [eplbGlobal, mozart, louvain] : [eplbGlobal, mozart];
  const answers = [first, ...(await Promise.all(rules.map((rule) => rule.solve(problem, quick))))];
  if (problem.numReplicas > 0) {
    const chiplets = replicateQuickly(problem, { seed: options.seed, timeLimitMs: QUICK_MS });
    answers.push(await completePlacement(problem, chiplets, { ...quick, stoppedBy }));
  }
  const placed = answers.filter((answer) => "chiplets" in answer);
  // What a solver tells of on its way need not respect what it is to respect in the end.
  if (best && verifyChiplets(problem, best.chiplets).length === 0) {
    placed.unshift({ status: "feasible", ...best, stoppedBy });
  }
  if (placed.length === 0) return { status: "undecided", stoppedBy };
  const judged = placed.map((answer) => ({
    answer,
    replicas: answer.chiplets.flat().length,
    cost: costOf(problem, answer.chiplets),
  }));
  const chosen = judged.reduce((least, next) =>
    next.replicas > least.replicas || (next.replicas === least.replicas && next.cost < least.cost)
      ? next
      : least,
  );
  return { ...chosen.answer, status: "feasible", stoppedBy };
}

/** What the problem minimises. */
function costOf(problem: PlacementProblem, chiplets: Chiplets): number {
  const { patterns, objective } = problem;
  const traffic = countTraffic(patterns, chiplets, problem);
  if (objective.minimise === "time") return estimatedTime(problem)(traffic);
  const { chipletLoad, chipletTokens } = traffic;
  return objective.minimise === "load" ? largest(chipletLoad) : sum(chipletTokens);
}
