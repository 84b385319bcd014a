import { expect } from "chai";
import * as fc from "fast-check";
import type { BackendName } from "../../../lib/placement/backend-choice.js";
import { binaryColumns, objectiveOf, violationOf, type MilpModel } from "../../../solvers/milp/milp-model.js";
import { solveInWorker } from "../../../solvers/milp/worker-pool.js";
import { checkClaim, solveMilp } from "../../../solvers/milp/solve-milp.js";

const backends: readonly BackendName[] = ["highs", "javascript-lp-solver"];

/** A model as one writes it down: `rows` are [lower, coefficients, upper], `columns` are [lower, upper]. */
interface Written {
  cost: number[];
  rows: [number, number[], number][];
  columns: [number, number][];
  integer: number[];
}

const cases: (Written & { name: string; objective: number | "infeasible" })[] = [
  {
    name: "a knapsack",
    cost: [-5, -4, -3],
    rows: [[-Infinity, [2, 3, 1], 5]],
    columns: [
      [0, 1],
      [0, 1],
      [0, 1],
    ],
    integer: [1, 1, 1],
    objective: -9,
  },
  {
    name: "integers between bounds that are not 0 and 1",
    cost: [1, 1],
    rows: [[7.5, [2, 1], Infinity]],
    columns: [
      [-2, 3],
      [1, 9],
    ],
    integer: [1, 1],
    objective: 5,
  },
  {
    name: "a mixed model with a free column",
    cost: [1, 2],
    rows: [
      [-3, [1, 1], Infinity],
      [-Infinity, [-1, 1], 0.5],
    ],
    columns: [
      [-Infinity, Infinity],
      [0, 4],
    ],
    integer: [0, 1],
    objective: -0.5,
  },
  {
    name: "two rows that contradict each other",
    cost: [1, 1],
    rows: [
      [2, [1, 1], 2],
      [-Infinity, [1, 1], 1],
    ],
    columns: [
      [0, 1],
      [0, 1],
    ],
    integer: [1, 1],
    objective: "infeasible",
  },
  {
    name: "a parity that the relaxation does not see",
    cost: [0, 0],
    rows: [[1, [2, 2], 1]],
    columns: [
      [0, 1],
      [0, 1],
    ],
    integer: [1, 1],
    objective: "infeasible",
  },
];

describe("solveMilp", () => {
  for (const backend of backends) {
    describe(`with ${backend}`, () => {
      for (const { name, objective, ...written } of cases) {
        it(`solves ${name}`, async () => {
          const model = toModel(written);
          const solution = await solveMilp(model, { backend });
          if (objective === "infeasible") {
            expect(solution.status).to.equal("infeasible");
            return;
          }
          if (solution.status !== "optimal") expect.fail(JSON.stringify(solution));
          expect(solution.objective).to.be.closeTo(objective, 1e-9);
          expect(solution.bound).to.be.closeTo(objective, 1e-6);
          expect(violationOf(model, solution.values)).to.equal(undefined);
        });
      }

      it("equals brute force on random set partitionings", async () => {
        await fc.assert(
          fc.asyncProperty(partitionings, async ({ numRows, rowsOf, cost }) => {
            const model = partitioning(numRows, rowsOf, cost);
            const best = cheapestPartition(numRows, rowsOf, cost);
            const solution = await solveMilp(model, { backend });
            if (best === Infinity) expect(solution).to.deep.equal({ status: "infeasible" });
            else if (solution.status !== "optimal") expect.fail(JSON.stringify(solution));
            else expect(solution.objective).to.equal(best);
          }),
          { numRuns: 60, seed: 1 },
        );
      });

      it("never answers worse than the start", async () => {
        const rowsOf = [[0, 1], [2], [0], [1, 2]];
        const model = partitioning(3, rowsOf, [3, 3, 1, 2]);
        const start = Float64Array.of(1, 1, 0, 0);
        const solution = await solveMilp(model, { backend, start });
        expect(solution).to.include({ status: "optimal", objective: 3 });
        expect(await solveMilp(model, { backend, start, timeLimitMs: 0 })).to.include({
          status: "feasible",
          objective: 6,
        });
      });
    });
  }

  it("kills a backend that spins for ever and answers again afterwards", async () => {
    const spinning = minMaxBalance(48, 6);
    const cut = await solveMilp(spinning, { backend: "javascript-lp-solver", timeLimitMs: 400 });
    expect(cut.status).to.equal("undecided");
    const small = partitioning(1, [[0]], [4]);
    const next = await solveMilp(small, { backend: "javascript-lp-solver" });
    expect(next).to.include({ status: "optimal", objective: 4 });
  });

  it("stops HiGHS after a number of iterations with the same result every time", async () => {
    const model = minMaxBalance(60, 7);
    const options = { backend: "highs", maxIterations: 300 } as const;
    const [first, second] = [await solveMilp(model, options), await solveMilp(model, options)];
    expect(first).to.deep.equal(second);
    expect(first.status).to.equal("feasible");
  });

  it("refuses a start that is not feasible, which HiGHS would ignore in silence", async () => {
    const model = partitioning(2, [[0], [1]], [1, 1]);
    const failure = await solveMilp(model, { backend: "highs", start: Float64Array.of(1, 0) }).catch(String);
    expect(failure).to.equal("Error: a start must be feasible: row 1 is 0, expected 1 to 1");
  });
});

