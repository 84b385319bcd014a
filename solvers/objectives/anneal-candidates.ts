import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { SUM_ROUNDING } from "../../lib/placement/tolerance.js";
import { tokenReplicationOf } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { mean } from "../../lib/statistics.js";
import { dealAsServed, mergeReplicas } from "../replicas/deal-tokens.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { annealTime, TIME_ANNEALING, type TimeAnnealing } from "./anneal-time.js";
import { BatchTraffic } from "./batch-traffic.js";
import { isHurried } from "./hurried.js";
import {
  createJudge,
  rememberTraffic,
  type Judge,
  type TimeOf,
  type TrafficOf,
  type TrafficTime,
} from "./modelled-time.js";
import { createAdmissibility, SwapTraffic, type Swap, type Swappable } from "./swap-traffic.js";
import { startsEverywhere, type Candidate, type TimedCandidate } from "./time-candidates.js";

/** Swaps tried from a start of up to 64 experts, and for each beyond as many as for each of these, up to 256. */
const ANNEALING_MOVES = 24_000;
const FEW_EXPERTS = 64;
const MOST_EXPERTS_OF_MOVES = 256;
/** Experts that were chosen less often than so have fewer swaps: what they would learn is of these tokens alone. */
const MANY_CHOICES = 100;
/** Swaps tried on every batch. More for many experts were no better on held-out tokens. */
const BATCH_MOVES = 6000;
/** Candidates that annealing begins from, and how much slower than the best they may be; of many experts one. */
const MOST_ANNEALED = 2;
const WORTH_ANNEALING = 1.05;
/** Rounds that go on from what the judge likes best so far; none of many experts. */
const ROUNDS = 2;

/**
 * Swaps tried on the schedule itself, some fifty times as dear, where the estimate is further from it than so on a wafer: which transfer
 * goes first counts there, of which the estimate knows nothing. Cooler, as only little is left. On GPUs the estimate is the
 * schedule itself, or in training off by as much for all placements.
 */
const SCHEDULED_MOVES = 6000;
const FAR_FROM_SCHEDULE = 0.001;
export const SCHEDULED_ANNEALING: TimeAnnealing = { ...TIME_ANNEALING, hot: TIME_ANNEALING.hot / 4 };

/** Tell the random streams of annealing from those of other searches. */
const ANNEALING_STREAM = 900;
const ROUNDS_STREAM = 905;
const SCHEDULE_STREAM = 908;
const BATCHES_STREAM = 910;
const SERVED_STREAM = 920;

type AnnealingOptions = SolverOptions & { readonly estimate: TimeOf; readonly trafficOf: TrafficOf };

/**
 * What annealing on the estimate itself makes of the best candidates, and then of what the judge likes best so far, which knows
 * what the estimate leaves out. Where there are replicas, they are experts of their own that serve the tokens which they serve now.
 */
export function annealCandidates(
  problem: PlacementProblem,
  candidates: readonly TimedCandidate[],
  { estimate, judge, ...options }: AnnealingOptions & { readonly judge: Judge },
): Candidate[] {
  if (candidates.length === 0) return [];
  if (problem.numReplicas > 0) return annealReplicated(problem, candidates, { estimate, judge, ...options });
  const ranked = [...candidates].sort((a, b) => a.ns - b.ns);
  const estimateNs = estimate(problem);
  const state = new SwapTraffic(problem.patterns, problem.load, problem);
  const anneal = annealer(problem, {
    ...options,
    state,
    estimate: estimateNs,
    maxMoves: movesFor(problem),
  });
  const polish = annealer(problem, {
    ...options,
    state,
    estimate: judge.time,
    maxMoves: SCHEDULED_MOVES,
    annealing: SCHEDULED_ANNEALING,
  });
  const isLong = isHurried(problem);
  const annealed = ranked
    .filter(({ ns }) => ns <= WORTH_ANNEALING * ranked[0].ns)
    .slice(0, isLong ? 1 : MOST_ANNEALED)
    .map(({ placement }, rank) => anneal(placement, ANNEALING_STREAM + rank));
  if (isLong) return annealed;
  const best = () =>
    [...candidates.map(({ placement }) => placement), ...annealed].reduce((a, b) =>
      judge.ns(b) < judge.ns(a) ? b : a,
    );
  for (let round = 0; round < ROUNDS; round++) annealed.push(anneal(best(), ROUNDS_STREAM + round));
  const isOff = (placement: Candidate) =>
    Math.abs(estimateNs(options.trafficOf(placement.chiplets)) / judge.ns(placement) - 1) > FAR_FROM_SCHEDULE;
  // What the estimate likes best may be where it is furthest off, while it is right of what the judge likes best.
  if (!startsEverywhere(problem) && [best(), ...annealed].some(isOff))
    annealed.push(polish(best(), SCHEDULE_STREAM));
  return annealed;
}

