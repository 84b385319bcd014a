import type { BackendName } from "../../lib/placement/backend-choice.js";
import { INTEGRALITY, OPTIMALITY_GAP } from "../../lib/placement/tolerance.js";
import type { BackendClaim, BackendOptions } from "./backend.js";
import { objectiveOf, violationOf, type MilpModel } from "./milp-model.js";
import { solveInWorker } from "./worker-pool.js";

/** Options of {@link solveMilp}. */
export interface MilpOptions extends BackendOptions {
  readonly backend: BackendName;
}

/** What is known about a model. */
export type MilpSolution =
  | {
      /** `bound` is within OPTIMALITY_GAP of `objective`. */
      readonly status: "optimal";
      readonly values: Float64Array;
      readonly objective: number;
      readonly bound: number;
    }
  | {
      readonly status: "feasible";
      readonly values: Float64Array;
      readonly objective: number;
      readonly bound?: number;
    }
  | { readonly status: "infeasible" }
  | { readonly status: "undecided"; readonly reason: string };

/**
 * Solves a mixed-integer linear programme by one of the backends, in a worker thread that is killed at the time limit.
 *
 * Nothing a backend says of its point is believed: integers are rounded, then bounds, rows and the objective are
 * recomputed, and a point that fails is answered as undecided. Bounds and infeasibility are the backend's word.
 *
 * @param options.start A feasible point; what comes back is never worse.
 *
 * @example
 * const ones = Float64Array.of(1, 1);
 * const columns = binaryColumns({ rowsOf: [[0], [1], [0, 1]], cost: [2, 1, 4] }, 1);
 * const model = { ...columns, integer: Uint8Array.of(1, 1, 1), rowLower: ones, rowUpper: ones };
 * const solution = await solveMilp(model, { backend: "highs" });
 * solution.values; // Float64Array [1, 1, 0]
 */
export async function solveMilp(
  model: MilpModel,
  { backend, ...options }: MilpOptions,
): Promise<MilpSolution> {
  const { start, timeLimitMs = Infinity } = options;
  if (start) {
    const violation = violationOf(model, start);
    if (violation) throw new Error(`a start must be feasible: ${violation}`);
  }
  if (timeLimitMs <= 0) return fallBack(model, start, "no time was left");
  // HiGHS keeps its own time and hands over what it has; javascript-lp-solver does neither.
  const killAfterMs = backend === "highs" ? timeLimitMs + 2000 : timeLimitMs;
  const claim = await solveInWorker({ backend, model, options }, killAfterMs);
  return checkClaim(model, claim, start);
}

/** Turns what a backend claims into what is known. */
export function checkClaim(model: MilpModel, claim: BackendClaim, start?: Float64Array): MilpSolution {
  if (claim.kind === "nothing") return fallBack(model, start, claim.reason);
  if (claim.kind === "infeasible") {
    return start
      ? fallBack(model, start, "called infeasible in spite of a feasible start")
      : { status: "infeasible" };
  }
  if (claim.point.length !== model.cost.length || !Number.isFinite(claim.objective)) {
    const found = `${claim.point.length} columns and objective ${claim.objective}`;
    return fallBack(model, start, `${found} came back, expected ${model.cost.length} columns and a number`);
  }
  const values = claim.point.map((value, column) => (model.integer[column] ? Math.round(value) : value));
  const fractional = claim.point.findIndex((value, column) => Math.abs(value - values[column]) > INTEGRALITY);
  if (fractional >= 0) {
    return fallBack(
      model,
      start,
      `column ${fractional} came back as ${claim.point[fractional]}, expected an integer`,
    );
  }
  const violation = violationOf(model, values);
  if (violation) return fallBack(model, start, `the point that came back is not feasible: ${violation}`);
  const objective = objectiveOf(model, values);
  const tolerance = OPTIMALITY_GAP * Math.max(1, Math.abs(objective));
  if (Math.abs(claim.objective - objective) > tolerance) {
    return fallBack(
      model,
      start,
      `the objective came back as ${claim.objective}, recomputed as ${objective}`,
    );
  }
  if (start && objectiveOf(model, start) < objective) return fallBack(model, start, "", claim.bound);
  return judge(values, objective, claim.bound);
}

function judge(values: Float64Array, objective: number, bound: number | undefined): MilpSolution {
  if (bound === undefined || Number.isNaN(bound)) return { status: "feasible", values, objective };
  const tolerance = OPTIMALITY_GAP * Math.max(1, Math.abs(objective));
  if (bound > objective + tolerance) {
    return {
      status: "undecided",
      reason: `the bound came back as ${bound}, above the objective ${objective}`,
    };
  }
  const honest = Math.min(bound, objective);
  return objective - honest <= tolerance
    ? { status: "optimal", values, objective, bound: honest }
    : { status: "feasible", values, objective, bound: honest };
}

/** What is left without an answer: the start, where there is one. */
function fallBack(
  model: MilpModel,
  start: Float64Array | undefined,
  reason: string,
  bound?: number,
): MilpSolution {
  return start ? judge(start, objectiveOf(model, start), bound) : { status: "undecided", reason };
}
