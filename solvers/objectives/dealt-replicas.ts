import { ruleOf } from "../../lib/placement/dispatch.js";
import type { Chiplets, StoppedBy } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver } from "../../lib/placement/solver.js";
import { tokenReplicationOf } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { dealTokens, mergeReplicas } from "../replicas/deal-tokens.js";
import { boundReplicas } from "../replicas/replica-bound.js";
import { spreadReplicas } from "../replicas/replicate.js";
import { createJudge, rememberTraffic, type TimeOf } from "./modelled-time.js";
import { askRivals, toldOf } from "./rivals.js";
import { startsEverywhere } from "./time-candidates.js";

/** Tells the random stream of dealing tokens from those of searches. */
const DEALING_STREAM = 980;

/** Options of {@link dealing}. */
export interface DealingOptions {
  /** Solver of the same problems, asked where what was dealt is no placement within all limits. */
  readonly otherwise: Solver;
  /** Solvers whose placements are candidates too, so that the answer is never slower than theirs. */
  readonly rivals: readonly Solver[];
  /** Decides between them. */
  readonly judge: TimeOf;
}

/**
 * Makes a solver of the least time without replicas find one with replicas: experts get them as evening loads asks for, tokens are
 * dealt to them, and the solver places all replicas as experts of their own. The answer is judged as tokens are dispatched.
 */
export function dealing(solver: Solver, { otherwise, rivals, judge }: DealingOptions): Solver {
  return {
    ...otherwise,
    async solve(problem, { start, onProgress, ...options }) {
      const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
      const random = createRandom(options.seed, problem.layer, DEALING_STREAM);
      const spread = spreadReplicas(problem, options);
      const dealt = dealTokens(problem, spread, random);
      const trafficOf = rememberTraffic(problem);
      const candidateOf = (chiplets: Chiplets) => ({
        chiplets,
        cost: tokenReplicationOf(trafficOf(chiplets)),
      });
      const answer = await solver.solve(dealt.problem, {
        ...options,
        ...(onProgress && {
          onProgress: ({ chiplets, phase }) => {
            onProgress({
              ...candidateOf(mergeReplicas(dealt, chiplets)),
              ...(phase !== undefined && { phase }),
            });
          },
        }),
      });
      const isSound = (chiplets: Chiplets) => verifyChiplets(problem, chiplets).length === 0;
      const merged = "chiplets" in answer ? mergeReplicas(dealt, answer.chiplets) : undefined;
      if (!("chiplets" in answer) || !merged || !isSound(merged))
        return otherwise.solve(problem, { ...options, ...timeLeft(deadline), start });
      const told = toldOf(await askRivals(rivals, problem, options));
      const starts = [spread, ...(start ? [start] : [])].filter(isSound);
      const { chiplets, cost } = createJudge(problem, judge, trafficOf).choose({
        rows: Object.values(told).filter((row) => isSound(row.chiplets)),
        others: [merged, ...starts].map(candidateOf),
      });
      const stoppedBy: StoppedBy = answer.stoppedBy === "proof" ? "budget" : answer.stoppedBy;
      // Where copies are not worth anything, nothing was proved of them without replicas either.
      const proved =
        answer.bound === undefined
          ? {}
          : { bound: Math.min(cost, boundReplicas(problem, chiplets, deadline)) };
      return { status: "feasible", chiplets, cost, ...proved, stoppedBy, candidates: told };
    },
  };
}

/**
 * Whether the least time is asked for, with replicas that tokens use whatever else they chose, on a machine where they start
 * everywhere: where the nearest replica serves, or tokens come from one place, it matters which experts share a chiplet
 * more than which are busiest.
 */
export function isDealt(problem: PlacementProblem): boolean {
  const { numReplicas, dispatch, limits } = problem;
  return (
    startsEverywhere(problem) &&
    numReplicas > 0 &&
    ruleOf(dispatch) !== "nearest" &&
    limits.groupsPerExpert <= 1
  );
}
