import { expect } from "chai";
import fc from "fast-check";
import type { PlacementProblem } from "../../../lib/placement/problem.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { largest, sum } from "../../../lib/statistics.js";
import { peaksOf, provePeaks, type CountedPeaks } from "../../../solvers/bounds/chiplet-peaks.js";
import { createPeakProver, loadOf } from "../../../solvers/bounds/peak-prover.js";
import { columnModelOf } from "../../../solvers/columns/admissible-columns.js";
import type { Column } from "../../../solvers/columns/column.js";
import { createColumnTable } from "../../../solvers/columns/column-table.js";
import { zeroMultipliers } from "../../../solvers/columns/multipliers.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { freeProblems } from "../arbitrary-problem.js";

describe("peaks of chiplets", () => {
  /** What grows with all three, in some proportion. */
  const weights = fc.tuple(
    fc.double({ min: 0.1, max: 2, noNaN: true }),
    fc.double({ min: 0.1, max: 2, noNaN: true }),
  );

  it("are had by every placement, at least those of one answer", async () => {
    let numProved = 0;
    await fc.assert(
      fc.asyncProperty(freeProblems, weights, fc.nat(), async (problem, [byLoad, byTokens], pick) => {
        const shape = columnModelOf(constraintModelOf(problem));
        const table = createColumnTable(shape);
        const all = everyPlacement(problem);
        const load = problem.load;
        const incumbent = all[pick % all.length];
        const leastCopies = Math.min(...all.map((columns) => peaksOf(columns, load).copies));
        const leastNs = (peaks: CountedPeaks) =>
          byLoad * peaks.load + byTokens * peaks.tokens + 0.05 * peaks.copies;
        const deadline = Infinity;
        const filled: [number, number, number][] = [];
        const peaks = await provePeaks({
          prover: createPeakProver({ shape, table, load, known: incumbent, deadline }),
          numChiplets: problem.numChiplets,
          load,
          leastCopies,
          incumbent,
          leastNs,
          mostProofs: 4,
          fill: (served, { none, worth }) => {
            filled.push([served, none, worth]);
            return Promise.resolve(undefined);
          },
          deadline,
        });
        for (const columns of all) {
          const own = peaksOf(columns, load);
          const has = ({ load: served, tokens, copies }: CountedPeaks) =>
            own.load >= served - 1e-6 && own.tokens >= tokens && own.copies >= copies - 1e-3;
          expect(peaks.some(has), JSON.stringify({ own, peaks })).to.equal(true);
          // Nothing keeps what was said to be impossible.
          for (const [served, none] of filled) expect(own.load > served || own.tokens > none).to.equal(true);
        }
        numProved += filled.length;
      }),
      { seed: 4, numRuns: 60 },
    );
    expect(numProved).to.be.above(30);
  });

  it("are proved by columns within thresholds alone", () => {
    fc.assert(
      fc.property(freeProblems, fc.nat(9), fc.nat(9), (problem, share, tokenShare) => {
        const { load, numExperts } = problem;
        const table = createColumnTable(columnModelOf(constraintModelOf(problem)));
        const caps = { load, maxLoad: (largest(load) * 2 * share) / 9, maxTokens: tokenShare };
        const walked = (of: typeof table) => {
          const columns: string[] = [];
          of.walk(zeroMultipliers({ ...problem, numExperts }), Infinity, (experts, tokens) => {
            const column = { experts: [...experts], tokens };
            if (loadOf(column, load) <= caps.maxLoad && tokens <= caps.maxTokens)
              columns.push(experts.join());
          });
          return columns;
        };
        let all = 0;
        table.within(caps).walk(zeroMultipliers({ ...problem, numExperts }), Infinity, () => all++);
        expect(walked(table.within(caps))).to.deep.equal(walked(table));
        expect(all).to.equal(walked(table).length);
      }),
    );
  });
});

/** The columns of every placement of a small problem, up to the numbers of its chiplets. */
function everyPlacement(problem: PlacementProblem): Column[][] {
  const { numExperts, numChiplets, slotsPerChiplet } = problem;
  const placements: Column[][] = [];
  const deal = (expert: number, chiplets: readonly (readonly number[])[]): void => {
    if (expert === numExperts) {
      const { chipletTokens } = countTraffic(
        problem.patterns,
        [...chiplets, ...Array.from({ length: numChiplets - chiplets.length }, () => [])],
        problem,
      );
      placements.push(chiplets.map((experts, chiplet) => ({ experts, tokens: chipletTokens[chiplet] })));
      return;
    }
    chiplets.forEach((experts, chiplet) => {
      if (experts.length < slotsPerChiplet) deal(expert + 1, chiplets.with(chiplet, [...experts, expert]));
    });
    if (chiplets.length < numChiplets) deal(expert + 1, [...chiplets, [expert]]);
  };
  deal(0, []);
  return placements.filter((columns) => sum(columns.map(({ experts }) => experts.length)) === numExperts);
}
