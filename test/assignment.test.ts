import { expect } from "chai";
import fc from "fast-check";
import { maximumAssignment } from "../lib/assignment.js";

describe("maximumAssignment", () => {
  it("weighs as much as the best of all permutations", () => {
    const squares = fc
      .integer({ min: 1, max: 5 })
      .chain((size) =>
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: size * size, maxLength: size * size }),
      );
    fc.assert(
      fc.property(squares, (weights) => {
        const size = Math.sqrt(weights.length);
        const columnOf = maximumAssignment(weights, size);
        expect(new Set(columnOf).size).to.equal(size);
        expect(weigh(weights, [...columnOf])).to.equal(bestWeight(weights, size));
      }),
    );
  });

  it("assigns nothing to nothing", () => {
    expect(maximumAssignment([], 0)).to.deep.equal(new Uint16Array(0));
  });
});

function weigh(weights: number[], columnOf: number[]): number {
  return columnOf.reduce((sum, column, row) => sum + weights[row * columnOf.length + column], 0);
}

function bestWeight(weights: number[], size: number, taken: number[] = []): number {
  if (taken.length === size) return weigh(weights, taken);
  const free = Array.from({ length: size }, (_, column) => column).filter(
    (column) => !taken.includes(column),
  );
  return Math.max(...free.map((column) => bestWeight(weights, size, [...taken, column])));
}
