import { BY_ESTIMATE, WITH_ALL_TOKENS } from "../../lib/flows/fastest-step.js";
import type { Solution } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { largest, smallest } from "../../lib/statistics.js";
import { annealCandidates, annealOverBatches } from "./anneal-candidates.js";
import { evenest } from "./balance.js";
import { isHurried, type Asked } from "./hurried.js";
import { searchEnvelope } from "./lower-envelope.js";
import {
  createJudge,
  rememberTraffic,
  type LeastTimeOf,
  type TimeOf,
  type TrafficOf,
} from "./modelled-time.js";
import { askRivals, toldOf } from "./rivals.js";
import {
  cappedTasks,
  distinct,
  groupsFirst,
  isLoadAlone,
  isSame,
  regroup,
  type Candidate,
  type TimedCandidate,
} from "./time-candidates.js";

/** Where searches are hurried, groups are searched for where the placement takes no more than so many times the least. */
const WORTH_REGROUPING = 1.15;
/** Variants that are judged after they were estimated, besides what the solvers answer. */
const MOST_JUDGED_VARIANTS = 6;

/** Options of {@link fastest}. */
export interface FastestOptions {
  /** Quick solver that finds candidates under caps on the load. */
  readonly search: Solver;
  /** Solvers whose placements are candidates too, so that the answer is never slower than theirs. */
  readonly rivals: (asked: Asked) => readonly Solver[];
  /** Ranks the many variants; cheap. */
  readonly estimate: TimeOf;
  /** What is proved of the judge's times; default nothing. */
  readonly least?: LeastTimeOf;
  /** Decides between the few best variants and every solver's own answer. */
  readonly judge: TimeOf;
}

/**
 * Makes a solver that minimises the modelled time of a layer, in the mean over batches where the trace is long enough for some.
 *
 * Time is set by the busiest memory, link or chiplet, for which two surrogates stand: the trade of C_T against load,
 * by searching under several caps on the load, and that of C_G against even loads of chiplet groups, by regrouping the
 * chiplets of every candidate. Where copies are not shared, whatever is on a chiplet, only load counts, and is evened instead. The best of
 * these are annealed on the estimate itself, with what set partitioning finds under thresholds where all columns can be listed, and the best
 * of all on its mean over batches. The judge decides. The best bound on C_T is kept, as it holds for every placement, and what is proved
 * of the busiest chiplets: time is bounded by them. Solvers' own answers are told as candidates,
 * since the step of all layers may be faster with one of them, and so is what is best by the estimate, because the schedule of the
 * layer alone is not that of the step.
 */
export function fastest(
  solver: Solver,
  { search, rivals: rivalsOf, estimate, judge, least }: FastestOptions,
): Solver {
  return {
    ...solver,
    summary: `least modelled time among many candidates, made by ${solver.summary}`,
    async solve(problem, options) {
      const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
      const left = () => timeLeft(deadline);
      const trafficOf = rememberTraffic(problem);
      const estimateNs = estimate(problem);
      const estimated = (placement: Candidate) => ({
        placement,
        ns: estimateNs(trafficOf(placement.chiplets)),
      });
      // Progress is of one solver: bounds and placements of many would not belong together.
      const { onProgress, ...silent } = options;
      const answering = isLoadAlone(problem) ? { ...solver, solve: evenest } : solver;
      const [first, rivals] = await Promise.all([
        answering.solve(problem, { ...silent, ...halfOf(options), ...(onProgress && { onProgress }) }),
        askRivals(rivalsOf(problem), problem, { ...silent, ...left() }),
      ]);
      const solved = [...("chiplets" in first ? [{ name: solver.name, solution: first }] : []), ...rivals];
      if (solved.length === 0) return first;
      const answers = solved.map(({ solution }) => solution);
      const rows = distinct(answers);
      const judged = createJudge(problem, judge, trafficOf);
      const fastestRow = judged.choose({ rows, others: [] });
      const leastCopies = boundOf(answers) ?? 1;
      if (least && problem.numReplicas === 0 && judged.isFastest(fastestRow, least, leastCopies)) {
        return { ...claimOf(fastestRow, answers), candidates: toldOf(solved) };
      }
      const variants = await variantsOf(problem, answers, { ...silent, search, estimated, trafficOf, left });
      const timed = [...rows.map(estimated), ...variants];
      const annealing = () => ({ ...silent, ...left(), estimate, trafficOf, judge: judged });
      const annealed = annealCandidates(problem, timed, annealing());
      const searched = [...variants.map(({ placement }) => placement), ...annealed];
      const envelope = await searchEnvelope(problem, judged.choose({ rows, others: searched }), {
        ...silent,
        ...left(),
        trafficOf,
        bound: leastCopies,
      });
      const refined = annealCandidates(problem, envelope.candidates.map(estimated), annealing());
      const others = [...searched, ...envelope.candidates, ...refined];
      const best = judged.choose({ rows, others });
      const leastBy = (ns: (placement: Candidate) => number) =>
        [...rows, ...others].reduce((a, b) => (ns(b) < ns(a) ? b : a));
      const withAll = leastBy(judged.ns);
      const overBatches = annealOverBatches(problem, best, {
        ...silent,
        ...left(),
        estimate,
        trafficOf,
        most: judged.mostNs({ rows, others }) / judged.ns(best),
      });
      const chosen = judged.choose({ rows, others: [best, withAll, ...overBatches] });
      const told = [
        { name: WITH_ALL_TOKENS, solution: withAll },
        { name: BY_ESTIMATE, solution: leastBy((placement) => estimated(placement).ns) },
      ].filter(({ solution }) => solution !== chosen);
      return {
        ...claimOf(chosen, answers),
        ...(envelope.peaks && { peaks: envelope.peaks }),
        candidates: toldOf([...solved, ...told]),
      };
    },
  };
}

