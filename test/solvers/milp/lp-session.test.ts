import { expect } from "chai";
import * as fc from "fast-check";
import { loadHighs } from "../../../solvers/milp/load-highs.js";
import { createLpSession } from "../../../solvers/milp/lp-session.js";
import { binaryColumns } from "../../../solvers/milp/milp-model.js";

const ones = (length: number) => new Float64Array(length).fill(1);

describe("createLpSession", () => {
  it("has no answer where its runtime aborts, leaves others theirs, and begins the next in a new one", async () => {
    const rows = { rowLower: ones(2), rowUpper: ones(2) };
    const columns = binaryColumns({ rowsOf: [[0], [1]], cost: [2, 3] }, Infinity);
    const broken = await loadHighs();
    const createModel = broken.createModel.bind(broken);
    // As HiGHS ends where a model takes more memory than WebAssembly has.
    broken.createModel = (...args) => {
      const model = createModel(...args);
      model.run = () => {
        throw Object.assign(new Error("Aborted(OOM)"), { name: "RuntimeError" });
      };
      return model;
    };
    const session = await createLpSession(rows);
    session.addColumns(columns);
    expect([session.solve(), session.solve()]).to.deep.equal([undefined, undefined]);
    session.dispose();
    expect(await loadHighs()).not.to.equal(broken);
    const next = await createLpSession(rows);
    next.addColumns(columns);
    expect(next.solve()?.objective).to.equal(5);
  });

  it("prices rows so that every column in use has reduced cost 0, and none has less", async () => {
    await fc.assert(
      fc.asyncProperty(columnSets, async ({ numRows, rowsOf, cost }) => {
        const session = await createLpSession({ rowLower: ones(numRows), rowUpper: ones(numRows) });
        // A dear column for every row keeps the first solve feasible.
        const singles = Array.from({ length: numRows }, (_, row) => [row]);
        session.addColumns(binaryColumns({ rowsOf: singles, cost: singles.map(() => 100) }, Infinity));
        expect(session.solve()?.objective).to.be.closeTo(100 * numRows, 1e-9);
        session.addColumns(binaryColumns({ rowsOf, cost }, Infinity));
        const optimum = session.solve();
        if (!optimum) expect.fail("expected an optimum");
        [...singles, ...rowsOf].forEach((rows, column) => {
          const price = rows.reduce((sum, row) => sum + optimum.rowDuals[row], 0);
          const reduced = (column < numRows ? 100 : cost[column - numRows]) - price;
          expect(reduced).to.be.at.least(-1e-6);
          if (optimum.values[column] > 1e-6) expect(reduced).to.be.closeTo(0, 1e-6);
        });
        // Strong duality: with right-hand sides 1 the prices add up to the objective.
        expect(optimum.rowDuals.reduce((sum, dual) => sum + dual, 0)).to.be.closeTo(optimum.objective, 1e-6);
        session.dispose();
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  it("has no optimum until its columns can meet every row", async () => {
    const session = await createLpSession({ rowLower: ones(2), rowUpper: ones(2) });
    session.addColumns(binaryColumns({ rowsOf: [[0]], cost: [2] }, Infinity));
    expect(session.solve()).to.equal(undefined);
    session.addColumns(binaryColumns({ rowsOf: [[1]], cost: [3] }, Infinity));
    expect(session.solve()?.objective).to.be.closeTo(5, 1e-9);
    session.addColumns(binaryColumns({ rowsOf: [[0, 1]], cost: [1] }, Infinity));
    expect(session.solve()?.objective).to.be.closeTo(1, 1e-9);
    session.dispose();
  });
});

const columnSets = fc.integer({ min: 1, max: 6 }).chain((numRows) =>
  fc
    .array(
      fc.tuple(
        fc.uniqueArray(fc.integer({ min: 0, max: numRows - 1 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 50 }),
      ),
      { minLength: 1, maxLength: 15 },
    )
    .map((columns) => ({
      numRows,
      rowsOf: columns.map(([rows]) => rows),
      cost: columns.map(([, cost]) => cost),
    })),
);
