import type { Placement } from "../placement/placement.js";
import type { PlacementProblem } from "../placement/problem.js";
import type { Solver } from "../placement/solver.js";
import { OPTIMALITY_GAP } from "../placement/tolerance.js";
import { largest, mean } from "../statistics.js";
import type { SplitTrace } from "../trace/holdout.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { searchedBatch } from "../performance/batch-windows.js";
import { measureBatches, type MeasuredBatches } from "./batches.js";
import type { Evaluation } from "./evaluate.js";
import type { Metrics } from "./layer-metrics.js";
import { stepTime, type StepTime } from "./step-time.js";
import { judge } from "./judge.js";
import { describeFailure, type PlaceOutcome } from "./place.js";
import type { PosedMachine } from "./pose.js";

/** Places a trace by a solver: `placeTrace` with all its options given but the solver. */
export type PlaceBy = (trace: RoutingTrace, solver: Solver) => Promise<PlaceOutcome>;

/** What one solver made of a trace, and what that is worth. */
export interface ComparedSolver {
  readonly name: string;
  readonly answer:
    | {
        readonly status: "placed";
        readonly placement: Placement;
        /** On the tokens the placement was made from. */
        readonly learned: Evaluation;
        /** On the tokens held out, if there are any. */
        readonly heldOut?: Evaluation;
        /** On batches of the tokens held out, or else learned from. */
        readonly batches?: MeasuredBatches;
        /** On batches of the tokens learned from, where searches take the mean over them. */
        readonly learnedBatches?: MeasuredBatches;
      }
    | { readonly status: "infeasible" | "undecided"; readonly reason: string };
  /** Wall-clock time; differs from run to run. */
  readonly seconds: number;
  /** Whether it goes by the name of a file in place of a solver's. */
  readonly isFile?: boolean;
}

type PlacedAnswer = ComparedSolver["answer"] & { readonly status: "placed" };

/** Time of a step in the mean over batches as large as one. */
export interface BatchStep {
  /** Tokens of a batch. */
  readonly tokens: number;
  /** On the tokens learned from. */
  readonly learnedNs: number;
  /** On the tokens held out, or else learned from; undefined where those held out are too few for some batches. */
  readonly stepNs: number | undefined;
}

/** A solver in numbers: one row of a comparison. Undefined is what is not known. */
export interface ComparisonRow {
  readonly solver: string;
  readonly status: "optimal" | "feasible" | "infeasible" | "undecided";
  /** Layers whose placement is proved optimal, of all layers. */
  readonly numOptimal: number;
  readonly numLayers: number;
  /** Mean C_T of the tokens learned from, which is what solvers minimise. */
  readonly cost: number | undefined;
  /** Mean of the best bound known of every layer, whichever solver proved it. */
  readonly bound: number | undefined;
  /** (cost - bound) / bound: the placement costs at most this share more than the best possible. */
  readonly gap: number | undefined;
  readonly learned: Metrics | undefined;
  readonly heldOut: Metrics | undefined;
  readonly time: StepTime | undefined;
  /** What was minimised, where searches take the mean over batches. */
  readonly batchStep: BatchStep | undefined;
  /** Modelled time of a step on the tokens held out, or else learned from. */
  readonly stepNs: number | undefined;
  readonly stepPj: number | undefined;
  /** On the tokens held out, or else learned from. */
  readonly batches: MeasuredBatches | undefined;
  readonly seconds: number;
  /** Why there is no placement. */
  readonly reason: string | undefined;
}

/** Options of {@link runSolvers}. */
export interface SolverRun {
  readonly solvers: readonly Solver[];
  readonly machine: PosedMachine;
  readonly place: PlaceBy;
  /** Whether to schedule the layers of the tokens learned from, by which the objective time judges; default false. */
  readonly scheduled?: boolean;
  /** Once aborted, what the solver at work had so far is left out: it would be compared with what others finished. */
  readonly signal?: AbortSignal | undefined;
}

/** Places the tokens to learn from by one solver after the other, and judges every placement, on those held out too. */
export async function runSolvers(
  split: SplitTrace,
  { solvers, machine, place, scheduled = false, signal }: SolverRun,
): Promise<ComparedSolver[]> {
  const compared: ComparedSolver[] = [];
  const searchesBatches =
    scheduled && split.learn.layers.every(({ numTokens }) => searchedBatch(numTokens, machine) !== undefined);
  for (const solver of solvers) {
    const begin = performance.now();
    const outcome = await place(split.learn, solver);
    const seconds = (performance.now() - begin) / 1000;
    if (signal?.aborted) break;
    const answer =
      outcome.status === "placed"
        ? {
            ...outcome,
            ...judge(outcome.placement, split, { ...machine, scheduled }),
            ...batchesOf(outcome.placement, split, { machine, searchesBatches }),
          }
        : { status: outcome.status, reason: describeFailure(outcome) };
    compared.push({ name: solver.name, answer, seconds });
  }
  return compared;
}

