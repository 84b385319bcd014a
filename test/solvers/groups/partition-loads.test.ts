import { expect } from "chai";
import * as fc from "fast-check";
import { balanceLoads } from "../../../solvers/groups/partition-loads.js";

describe("balanceLoads", () => {
  it("is done at once with a single set, however large", () => {
    const loads = Array.from({ length: 40 }, (_, index) => index % 7);
    expect(balanceLoads(loads, 40)[0].toSorted((a, b) => a - b)).to.deep.equal([...loads.keys()]);
  });

  it("deals loads into equal sets with the least deviation from the mean of all ways", () => {
    const cases = fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
      .filter(([numSets, perSet]) => numSets * perSet <= 9)
      .chain(([numSets, perSet]) =>
        fc.record({
          perSet: fc.constant(perSet),
          loads: fc.array(fc.nat(30), { minLength: numSets * perSet, maxLength: numSets * perSet }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ loads, perSet }) => {
        const sets = balanceLoads(loads, perSet);
        expect(sets.flat().sort()).to.deep.equal(loads.map((_, index) => index).sort());
        expect(sets.every((set) => set.length === perSet)).to.be.true;
        expect(deviations(loads, sets)).to.deep.equal(bestOfAll(loads, perSet));
      }),
      { seed: 1 },
    );
  });

  it("splits sixteen loads into four even sets where that can be done", () => {
    const loads = [16, 2, 3, 13, 5, 11, 10, 8, 9, 7, 6, 12, 4, 14, 15, 1];
    const sums = balanceLoads(loads, 4).map((set) => set.reduce((sum, index) => sum + loads[index], 0));
    expect(sums).to.deep.equal([34, 34, 34, 34]);
  });

  it("still deals evenly when the budget is spent", () => {
    const loads = Array.from({ length: 32 }, (_, index) => (index * 37) % 101);
    const sets = balanceLoads(loads, 8, 1000);
    expect(sets.map((set) => set.length)).to.deep.equal([8, 8, 8, 8]);
    expect(new Set(sets.flat()).size).to.equal(32);
  });
});

/** Sum and largest of the deviations from the mean, times the number of sets to stay with integers. */
function deviations(loads: number[], sets: number[][]): [number, number] {
  const total = loads.reduce((sum, load) => sum + load, 0);
  const apart = sets.map((set) =>
    Math.abs(sets.length * set.reduce((sum, index) => sum + loads[index], 0) - total),
  );
  return [apart.reduce((sum, value) => sum + value, 0), Math.max(...apart)];
}

function bestOfAll(loads: number[], perSet: number): [number, number] {
  const sets = Array.from({ length: loads.length / perSet }, (): number[] => []);
  let best: [number, number] = [Infinity, Infinity];
  const deal = (index: number): void => {
    if (index === loads.length) {
      const found = deviations(loads, sets);
      if (found[0] < best[0] || (found[0] === best[0] && found[1] < best[1])) best = found;
      return;
    }
    for (const set of sets) {
      if (set.length === perSet) continue;
      set.push(index);
      deal(index + 1);
      set.pop();
    }
  };
  deal(0);
  return best;
}
