import solverModule, { type Model, type SolveResult } from "javascript-lp-solver";
import type { Backend } from "./backend.js";
import type { MilpModel } from "./milp-model.js";

// The package's types describe CommonJS, in which the default export hides one level deeper than it really does.
const solver = solverModule as unknown as typeof solverModule.default;

/**
 * javascript-lp-solver: quick on small set partitioning; may spin for ever on degenerate models and ignores its own
 * time limit, so it belongs in a worker thread that can be killed.
 */
export const solveByJavascriptLpSolver: Backend = (model) => {
  const result = solver.Solve(toJson(model)) as SolveResult;
  if (!result.feasible) return Promise.resolve({ kind: "infeasible" });
  if (result.bounded === false) return Promise.resolve({ kind: "nothing", reason: "the model is unbounded" });
  const point = Float64Array.from(model.cost, (_, column) => {
    const value = result[`x${column}`];
    // Columns at zero are left out of the answer.
    return shiftOf(model, column) + (typeof value === "number" ? value : 0);
  });
  const objective =
    result.result + model.cost.reduce((sum, cost, column) => sum + cost * shiftOf(model, column), 0);
  return Promise.resolve({ kind: "point", point, objective, bound: objective });
};

/** States a model in the package's JSON; columns are shifted to begin at 0, the only bound it knows. */
function toJson(model: MilpModel): Model {
  const { cost, lower, upper, integer, rowLower, rowUpper, starts, indices, values } = model;
  const shift = rowShifts(model);
  const constraints: Model["constraints"] = {};
  for (let row = 0; row < rowLower.length; row++) {
    const least = rowLower[row] - shift[row];
    const most = rowUpper[row] - shift[row];
    if (least === most) constraints[`r${row}`] = { equal: least };
    else if (least > -Infinity || most < Infinity) {
      constraints[`r${row}`] = {
        ...(least > -Infinity && { min: least }),
        ...(most < Infinity && { max: most }),
      };
    }
  }
  const impliedUpper = impliedUpperBounds(model);
  const variables: Model["variables"] = {};
  const ints: NonNullable<Model["ints"]> = {};
  const unrestricted: NonNullable<Model["unrestricted"]> = {};
  for (let column = 0; column < cost.length; column++) {
    const name = `x${column}`;
    const coefficients: Record<string, number> = { objective: cost[column] };
    for (let entry = starts[column]; entry < starts[column + 1]; entry++) {
      coefficients[`r${indices[entry]}`] = values[entry];
    }
    if (lower[column] === -Infinity) unrestricted[name] = 1;
    if (integer[column]) ints[name] = 1;
    // A row for every bound would more than double the models at hand, whose rows imply most of them.
    if (upper[column] < impliedUpper[column]) {
      coefficients[`u${column}`] = 1;
      constraints[`u${column}`] = { max: upper[column] - shiftOf(model, column) };
    }
    variables[name] = coefficients;
  }
  return { optimize: "objective", opType: "min", constraints, variables, ints, unrestricted };
}

function shiftOf({ lower }: MilpModel, column: number): number {
  return lower[column] === -Infinity ? 0 : lower[column];
}

function rowShifts(model: MilpModel): Float64Array {
  const shift = new Float64Array(model.rowLower.length);
  for (let column = 0; column < model.cost.length; column++) {
    for (let entry = model.starts[column]; entry < model.starts[column + 1]; entry++) {
      shift[model.indices[entry]] += model.values[entry] * shiftOf(model, column);
    }
  }
  return shift;
}

/** The most a column can be by a row whose coefficients and columns are all nonnegative. Shape [numColumns]. */
function impliedUpperBounds({ lower, rowUpper, starts, indices, values }: MilpModel): Float64Array {
  const simple = new Uint8Array(rowUpper.length).fill(1);
  const implied = new Float64Array(lower.length).fill(Infinity);
  const forEachEntry = (visit: (column: number, row: number, value: number) => void) => {
    for (let column = 0; column < lower.length; column++) {
      for (let entry = starts[column]; entry < starts[column + 1]; entry++) {
        visit(column, indices[entry], values[entry]);
      }
    }
  };
  forEachEntry((column, row, value) => {
    if (value < 0 || lower[column] < 0) simple[row] = 0;
  });
  forEachEntry((column, row, value) => {
    if (simple[row] && value > 0) implied[column] = Math.min(implied[column], rowUpper[row] / value);
  });
  return implied;
}
