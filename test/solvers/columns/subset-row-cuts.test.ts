import { expect } from "chai";
import fc from "fast-check";
import { createProblem } from "../../../lib/placement/problem.js";
import { createRandom } from "../../../lib/random.js";
import { bruteForcePartition } from "../brute-force-partition.js";
import { columnModelOf } from "../../../solvers/columns/admissible-columns.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { sumTokens, type Column, type PricedColumn } from "../../../solvers/columns/column.js";
import { createColumnTable } from "../../../solvers/columns/column-table.js";
import { fixByCuts } from "../../../solvers/columns/subset-row-cuts.js";
import { patternsOf } from "../arbitrary-problem.js";

describe("fixByCuts", () => {
  it("never bounds above the optimum, and keeps every column of it unless the incumbent is one", async () => {
    let shortened = 0;
    let lifted = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 3, max: 4 }), async (seed, numChiplets) => {
        // Random tokens are where the LP relaxation is loose.
        const random = createRandom(seed);
        const numExperts = numChiplets === 3 ? 9 : 8;
        const tokens = Array.from({ length: 24 }, () =>
          [...random.shuffle(Array.from({ length: numExperts }, (_, expert) => expert))].slice(0, 3),
        );
        const problem = createProblem(patternsOf(tokens, numExperts), { numChiplets });
        const columns: PricedColumn[] = [];
        createColumnTable(columnModelOf(constraintModelOf(problem))).walk(
          { expert: new Float64Array(numExperts), chiplet: 0 },
          Infinity,
          (experts, filled) =>
            columns.push({ column: { experts: [...experts], tokens: filled }, reducedCost: filled }),
        );
        const best = bruteForcePartition(
          problem,
          columns.map(({ column }) => column),
        );
        const worse = contiguousColumns(columns, problem);
        const start = { columns, base: 0, bound: 0 };
        const list = await fixByCuts(problem, start, { incumbent: worse, fewColumns: 0, deadline: Infinity });
        expect(list.bound).to.be.at.most(sumTokens(best));
        if (list.bound > 0) lifted++;
        if (list.columns.length < columns.length) shortened++;
        if (sumTokens(best) === sumTokens(worse)) return;
        const kept = new Map(
          list.columns.map(({ column, reducedCost }) => [column.experts.join(), reducedCost]),
        );
        for (const { experts } of best) {
          expect(kept.has(experts.join()), experts.join()).to.equal(true);
          expect(list.base + (kept.get(experts.join()) ?? 0)).to.be.at.most(sumTokens(best));
        }
      }),
      { numRuns: 40, seed: 3 },
    );
    expect(lifted).to.be.greaterThan(10);
    expect(shortened).to.be.greaterThan(10);
  });

  it("closes the gap of two triangles, whose LP relaxation takes half of every edge", async () => {
    const edges = [
      [0, 1],
      [1, 2],
      [0, 2],
      [3, 4],
      [4, 5],
      [3, 5],
    ];
    const tokens = edges.flatMap((edge) => Array.from({ length: 10 }, () => edge));
    const problem = createProblem(patternsOf(tokens, 6), { numChiplets: 3 });
    const columns: PricedColumn[] = [];
    createColumnTable(columnModelOf(constraintModelOf(problem))).walk(
      { expert: new Float64Array(6), chiplet: 0 },
      Infinity,
      (experts, filled) =>
        columns.push({ column: { experts: [...experts], tokens: filled }, reducedCost: filled }),
    );
    const costOf = (experts: string) =>
      columns.find(({ column }) => column.experts.join() === experts)?.column ?? expect.fail(experts);
    // Half of all edges: 6 * 30 / 2 = 90 tokens. One edge a triangle and the rest together: 30 + 30 + 40.
    const dear = ["0,3", "1,4", "2,5"].map(costOf);
    expect(sumTokens(dear)).to.equal(120);
    const start = { columns, base: 0, bound: 0 };
    const list = await fixByCuts(problem, start, { incumbent: dear, fewColumns: 0, deadline: Infinity });
    expect(list.bound).to.be.closeTo(100, 1e-3);
    const optimum = ["0,1", "3,4", "2,5"].map(costOf);
    const settled = await fixByCuts(problem, start, {
      incumbent: optimum,
      fewColumns: 0,
      deadline: Infinity,
    });
    expect(settled).to.deep.include({ columns: [], bound: 100 });
  });
});

function contiguousColumns(
  columns: readonly PricedColumn[],
  { numChiplets, slotsPerChiplet }: { numChiplets: number; slotsPerChiplet: number },
): Column[] {
  return Array.from({ length: numChiplets }, (_, chiplet) => {
    const first = chiplet * slotsPerChiplet;
    const experts = Array.from({ length: slotsPerChiplet }, (_unused, slot) => first + slot).join();
    const found = columns.find(({ column }) => column.experts.join() === experts);
    if (!found) throw new Error(`no column ${experts}`);
    return found.column;
  });
}
