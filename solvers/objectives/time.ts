import type { Chiplets, Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { countTraffic, tokenReplicationOf, type LayerTraffic } from "../../lib/placement/traffic.js";
import { createRandom } from "../../lib/random.js";
import type { Machine } from "../../lib/hardware/machine.js";
import { createMakespanEstimate, stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { annealTime } from "./anneal-time.js";
import { evenest } from "./balance.js";
import { isHurried, type Asked } from "./hurried.js";
import {
  cappedTasks,
  distinct,
  groupsFirst,
  isLoadAlone,
  isSame,
  regroup,
  type Candidate,
  type TrafficOf,
} from "./time-candidates.js";
import { createAdmissibility, SwapTraffic } from "./swap-traffic.js";
import { largest, smallest } from "../../lib/statistics.js";

/** Where searches are hurried, groups are searched for where the placement takes no more than so many times the least. */
const WORTH_REGROUPING = 1.15;
/** Variants that are judged after they were estimated, besides what the solvers answer. */
const MOST_JUDGED_VARIANTS = 6;

/** Swaps tried from each of the best candidates: for up to 64 experts, and for each beyond as many as for each of these. */
const ANNEALING_MOVES = 6000;
/** Beyond so many experts no more: with the few tokens that each has, what is learned would be of these tokens alone. */
const MOST_EXPERTS_OF_MOVES = 256;
const FEW_EXPERTS = 64;
/** Candidates that annealing begins from, and how much slower than the best they may be. */
const MOST_ANNEALED = 2;
const WORTH_ANNEALING = 1.05;

/** Modelled time of a layer with such traffic, in ns. */
export type TrafficTime = (traffic: LayerTraffic) => number;

/** With its estimated time, in ns. */
interface TimedCandidate {
  readonly placement: Candidate;
  readonly ns: number;
}

/** Options of {@link fastest}. */
export interface FastestOptions {
  /** Quick solver that finds candidates under caps on the load. */
  readonly search: Solver;
  /** Solvers whose placements are candidates too, so that the answer is never slower than theirs. */
  readonly rivals: (asked: Asked) => readonly Solver[];
  /** Ranks the many variants; cheap. */
  readonly estimate: (problem: PlacementProblem) => TrafficTime;
  /** Decides between the few best variants and every solver's own answer. */
  readonly judge: (problem: PlacementProblem) => TrafficTime;
}

/**
 * Makes a solver that minimises the modelled time of a layer.
 *
 * Time is set by the busiest memory, link or chiplet, for which two surrogates stand: the trade of C_T against load,
 * by searching under several caps on the load, and that of C_G against even loads of chiplet groups, by regrouping the
 * chiplets of every candidate. Where copies are not shared, whatever is on a chiplet, only load counts, and is evened instead. The best of
 * these are annealed on the estimate itself. The judge decides. Nothing is proved
 * of the time; the best bound on C_T is kept, as it holds for every placement. Solvers' own answers are told as candidates,
 * since the step of all layers may be faster with one of them.
 */
export function fastest(
  solver: Solver,
  { search, rivals: rivalsOf, estimate, judge }: FastestOptions,
): Solver {
  return {
    ...solver,
    summary: `least modelled time among many candidates, made by ${solver.summary}`,
    async solve(problem, options) {
      const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
      const rivals = rivalsOf(problem);
      const trafficOf = rememberTraffic(problem);
      const timedBy = (time: TrafficTime) => (placement: Candidate) => ({
        placement,
        ns: time(trafficOf(placement.chiplets)),
      });
      const estimateNs = estimate(problem);
      const estimated = timedBy(estimateNs);
      // Progress is of one solver: bounds and placements of many would not belong together.
      const { onProgress, ...silent } = options;
      const isLoad = isLoadAlone(problem);
      const answering = isLoad ? { solve: evenest } : solver;
      const [first, ...others] = await Promise.all([
        answering.solve(problem, { ...silent, ...halfOf(options), ...(onProgress && { onProgress }) }),
        ...rivals.map((rival) => rival.solve(problem, { ...silent, ...timeLeft(deadline) })),
      ]);
      const solved = [solver, ...rivals].flatMap(({ name }, index) => {
        const solution = index === 0 ? first : others[index - 1];
        return "chiplets" in solution ? [{ name, solution }] : [];
      });
      const answers = solved.map(({ solution }) => solution);
      if (answers.length === 0) return first;
      // Solvers take turns in this thread: each has what is left of the time, and none begins without any.
      const capped: Solution[] = [];
      for (const [variant, start] of isLoad ? [] : cappedTasks(problem, answers, trafficOf)) {
        if (performance.now() >= deadline) break;
        capped.push(await search.solve(variant, { ...silent, ...timeLeft(deadline), start }));
      }
      const timed = [...answers, ...capped.filter((solution) => "chiplets" in solution)].map(estimated);
      const worthNs = WORTH_REGROUPING * smallest(timed.map(({ ns }) => ns));
      const found = timed.map(({ placement }) => placement);
      const own = distinct(answers);
      const regroupings = await Promise.all(
        timed.map(({ placement, ns }) =>
          regroup(problem, placement, {
            ...silent,
            ...timeLeft(deadline),
            isSearched: ns <= worthNs || !isHurried(problem),
            trafficOf,
          }),
        ),
      );
      const grouped = groupsFirst(problem, answers[0], { ...options, trafficOf });
      const variants = distinct([...found, ...regroupings.flat(), ...grouped])
        .filter((variant) => !own.some((answer) => isSame(answer, variant)))
        .map(estimated)
        .sort((a, b) => a.ns - b.ns)
        .slice(0, MOST_JUDGED_VARIANTS);
      const candidates = [...own.map(estimated), ...variants];
      const improved = annealed(problem, candidates, {
        ...options,
        ...timeLeft(deadline),
        estimateNs,
        trafficOf,
      });
      const judged = [...candidates.map(({ placement }) => placement), ...improved]
        .map(timedBy(judge(problem)))
        .sort((a, b) => a.ns - b.ns || a.placement.cost - b.placement.cost);
      const told = Object.fromEntries(
        solved.map(({ name, solution: { chiplets, cost } }) => [name, { chiplets, cost }]),
      );
      return { ...claimOf(judged[0].placement, answers), candidates: told };
    },
  };
}

/** Half of the time limit: the other half is for what is made of the answer. */
function halfOf({ timeLimitMs }: SolverOptions): Pick<SolverOptions, "timeLimitMs"> {
  return timeLimitMs === undefined ? {} : { timeLimitMs: timeLimitMs / 2 };
}

/** The modelled time of the problem's layer, by an estimate that is quick to compute. */
export const estimatedTime = (problem: PlacementProblem): TrafficTime =>
  createMakespanEstimate(machineOf(problem));

/** The modelled time of the problem's layer, as its schedule has it. */
export const scheduledTime =
  (problem: PlacementProblem): TrafficTime =>
  (traffic) =>
    stepMakespanNs([traffic], machineOf(problem));

/**
 * What annealing on the estimate itself makes of the best candidates; nothing where there are replicas, whose loads a
 * swap changes on other chiplets too.
 */
function annealed(
  problem: PlacementProblem,
  candidates: readonly TimedCandidate[],
  {
    estimateNs,
    trafficOf,
    seed,
    timeLimitMs = Infinity,
  }: SolverOptions & { readonly estimateNs: TrafficTime; readonly trafficOf: TrafficOf },
): Candidate[] {
  if (problem.numReplicas > 0) return [];
  const { patterns, load } = problem;
  const ranked = [...candidates].sort((a, b) => a.ns - b.ns);
  const deadline = performance.now() + timeLimitMs;
  const state = new SwapTraffic(patterns, load, problem);
  return ranked
    .filter(({ ns }) => ns <= WORTH_ANNEALING * ranked[0].ns)
    .slice(0, MOST_ANNEALED)
    .map(({ placement }, rank) => {
      const { chiplets, isCut } = annealTime(state, placement.chiplets, {
        estimate: estimateNs,
        isAllowed: createAdmissibility(constraintModelOf(problem), state),
        maxMoves: movesFor(problem.numExperts),
        random: createRandom(seed, problem.layer, ANNEALING_STREAM + rank),
        deadline,
      });
      const cost = tokenReplicationOf(trafficOf(chiplets));
      return { status: "feasible", chiplets, cost, stoppedBy: isCut ? "time limit" : placement.stoppedBy };
    });
}

function movesFor(numExperts: number): number {
  return ANNEALING_MOVES * Math.max(1, Math.min(numExperts, MOST_EXPERTS_OF_MOVES) / FEW_EXPERTS);
}

/** Tells the random streams of annealing from those of other searches. */
const ANNEALING_STREAM = 900;

/** Makes the traffic of placements, which is counted once of each: loads, estimates, costs and the judge all ask for it. */
export function rememberTraffic(problem: PlacementProblem): TrafficOf {
  const counted = new Map<Chiplets, LayerTraffic>();
  return (chiplets) => {
    const traffic = counted.get(chiplets) ?? countTraffic(problem.patterns, chiplets, problem);
    counted.set(chiplets, traffic);
    return traffic;
  };
}

function machineOf({ objective }: PlacementProblem): Machine {
  if (objective.minimise === "time") return objective.machine;
  throw new Error(`asked for a time, but the objective is ${objective.minimise}`);
}

/** The chosen placement with the best bound on C_T, whoever proved it, that holds under no cap on the load. */
function claimOf(chosen: Candidate, answers: readonly Candidate[]): Candidate {
  if (chosen.status === "optimal" && answers.includes(chosen)) return chosen;
  const bounds = answers.flatMap(({ bound }) => bound ?? []);
  const { chiplets, cost, stoppedBy } = chosen;
  return {
    ...(answers.includes(chosen) ? chosen : { chiplets, cost }),
    status: "feasible",
    ...(bounds.length > 0 && { bound: Math.min(cost, largest(bounds)) }),
    stoppedBy: stoppedBy === "proof" ? "budget" : stoppedBy,
  };
}