/** Half of the time limit: the other half is for what is made of the answer. */
function halfOf({ timeLimitMs }: SolverOptions): Pick<SolverOptions, "timeLimitMs"> {
  return timeLimitMs === undefined ? {} : { timeLimitMs: timeLimitMs / 2 };
}

interface VariantOptions extends SolverOptions {
  readonly search: Solver;
  readonly estimated: (placement: Candidate) => TimedCandidate;
  readonly trafficOf: TrafficOf;
  readonly left: () => Pick<SolverOptions, "timeLimitMs">;
}

/** The best by estimate of what is made of solvers' answers: under caps on the load, in other groups, and by groups first. */
async function variantsOf(
  problem: PlacementProblem,
  answers: readonly Candidate[],
  { search, estimated, trafficOf, left, ...options }: VariantOptions,
): Promise<TimedCandidate[]> {
  const deadline = performance.now() + (left().timeLimitMs ?? Infinity);
  // Solvers take turns in this thread: each has what is left of the time, and none begins without any.
  const capped: Solution[] = [];
  for (const [variant, start] of isLoadAlone(problem) ? [] : cappedTasks(problem, answers, trafficOf)) {
    if (performance.now() >= deadline) break;
    capped.push(await search.solve(variant, { ...options, ...left(), start }));
  }
  const timed = [...answers, ...capped.filter((solution) => "chiplets" in solution)].map(estimated);
  const worthNs = WORTH_REGROUPING * smallest(timed.map(({ ns }) => ns));
  const regroupings = await Promise.all(
    timed.map(({ placement, ns }) =>
      regroup(problem, placement, {
        ...options,
        ...left(),
        isSearched: ns <= worthNs || !isHurried(problem),
        trafficOf,
      }),
    ),
  );
  const grouped = groupsFirst(problem, answers[0], { ...options, trafficOf });
  return distinct([...timed.map(({ placement }) => placement), ...regroupings.flat(), ...grouped])
    .filter((variant) => !answers.some((answer) => isSame(answer, variant)))
    .map(estimated)
    .sort((a, b) => a.ns - b.ns)
    .slice(0, MOST_JUDGED_VARIANTS);
}

/** The best bound on C_T, whoever proved it. */
function boundOf(answers: readonly Candidate[]): number | undefined {
  const bounds = answers.flatMap(({ bound }) => bound ?? []);
  return bounds.length === 0 ? undefined : largest(bounds);
}

/** The chosen placement with the best bound on C_T, whoever proved it, that holds under no cap on the load. */
function claimOf(chosen: Candidate, answers: readonly Candidate[]): Candidate {
  if (chosen.status === "optimal" && answers.includes(chosen)) return chosen;
  const bound = boundOf(answers);
  const { chiplets, cost, stoppedBy } = chosen;
  return {
    ...(answers.includes(chosen) ? chosen : { chiplets, cost }),
    status: "feasible",
    ...(bound !== undefined && { bound: Math.min(cost, bound) }),
    stoppedBy: stoppedBy === "proof" ? "budget" : stoppedBy,
  };
}
