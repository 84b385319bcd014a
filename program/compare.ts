import { compareSolvers, differentSolvers, runSolvers, type ComparisonRow } from "../lib/flows/compare.js";
import {
  createTasks,
  crossEvaluate as crossEvaluateTasks,
  type TaskTable,
} from "../lib/flows/cross-evaluation.js";
import { chooseObjective } from "../lib/flows/choose-objective.js";
import { poseFor, poseLayer } from "../lib/flows/pose.js";
import { splitParts } from "../lib/trace/holdout.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { requireSolver, solvers as allSolvers } from "../solvers/index.js";
import { withThreads, type PlacingOptions } from "./placing.js";

/** Options of {@link compare}. */
export interface CompareOptions extends PlacingOptions {
  /** Names of solvers; default all that answer differently, and so not auto, which answers as one of the others. */
  readonly solvers?: readonly string[];
  /** Share of the tokens, at the end, to judge on and not to learn from; default 0.25, 0 for none. */
  readonly holdout?: number;
}

/**
 * Places a trace by one solver after the other and puts them side by side, in the order named.
 *
 * @throws InputError as `place` does.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * const rows = await compare(trace, { machine: target, solvers: ["contiguous", "louvain"] });
 * rows.map(({ heldOut }) => heldOut.tokenReplication); // [5.344, 3.918]
 */
export async function compare(trace: RoutingTrace, options: CompareOptions): Promise<ComparisonRow[]> {
  const { solvers: names, holdout = 0.25, ...asked } = options;
  const { machine, signal } = asked;
  const split = splitParts([trace], holdout);
  const { minimise: objective } = chooseObjective({ ...asked, solvers: names }, machine);
  const posing = poseFor(trace, machine, { ...asked, objective });
  const solvers =
    names?.map(requireSolver) ??
    differentSolvers(allSolvers, poseLayer(split.learn, split.learn.layers[0], posing));
  const scheduled = objective === "time";
  return compareSolvers(
    await withThreads({ ...asked, objective }, (place) =>
      runSolvers(split, { solvers, machine, place, scheduled, signal }),
    ),
  );
}

/** Options of {@link crossEvaluate}. */
export interface CrossEvaluationOptions extends PlacingOptions {
  /** Name of the solver that learns; default auto. */
  readonly solver?: string;
  /** Last share of every task to judge its own placement on; default 0.25, 0 for none. */
  readonly holdout?: number;
}

/**
 * Learns a placement on every task and judges it on all, and a contiguous one beside them: what is lost where the tokens to
 * come are of another kind.
 *
 * @param tasks Traces of one model by the names of their tasks.
 * @throws InputError if they are not of one model, or a task has no placement.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * const other = synthesizeTrace({ preset: "deepseek-moe-16b", seed: 2, tokens: 1000, layers: 2 });
 * const { rows } = await crossEvaluate({ law: trace, code: other }, { machine: target, solver: "louvain" });
 * rows.map(({ learnedOn }) => learnedOn); // ["law", "code", "contiguous"]
 */
export async function crossEvaluate(
  tasks: Readonly<Record<string, RoutingTrace>>,
  { solver = "auto", holdout = 0.25, ...asked }: CrossEvaluationOptions,
): Promise<TaskTable> {
  const named = Object.entries(tasks).map(([name, trace]) => ({ name, parts: [trace] }));
  const created = createTasks(named, holdout);
  const { minimise: objective } = chooseObjective({ ...asked, solvers: [solver] }, asked.machine);
  return withThreads({ ...asked, objective }, (place) =>
    crossEvaluateTasks(created, {
      solver: requireSolver(solver),
      yardstick: requireSolver("contiguous"),
      machine: asked.machine,
      place,
    }),
  );
}
