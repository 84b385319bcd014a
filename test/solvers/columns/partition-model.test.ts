import { expect } from "chai";
import { choosePartition } from "../../../solvers/columns/partition-model.js";

const shape = { numExperts: 4, numChiplets: 2, slotsPerChiplet: 2 };
const column = (experts: readonly number[], tokens: number) => ({ experts, tokens });

describe("choosePartition", () => {
  it("chooses the cheapest columns that cover every expert once", async () => {
    const columns = [
      column([0, 1], 5),
      column([2, 3], 5),
      column([0, 2], 3),
      column([1, 3], 4),
      column([0, 3], 1),
    ];
    const choice = await choosePartition(shape, columns, {
      backend: "highs",
      incumbent: columns.slice(0, 2),
    });
    expect(choice?.tokens).to.equal(7);
    expect(choice?.bound).to.equal(7);
  });

  it("takes no word of javascript-lp-solver for a proof, because it has called choices optimal that were not", async () => {
    const columns = [column([0, 1], 5), column([2, 3], 5)];
    const choice = await choosePartition(shape, columns, { backend: "javascript-lp-solver" });
    expect(choice?.tokens).to.equal(10);
    expect(choice).to.not.have.property("bound");
  });

  it("notes an LP that has no solution, and keeps the incumbent", async () => {
    const incumbent = [column([0, 1], 5), column([2, 3], 5)];
    const notes: string[] = [];
    const choice = await choosePartition(shape, [column([0, 2], 3)], {
      backend: "highs",
      incumbent,
      onNote: (note) => notes.push(note),
    });
    expect(notes).to.eql(["no column was fixed by its reduced cost: the LP over 1 columns was not solved"]);
    expect(choice?.columns).to.eql(incumbent);
  });
});
