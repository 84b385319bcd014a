import { expect } from "chai";
import * as fc from "fast-check";
import { rebalanceExperts } from "../../solvers/eplb.js";

describe("rebalanceExperts", () => {
  // The example of deepseek-ai/EPLB's README: 2 layers of 12 experts, 4 groups, 2 nodes, 8 GPUs, 16 replicas.
  const layers = [
    [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
    [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
  ];
  const shape = { numSlots: 16, numExpertGroups: 4, numChipletGroups: 2, numChiplets: 8 };

  it("reproduces the example of the EPLB README", () => {
    expect(layers.map((load) => [...rebalanceExperts(load, shape).expertOfSlot])).to.deep.equal([
      [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1],
      [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1],
    ]);
  });

  it("knows which replica is where", () => {
    const { slotsOfExpert, replicaCount } = rebalanceExperts(layers[0], shape);
    expect([...replicaCount]).to.deep.equal([1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 2, 1]);
    expect(slotsOfExpert[5]).to.deep.equal([0, 2]);
    expect(slotsOfExpert[7]).to.deep.equal([3]);
  });

  it("falls back on the global policy where the servers do not divide the expert groups", () => {
    const global = rebalanceExperts(layers[0], { ...shape, numExpertGroups: 1 });
    expect(global).to.deep.equal(
      rebalanceExperts(layers[0], { ...shape, numExpertGroups: 1, numChipletGroups: 1 }),
    );
    expect(global).not.to.deep.equal(rebalanceExperts(layers[0], shape));
  });

  it("gives every expert at least one slot and every slot an expert", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 2, max: 6 }),
        (load, slots) => {
          const options = { numSlots: 4 * slots, numExpertGroups: 4, numChipletGroups: 2, numChiplets: 4 };
          const { expertOfSlot, slotsOfExpert, replicaCount } = rebalanceExperts(load, options);
          expect(slotsOfExpert.flat().sort((a, b) => a - b)).to.deep.equal(
            expertOfSlot.map((_, slot) => slot).reduce<number[]>((all, slot) => [...all, slot], []),
          );
          slotsOfExpert.forEach((slotsOf, expert) => {
            expect(slotsOf.length).to.equal(replicaCount[expert]).and.to.be.at.least(1);
            for (const slot of slotsOf) expect(expertOfSlot[slot]).to.equal(expert);
          });
        },
      ),
    );
  });
});