describe("a worker of a backend", () => {
  const model = partitioning(2, [[0, 1], [0], [1]], [5, 1, 2]);

  it("that dies is told of, and the next model has another one", async () => {
    const unknown = { backend: "abacus" as "highs", model, options: {} };
    const claim = await solveInWorker(unknown, Infinity);
    expect(claim).to.have.property("kind", "nothing");
    expect(claim)
      .to.have.property("reason")
      .that.matches(/^abacus failed: /);
    expect((await solveMilp(model, { backend: "highs" })).status).to.equal("optimal");
  });
});

describe("checkClaim", () => {
  const model = partitioning(2, [[0, 1], [0], [1]], [5, 1, 2]);

  it("answers a fractional point as undecided", () => {
    const point = Float64Array.of(0.5, 0.5, 0.5);
    expect(checkClaim(model, { kind: "point", point, objective: 4, bound: 4 }).status).to.equal("undecided");
  });

  it("answers a point that breaks a row as undecided", () => {
    const point = Float64Array.of(0, 1, 0);
    expect(checkClaim(model, { kind: "point", point, objective: 1, bound: 1 })).to.deep.equal({
      status: "undecided",
      reason: "the point that came back is not feasible: row 1 is 0, expected 1 to 1",
    });
  });

  it("answers nonsense as undecided, or leaves it out: points of another length, numbers that are none", () => {
    const claims = [
      { point: Float64Array.of(0, 1), objective: 3 },
      { point: Float64Array.of(0, 1, 1, 1), objective: 3 },
      { point: Float64Array.of(0, NaN, 1), objective: 3 },
      { point: Float64Array.of(0, 1, 1), objective: NaN },
      { point: Float64Array.of(0, 1, 1), objective: -Infinity },
    ];
    for (const claim of claims) {
      expect(checkClaim(model, { kind: "point", ...claim }).status, String(claim.point)).to.equal(
        "undecided",
      );
    }
    const point = Float64Array.of(0, 1, 1);
    const withoutBound = checkClaim(model, { kind: "point", point, objective: 3, bound: NaN });
    expect(withoutBound).to.deep.equal({ status: "feasible", values: point, objective: 3 });
  });

  it("answers a wrong objective as undecided", () => {
    const point = Float64Array.of(0, 1, 1);
    expect(checkClaim(model, { kind: "point", point, objective: 2, bound: 2 }).status).to.equal("undecided");
  });

  it("answers a bound above the objective as undecided", () => {
    const point = Float64Array.of(0, 1, 1);
    expect(checkClaim(model, { kind: "point", point, objective: 3, bound: 4 }).status).to.equal("undecided");
  });

  it("calls a point feasible, not optimal, while the bound is away", () => {
    const point = Float64Array.of(1, 0, 0);
    expect(checkClaim(model, { kind: "point", point, objective: 5, bound: 3 })).to.include({
      status: "feasible",
      objective: 5,
      bound: 3,
    });
  });

  it("believes a feasible start rather than a claim of infeasibility", () => {
    const start = Float64Array.of(1, 0, 0);
    expect(checkClaim(model, { kind: "infeasible" }, start)).to.include({ status: "feasible", objective: 5 });
  });
});

