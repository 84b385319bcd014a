import { createLpSession } from "../../../solvers/milp/lp-session.js";
import { binaryColumns, type MilpModel, type SparseColumns } from "../../../solvers/milp/milp-model.js";
import { solveMilp } from "../../../solvers/milp/solve-milp.js";

// Solves what takes more memory than WebAssembly is given here, then what does not, and prints what came of it.
const NUM_ROWS = 200;
const MOST_ROWS_OF_COLUMN = 8;
const rowsOf = Array.from({ length: 100_000 }, (_, column) =>
  Array.from({ length: MOST_ROWS_OF_COLUMN }, (_, at) => (7 * column + 25 * at) % NUM_ROWS),
);
const large = { rowsOf, cost: rowsOf.map((_, column) => 1 + (column % 97)) };
const small = { rowsOf: [[0], [1], [0, 1]], cost: [2, 1, 4] };

const rows = (length: number, most: number) => ({
  rowLower: new Float64Array(length).fill(1),
  rowUpper: new Float64Array(length).fill(most),
});
const largeRows = rows(NUM_ROWS, MOST_ROWS_OF_COLUMN);
const milpOf = (columns: SparseColumns, limits: ReturnType<typeof rows>): MilpModel => ({
  ...columns,
  ...limits,
  integer: new Uint8Array(columns.cost.length).fill(1),
});

/** Every row by the first columns that have it: feasible, and not the best. */
const start = new Float64Array(rowsOf.length).fill(1, 0, NUM_ROWS / MOST_ROWS_OF_COLUMN);

const milp = milpOf(binaryColumns(large, 1), largeRows);
const undecided = await solveMilp(milp, { backend: "highs" });
const withStart = await solveMilp(milp, { backend: "highs", start });
const next = await solveMilp(milpOf(binaryColumns(small, 1), rows(2, 1)), { backend: "highs" });

const session = await createLpSession(largeRows);
session.addColumns(binaryColumns(large, Infinity));
const lp = session.solve() ?? "no answer";
session.dispose();
const nextSession = await createLpSession(rows(2, 1));
nextSession.addColumns(binaryColumns(small, Infinity));

console.log(
  JSON.stringify({
    undecided,
    withStart: { ...withStart, values: undefined },
    next: { ...next, values: undefined },
    lp,
    nextLp: nextSession.solve()?.objective,
  }),
);