/** The same with replicas, each of which serves the tokens that it serves under the best so far. */
function annealReplicated(
  problem: PlacementProblem,
  candidates: readonly TimedCandidate[],
  { judge, ...options }: AnnealingOptions & { readonly judge: Judge },
): Candidate[] {
  const best = candidates
    .map(({ placement }) => placement)
    .reduce((a, b) => (judge.ns(b) < judge.ns(a) ? b : a));
  const random = createRandom(options.seed, problem.layer, SERVED_STREAM);
  const served = dealAsServed(problem, best.chiplets, random);
  const trafficOf = rememberTraffic(served.problem);
  const placement = { ...best, chiplets: served.placed };
  const begun = { placement, ns: options.estimate(served.problem)(trafficOf(served.placed)) };
  const annealed = annealCandidates(served.problem, [begun], {
    ...options,
    trafficOf,
    judge: createJudge(served.problem, () => judge.time, trafficOf),
  });
  return annealed.flatMap(({ stoppedBy, ...dealt }) => {
    const chiplets = mergeReplicas(served, dealt.chiplets);
    if (verifyChiplets(problem, chiplets).length > 0) return [];
    return [
      { status: "feasible", chiplets, cost: tokenReplicationOf(options.trafficOf(chiplets)), stoppedBy },
    ];
  });
}

/**
 * What annealing on the mean over the problem's batches makes of a placement, as long as all tokens at once take no more than
 * some part of the time they take now; nothing where there are no batches, or replicas.
 *
 * @param most As a part of the estimated time of all tokens under the placement, at least 1.
 */
export function annealOverBatches(
  problem: PlacementProblem,
  placement: Candidate,
  { estimate, most, ...options }: AnnealingOptions & { readonly most: number },
): Candidate[] {
  if (problem.numReplicas > 0 || problem.batches.length === 0) return [];
  const state = new BatchTraffic(problem);
  // Timers remember what they were asked last, so that each batch has its own.
  const ofBatch = state.batches.map(() => estimate(problem));
  const ofAll = estimate(problem);
  const mostNs = most * (1 + SUM_ROUNDING) * ofAll(options.trafficOf(placement.chiplets));
  const anneal = annealer(problem, {
    ...options,
    state,
    estimate: () => mean(state.batches.map((traffic, batch) => ofBatch[batch](traffic))),
    maxMoves: BATCH_MOVES,
    isAllowed: () => ofAll(state.traffic) <= mostNs,
  });
  return [anneal(placement, BATCHES_STREAM)];
}

interface AnnealerOptions extends SolverOptions {
  readonly state: Swappable;
  readonly estimate: TrafficTime;
  readonly trafficOf: TrafficOf;
  readonly maxMoves: number;
  readonly annealing?: TimeAnnealing;
  /** Besides the problem's own limits. */
  readonly isAllowed?: () => boolean;
}

function annealer(
  problem: PlacementProblem,
  {
    state,
    estimate,
    trafficOf,
    maxMoves,
    annealing,
    isAllowed,
    seed,
    timeLimitMs = Infinity,
  }: AnnealerOptions,
): (from: Candidate, stream: number) => Candidate {
  const deadline = performance.now() + timeLimitMs;
  const keepsLimits = createAdmissibility(constraintModelOf(problem), state);
  const isAdmissible = (swaps: readonly Swap[]) => keepsLimits?.(swaps) !== false && isAllowed?.() !== false;
  return ({ chiplets: start, stoppedBy }, stream) => {
    const { chiplets, isCut } = annealTime(state, start, {
      estimate,
      isAllowed: keepsLimits || isAllowed ? isAdmissible : undefined,
      maxMoves,
      ...(annealing && { annealing }),
      random: createRandom(seed, problem.layer, stream),
      deadline,
    });
    const cost = tokenReplicationOf(trafficOf(chiplets));
    return { status: "feasible", chiplets, cost, stoppedBy: isCut ? "time limit" : stoppedBy };
  };
}

function movesFor(problem: PlacementProblem): number {
  const { numExperts, load } = problem;
  const byExperts = Math.max(1, Math.min(numExperts, MOST_EXPERTS_OF_MOVES) / FEW_EXPERTS);
  const byChoices = Math.min(1, mean(load) / MANY_CHOICES);
  return Math.ceil(ANNEALING_MOVES * byExperts * byChoices);
}
