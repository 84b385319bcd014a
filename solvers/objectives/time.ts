import type { Chiplets, Proved, Solution } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { countTraffic, tokenReplicationOf, type LayerTraffic } from "../../lib/placement/traffic.js";
import { createRandom } from "../../lib/random.js";
import type { Machine } from "../../lib/hardware/machine.js";
import type { Transport } from "../../lib/hardware/workload.js";
import { createMakespanEstimate, stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { regroupUnderLoad } from "../groups/regroup-under-load.js";
import { createWorkload, sharesCopies, transportOn } from "../../lib/performance/workload.js";
import { annealTime } from "./anneal-time.js";
import { evenest } from "./balance.js";
import { isHurried, quickPlan, type Asked } from "./hurried.js";
import { groupByCopies } from "../groups/group-by-copies.js";
import { createAdmissibility, SwapTraffic } from "./swap-traffic.js";
import { regroupByLoad } from "../groups/balance-groups.js";
import { largest, smallest } from "../../lib/statistics.js";

/** Caps on the largest chiplet load over the mean, under which C_T is minimised: the bottleneck's surrogates. */
const LOAD_CAPS = [1.6, 1.3, 1.15, 1.05];
const HURRIED_LOAD_CAPS = [1.3, 1.05];
/** Load of a chiplet group over the mean that a smaller C_G may cost, in one of the ways to regroup. */
const GROUP_LOAD_CAP = 1.1;
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

/** The traffic of the problem's layer under a placement without a change since. */
type TrafficOf = (chiplets: Chiplets) => LayerTraffic;

/** What a solver answers that has found a placement. */
type Candidate = Extract<Solution, Proved>;

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
const GROUPING_STREAM = 950;

/** Makes the traffic of placements, which is counted once of each: loads, estimates, costs and the judge all ask for it. */
function rememberTraffic(problem: PlacementProblem): TrafficOf {
  const counted = new Map<Chiplets, LayerTraffic>();
  return (chiplets) => {
    const traffic = counted.get(chiplets) ?? countTraffic(problem.patterns, chiplets, problem);
    counted.set(chiplets, traffic);
    return traffic;
  };
}

/** Whether nothing but loads makes a difference, as copies are not shared. */
function isLoadAlone({ objective, numReplicas }: PlacementProblem): boolean {
  return (
    objective.minimise === "time" &&
    numReplicas === 0 &&
    !sharesCopies({ transport: transportOf(objective.machine) })
  );
}

/** How token copies travel. */
function transportOf(machine: Machine): Transport {
  const { transport } = machine.workload ?? createWorkload(machine);
  return transportOn(machine.hardware, transport);
}

function machineOf({ objective }: PlacementProblem): Machine {
  if (objective.minimise === "time") return objective.machine;
  throw new Error(`asked for a time, but the objective is ${objective.minimise}`);
}

/**
 * The problem under caps on the load, each with a placement to begin with that respects it.
 *
 * Caps are between the load of the answer that costs least, which no laxer cap would change, and that of the most
 * balanced answer: a tighter cap may be impossible to meet, and to find that out would take longer than all the rest.
 */
function cappedTasks(
  problem: PlacementProblem,
  answers: readonly Candidate[],
  trafficOf: TrafficOf,
): [PlacementProblem, Chiplets][] {
  const { limits } = problem;
  const loaded = answers.map(({ chiplets, cost }) => ({
    chiplets,
    cost,
    load: largest(trafficOf(chiplets).chipletLoad),
  }));
  const balanced = loaded.reduce((a, b) => (b.load < a.load ? b : a));
  const cheapest = loaded.reduce((a, b) =>
    b.cost < a.cost || (b.cost === a.cost && b.load < a.load) ? b : a,
  );
  const meanLoad = meanChipletLoad(problem);
  const caps = (isHurried(problem) ? HURRIED_LOAD_CAPS : LOAD_CAPS).map((cap) =>
    Math.max(cap * meanLoad, balanced.load),
  );
  return [...new Set(caps)]
    .filter((chipletLoad) => chipletLoad < Math.min(cheapest.load, limits.chipletLoad))
    .map((chipletLoad) => [{ ...problem, limits: { ...limits, chipletLoad } }, balanced.chiplets]);
}

/**
 * The same columns in chiplet groups of even load and, where a solver has assigned the groups, of nearly even load for
 * the least C_G; as far as the groups' limits allow it.
 */
async function regroup(
  problem: PlacementProblem,
  found: Candidate,
  {
    isSearched,
    trafficOf,
    ...options
  }: SolverOptions & { readonly isSearched: boolean; readonly trafficOf: TrafficOf },
): Promise<Candidate[]> {
  const { numReplicas } = problem;
  const underLoad =
    isSearched && found.groups && numReplicas === 0
      ? await regroupUnderLoad(problem, found.chiplets, {
          ...options,
          maxOverMean: GROUP_LOAD_CAP,
          mostKicks: quickPlan(problem).mostGroupKicks,
        })
      : undefined;
  return [regroupByLoad(problem, found.chiplets), ...(underLoad ? [underLoad] : [])]
    .filter((chiplets) => verifyChiplets(problem, chiplets).length === 0)
    .map((chiplets) => {
      // Tokens choose the nearest of several replicas by their chiplet groups, so the cost may differ.
      const cost = tokenReplicationOf(trafficOf(chiplets));
      return { status: "feasible", chiplets, cost, stoppedBy: found.stoppedBy };
    });
}

/**
 * The experts in chiplet groups of few copies to the busiest of them, dealt evenly to its chiplets; where adapters of servers
 * carry one copy of a token, which bind then.
 */
function groupsFirst(
  problem: PlacementProblem,
  { chiplets, stoppedBy }: Candidate,
  { seed, trafficOf }: SolverOptions & { readonly trafficOf: TrafficOf },
): Candidate[] {
  if (problem.objective.minimise !== "time") return [];
  const { machine } = problem.objective;
  if (transportOf(machine) !== "per-group" || machine.hardware.tokensStart !== "everywhere") return [];
  if (problem.numReplicas > 0 || problem.pins.length > 0) return [];
  const grouped = groupByCopies(problem, chiplets, createRandom(seed, problem.layer, GROUPING_STREAM));
  if (verifyChiplets(problem, grouped).length > 0) return [];
  const cost = tokenReplicationOf(trafficOf(grouped));
  return [{ status: "feasible", chiplets: grouped, cost, stoppedBy }];
}

function distinct(placements: readonly Candidate[]): Candidate[] {
  return placements.filter(
    (placement, index) => placements.findIndex((earlier) => isSame(placement, earlier)) === index,
  );
}

function isSame(a: Candidate, b: Candidate): boolean {
  return a.chiplets.every((experts, chiplet) => {
    const others = b.chiplets[chiplet];
    return experts.length === others.length && experts.every((expert, place) => expert === others[place]);
  });
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
