import type { Model } from "highs";
import { matrixOf } from "./highs.js";
import { dropHighs, loadHighs } from "./load-highs.js";
import type { RowBounds, SparseColumns } from "./milp-model.js";

/** An optimal LP solution with its duals. */
export interface LpOptimum {
  readonly objective: number;
  /** Shape [numColumns]. */
  readonly values: Float64Array;
  /** Of every row: column j has reduced cost cost_j - sum of its entries times duals. Shape [numRows]. */
  readonly rowDuals: Float64Array;
}

/**
 * A linear programme that grows and is solved again from where it was, in this thread: the master of a column
 * generation. It blocks the event loop while it solves, so it belongs in a worker.
 */
export interface LpSession {
  /** Appends columns; those there keep their numbers. */
  addColumns(columns: SparseColumns): void;
  /** Solves to optimality from the last basis; undefined if infeasible, unbounded, failed numerically or out of memory. */
  solve(): LpOptimum | undefined;
  /** Gives the memory back; WebAssembly has no other way. */
  dispose(): void;
}

/**
 * Opens an LP session of given rows, without columns.
 *
 * @example
 * const ones = Float64Array.of(1, 1);
 * const session = await createLpSession({ rowLower: ones, rowUpper: ones });
 * session.addColumns(binaryColumns({ rowsOf: [[0], [1], [0, 1]], cost: [2, 3, 4] }, Infinity));
 * session.solve().objective; // 4
 */
export async function createLpSession({ rowLower, rowUpper }: RowBounds): Promise<LpSession> {
  const highs = await loadHighs();
  const numRows = rowLower.length;
  let instance: Model | undefined;
  /** Does something with the model as long as the runtime is sound: one that is exhausted has no answer to anything. */
  const ifSound = <T>(work: (model: Model) => T): T | undefined => {
    try {
      return instance && work(instance);
    } catch (error) {
      if (!isExhausted(error)) throw error;
      instance = undefined;
      dropHighs();
      return undefined;
    }
  };
  try {
    instance = highs.createModel();
  } catch (error) {
    if (!isExhausted(error)) throw error;
    dropHighs();
  }
  ifSound((model) => {
    // Primal simplex: added columns leave the basis primal feasible.
    model.options.set({ output_flag: false, solver: "simplex", simplex_strategy: 4, random_seed: 0 });
    model.addRows({
      lower: rowLower,
      upper: rowUpper,
      matrix: {
        format: "csr",
        numRows,
        numCols: 0,
        starts: new Int32Array(numRows + 1),
        indices: new Int32Array(0),
        values: new Float64Array(0),
      },
    });
  });
  return {
    addColumns(columns) {
      const { cost, lower, upper } = columns;
      if (cost.length === 0) return;
      ifSound((model) => {
        model.addCols({ cost, lower, upper, matrix: matrixOf(columns, numRows) });
      });
    },
    solve: () =>
      ifSound((model) => {
        if (model.run().modelStatus !== highs.constants.modelStatus.optimal) return undefined;
        const { colValue, rowDual } = model.getSolution();
        return { objective: model.getObjectiveValue(), values: colValue, rowDuals: rowDual };
      }),
    dispose() {
      ifSound((model) => {
        model.dispose();
      });
    },
  };
}

/** Whether WebAssembly aborted or had no more memory, rather than a mistake of ours. */
function isExhausted(error: unknown): boolean {
  return error instanceof Error && (error.name === "RuntimeError" || error.name === "RangeError");
}
