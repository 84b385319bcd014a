import type { Highs, Model } from "highs";
import type { Backend, BackendClaim } from "./backend.js";
import { loadHighs } from "./load-highs.js";
import type { MilpModel, SparseColumns } from "./milp-model.js";

/** HiGHS by WebAssembly: any MILP; proves by branch and cut, single-threaded and deterministic. */
export const solveByHighs: Backend = async (model, options) => {
  const highs = await loadHighs();
  const { timeLimitMs = Infinity, maxIterations = Infinity, start } = options;
  return highs.withModel(modelData(model), (instance): BackendClaim => {
    instance.options.set({ output_flag: false, mip_rel_gap: 0, random_seed: 0 });
    if (timeLimitMs < Infinity) instance.options.set("time_limit", timeLimitMs / 1000);
    if (start) instance.setSolution({ colValue: start });
    const { callbackType } = highs.constants;
    instance.run(
      maxIterations === Infinity
        ? {}
        : {
            [callbackType.mipInterrupt](event) {
              if (Number(event.data.mip_total_lp_iterations ?? 0) > maxIterations) event.interrupt();
            },
          },
    );
    return readClaim(highs, instance, model);
  });
};

/** The sparse matrix of columns in the form HiGHS takes. */
export function matrixOf(columns: SparseColumns, numRows: number) {
  const { starts, indices, values } = columns;
  return { format: "csc" as const, numRows, numCols: columns.cost.length, starts, indices, values };
}

function modelData(model: MilpModel) {
  const numRows = model.rowLower.length;
  return {
    numCols: model.cost.length,
    numRows,
    colCost: model.cost,
    colLower: model.lower,
    colUpper: model.upper,
    rowLower: model.rowLower,
    rowUpper: model.rowUpper,
    matrix: matrixOf(model, numRows),
    integrality: Int32Array.from(model.integer),
  };
}

function readClaim(highs: Highs, instance: Model, model: MilpModel): BackendClaim {
  const { modelStatus, solutionStatus } = highs.constants;
  const status = instance.getModelStatus();
  const bounded = model.lower.every(Number.isFinite) && model.upper.every(Number.isFinite);
  if (status === modelStatus.infeasible || (status === modelStatus.unboundedOrInfeasible && bounded)) {
    return { kind: "infeasible" };
  }
  if (instance.info.get("primal_solution_status") !== solutionStatus.feasible) {
    return { kind: "nothing", reason: `HiGHS stopped with model status ${status} and no feasible point` };
  }
  const objective = instance.getObjectiveValue();
  // Without integers HiGHS solves an LP and leaves its MIP bound unset.
  const bound = model.integer.includes(1)
    ? Number(instance.info.get("mip_dual_bound"))
    : status === modelStatus.optimal
      ? objective
      : -Infinity;
  const point = instance.getSolution().colValue;
  return { kind: "point", point, objective, ...(Number.isFinite(bound) && { bound }) };
}