/** Columns over up to 6 rows, some of which partition them. */
const partitionings = fc.integer({ min: 1, max: 6 }).chain((numRows) =>
  fc
    .array(
      fc.tuple(
        fc.uniqueArray(fc.integer({ min: 0, max: numRows - 1 }), { minLength: 1 }),
        fc.integer({ min: 0, max: 20 }),
      ),
      { minLength: 1, maxLength: 12 },
    )
    .map((columns) => ({
      numRows,
      rowsOf: columns.map(([rows]) => rows),
      cost: columns.map(([, cost]) => cost),
    })),
);

function partitioning(numRows: number, rowsOf: number[][], cost: number[]): MilpModel {
  return {
    ...binaryColumns({ rowsOf, cost }, 1),
    rowLower: new Float64Array(numRows).fill(1),
    rowUpper: new Float64Array(numRows).fill(1),
    integer: new Uint8Array(rowsOf.length).fill(1),
  };
}

function cheapestPartition(numRows: number, rowsOf: number[][], cost: number[]): number {
  let best = Infinity;
  for (let chosen = 0; chosen < 2 ** rowsOf.length; chosen++) {
    const picked = rowsOf.map((_, column) => column).filter((column) => (chosen >> column) & 1);
    const covered = picked.flatMap((column) => rowsOf[column]);
    if (covered.length !== numRows || new Set(covered).size !== numRows) continue;
    best = Math.min(
      best,
      picked.reduce((sum, column) => sum + cost[column], 0),
    );
  }
  return best;
}

/** Puts items on chiplets so that the largest load is least: the degenerate model that makes a simplex cycle. */
function minMaxBalance(numItems: number, numChiplets: number): MilpModel {
  const cost = Array.from(
    { length: numItems * numChiplets + 1 },
    (_, column) => +(column === numItems * numChiplets),
  );
  const rows: Written["rows"] = [];
  for (let item = 0; item < numItems; item++) {
    rows.push([
      1,
      cost.map((_, column) => +(Math.floor(column / numChiplets) === item && column < cost.length - 1)),
      1,
    ]);
  }
  for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
    const load = cost.map((_, column) =>
      column % numChiplets === chiplet ? 10 + ((column * 7919) % 97) : 0,
    );
    load[cost.length - 1] = -1;
    rows.push([-Infinity, load, 0]);
  }
  const integer = cost.map((_, column) => +(column < cost.length - 1));
  return toModel({ cost, rows, columns: integer.map((isInteger) => [0, isInteger ? 1 : Infinity]), integer });
}

function toModel({ cost, rows, columns, integer }: Written): MilpModel {
  const starts = [0];
  const indices: number[] = [];
  const values: number[] = [];
  cost.forEach((_, column) => {
    rows.forEach(([, coefficients], row) => {
      if (coefficients[column] === 0) return;
      indices.push(row);
      values.push(coefficients[column]);
    });
    starts.push(indices.length);
  });
  return {
    cost: Float64Array.from(cost),
    lower: Float64Array.from(columns, ([lower]) => lower),
    upper: Float64Array.from(columns, ([, upper]) => upper),
    integer: Uint8Array.from(integer),
    rowLower: Float64Array.from(rows, ([lower]) => lower),
    rowUpper: Float64Array.from(rows, ([, , upper]) => upper),
    starts: Int32Array.from(starts),
    indices: Int32Array.from(indices),
    values: Float64Array.from(values),
  };
}

describe("objectiveOf", () => {
  it("adds cost times value", () => {
    expect(objectiveOf(partitioning(2, [[0], [1]], [3, 4]), Float64Array.of(1, 0.5))).to.equal(5);
  });
});
