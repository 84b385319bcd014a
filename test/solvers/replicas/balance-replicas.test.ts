import { expect } from "chai";
import * as fc from "fast-check";
import { createRandom } from "../../../lib/random.js";
import { balanceReplicas } from "../../../solvers/replicas/balance-replicas.js";
import { rebalanceExperts } from "../../../solvers/eplb.js";

describe("balanceReplicas", () => {
  it("copies the busiest and seats no copy twice on a chiplet", () => {
    expect(balanceReplicas([8, 4, 3, 1], { numReplicasOfAll: 6, numChiplets: 2 })).to.deep.equal([
      [0, 1, 2],
      [0, 1, 3],
    ]);
  });

  it("seats every expert, at most as many copies as asked for, none twice on a chiplet", () => {
    const cases = fc.record({
      load: fc.array(fc.nat(100), { minLength: 4, maxLength: 12 }),
      spare: fc.nat(12),
      numChiplets: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(cases, ({ load, spare, numChiplets }) => {
        const numReplicasOfAll = load.length + spare;
        const chiplets = balanceReplicas(load, { numReplicasOfAll, numChiplets });
        const most = Math.min(numReplicasOfAll, load.length * numChiplets);
        expect(chiplets.flat()).to.have.length(most);
        expect(new Set(chiplets.flat()).size).to.equal(load.length);
        for (const experts of chiplets) {
          expect(new Set(experts).size).to.equal(experts.length);
          expect(experts.length).to.be.at.most(Math.ceil(numReplicasOfAll / numChiplets));
        }
      }),
      { seed: 1 },
    );
  });

  for (const [policy, groups] of [
    ["global", { numExpertGroups: 8, numChipletGroups: 1 }],
    ["hierarchical", { numExpertGroups: 8, numChipletGroups: 4 }],
  ] as const) {
    it(`balances DeepSeek-V3's shape at least as well as EPLB's ${policy} policy, layer by layer`, () => {
      for (let layer = 0; layer < 12; layer++) {
        const load = skewedLoad(256, layer);
        const shape = { numChiplets: 32, ...groups };
        const ours = balanceReplicas(load, { ...shape, numReplicasOfAll: 288 });
        const { expertOfSlot } = rebalanceExperts(load, { ...shape, numSlots: 288 });
        const theirs = Array.from({ length: 32 }, (_, chiplet) => [
          ...expertOfSlot.subarray(9 * chiplet, 9 * chiplet + 9),
        ]);
        expect(imbalance(load, ours)).to.be.at.most(imbalance(load, theirs) + 1e-9);
        for (const experts of ours) expect(new Set(experts).size).to.equal(9);
      }
    });
  }

  it("keeps consecutive experts on their chiplet group", () => {
    const chiplets = balanceReplicas(skewedLoad(32, 1), {
      numReplicasOfAll: 40,
      numChiplets: 8,
      numExpertGroups: 4,
      numChipletGroups: 2,
    });
    const expertGroupsOf = (group: number) =>
      new Set(
        chiplets.slice(4 * group, 4 * group + 4).flatMap((experts) => experts.map((e) => Math.floor(e / 8))),
      );
    expect([...expertGroupsOf(0), ...expertGroupsOf(1)].sort()).to.deep.equal([0, 1, 2, 3]);
  });
});

/** Loads of which few are many times the mean. */
function skewedLoad(numExperts: number, seed: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: numExperts }, () => Math.round(1000 * random.normal() ** 2));
}

function imbalance(load: readonly number[], chiplets: readonly (readonly number[])[]): number {
  const copies = load.map((_, expert) => chiplets.flat().filter((one) => one === expert).length);
  const loads = chiplets.map((experts) => experts.reduce((sum, e) => sum + load[e] / copies[e], 0));
  return (Math.max(...loads) * chiplets.length) / load.reduce((sum, one) => sum + one, 0);
}