/** A placement on batches: those it is judged on, and those it was searched on, which may be the same. */
function batchesOf(
  placement: Placement,
  { learn, heldOut }: SplitTrace,
  { machine, searchesBatches }: { readonly machine: PosedMachine; readonly searchesBatches: boolean },
): Pick<PlacedAnswer, "batches" | "learnedBatches"> {
  const learned =
    searchesBatches || heldOut === undefined ? measureBatches(learn, placement, machine) : undefined;
  const batches = heldOut === undefined ? learned : measureBatches(heldOut, placement, machine);
  return { ...(batches && { batches }), ...(searchesBatches && learned && { learnedBatches: learned }) };
}

/** Solvers that answer a problem differently: of those that give one another's answer the first, and no portfolio. */
export function differentSolvers(solvers: readonly Solver[], problem: PlacementProblem): Solver[] {
  const firstOf = new Map<string, Solver>();
  for (const solver of solvers) {
    const name = solver.answersAs?.(problem) ?? solver.name;
    const answering = solvers.find((known) => known.name === name);
    if (answering && solver.kind !== "portfolio" && !firstOf.has(name)) firstOf.set(name, answering);
  }
  return [...firstOf.values()];
}

/**
 * Puts solvers side by side.
 *
 * A bound holds for the problem, whoever proved it: every placement is measured against the best bound of all that have no
 * fewer replicas, which placements with more of them may be below.
 *
 * @param solvers All were asked the same problems, but for replicas.
 */
export function compareSolvers(solvers: readonly ComparedSolver[]): ComparisonRow[] {
  return solvers.map(({ name: solver, answer, seconds }): ComparisonRow => {
    if (answer.status !== "placed") return { ...NOTHING, solver, seconds, ...answer };
    const { learned, heldOut } = answer;
    const { layers } = answer.placement;
    const bounds = bestBounds(solvers, layers);
    const cost = mean(layers.flatMap((layer) => layer.cost ?? []));
    const known = layers.flatMap(({ layer }) => bounds.get(layer) ?? []);
    const bound = known.length === layers.length ? mean(known) : undefined;
    const numOptimal = layers.filter((layer) => {
      const best = bounds.get(layer.layer);
      return (
        best !== undefined && layer.cost !== undefined && layer.cost - best <= OPTIMALITY_GAP * layer.cost
      );
    }).length;
    return {
      solver,
      status: numOptimal === layers.length ? "optimal" : "feasible",
      numOptimal,
      numLayers: layers.length,
      cost,
      bound,
      gap: bound === undefined ? undefined : Math.max(0, cost / bound - 1),
      learned: learned.mean,
      heldOut: heldOut?.mean,
      time: withBound(stepTime(answer), bestTimeBound(solvers, layers)),
      batchStep: batchStepOf(answer),
      stepNs: (heldOut ?? learned).step?.stepNs,
      stepPj: (heldOut ?? learned).step?.stepPj,
      batches: answer.batches,
      seconds,
      reason: undefined,
    };
  });
}

function batchStepOf({ learnedBatches, heldOut, batches }: PlacedAnswer): BatchStep | undefined {
  if (learnedBatches === undefined) return undefined;
  const meanNs = ({ tokens, stepTokens, each }: MeasuredBatches) => {
    const stepNs = each.flatMap((batch) => batch.stepNs ?? []);
    return tokens < stepTokens || stepNs.length === 0 ? undefined : mean(stepNs);
  };
  const learnedNs = meanNs(learnedBatches);
  if (learnedNs === undefined) return undefined;
  return {
    tokens: learnedBatches.tokens,
    learnedNs,
    stepNs: heldOut === undefined ? learnedNs : batches && meanNs(batches),
  };
}

const NOTHING = {
  numOptimal: 0,
  numLayers: 0,
  cost: undefined,
  bound: undefined,
  gap: undefined,
  learned: undefined,
  heldOut: undefined,
  time: undefined,
  batchStep: undefined,
  stepNs: undefined,
  stepPj: undefined,
  batches: undefined,
};

/** The best bound of each layer that holds for such placements of them. */
function bestBounds(solvers: readonly ComparedSolver[], placed: Placement["layers"]): Map<number, number> {
  const slotsOf = new Map(placed.map(({ layer, chiplets }) => [layer, chiplets.flat().length]));
  const bounds = new Map<number, number>();
  for (const { answer } of solvers) {
    for (const { layer, chiplets, bound = 0 } of answer.status === "placed" ? answer.placement.layers : []) {
      const holds = chiplets.flat().length >= (slotsOf.get(layer) ?? Infinity);
      if (holds && bound > (bounds.get(layer) ?? 0)) bounds.set(layer, bound);
    }
  }
  return bounds;
}

/** The largest time that any solver's proof of C_T comes to: it holds for all placements with as many replicas. */
function bestTimeBound(solvers: readonly ComparedSolver[], placed: Placement["layers"]): number | null {
  const hasAsMany = (layers: Placement["layers"]) =>
    layers.every(({ chiplets }, index) => chiplets.flat().length === placed[index].chiplets.flat().length);
  const proved = solvers.flatMap(({ answer }) =>
    answer.status === "placed" && hasAsMany(answer.placement.layers)
      ? (answer.learned.step?.atLeastNs ?? [])
      : [],
  );
  return proved.length === 0 ? null : largest(proved);
}

function withBound(time: StepTime | null, atLeastNs: number | null): StepTime | undefined {
  return time === null ? undefined : { ...time, atLeastNs: time.atLeastNs === null ? null : atLeastNs };
}
