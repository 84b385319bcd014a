import { expect } from "chai";
import * as fc from "fast-check";
import { poseLoads } from "../../lib/flows/pose.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { createRandom } from "../../lib/random.js";
import { largest } from "../../lib/statistics.js";
import { rebalanceExperts } from "../../solvers/eplb.js";
import { requireSolver } from "../../solvers/index.js";

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

describe("the EPLB baseline", () => {
  const layer = (numExperts: number, skew: number) => {
    const random = createRandom(numExperts, 10 * skew);
    const loads = Array.from({ length: numExperts }, (_, rank) =>
      Math.round(1e5 * (rank + 1) ** -skew * (0.5 + random.next())),
    );
    random.shuffle(loads);
    return loads;
  };
  // Of public reports: an expert far busier than the rest.
  const hot = [8696, 14150, 474, 1199, 2596, 630, 1061, 1602, 3964, 622, 602, 3372, 871, 486, 45233, 1087];
  const cases: [number[], number, number][] = [
    [hot, 8, 3],
    ...[1.3, 1.9, 2.5].flatMap((skew): [number[], number, number][] => [
      [layer(16, skew), 8, 3],
      [layer(64, skew), 8, 10],
      [layer(60, skew), 15, 5],
    ]),
  ];
  const solve = async (name: string, [load, numChiplets, slots]: [number[], number, number]) => {
    const posing = {
      ...{ numChiplets, numGroups: 1, slotsPerChiplet: slots },
      numReplicas: numChiplets * slots - load.length,
    };
    const problem = poseLoads({ layer: 0, load: Float64Array.from(load) }, posing);
    const answer = await requireSolver(name).solve(problem, DEFAULT_SOLVER_OPTIONS);
    if (!("chiplets" in answer)) throw new Error(answer.status);
    return peak(load, answer.chiplets);
  };

  it("is as even as the original, which may have two replicas on a chiplet, and auto is never less even", async () => {
    for (const tried of cases) {
      const [load, numChiplets, slots] = tried;
      const { expertOfSlot } = rebalanceExperts(load, {
        ...{ numSlots: numChiplets * slots, numChiplets },
        ...{ numExpertGroups: 1, numChipletGroups: 1 },
      });
      const original = Array.from({ length: numChiplets }, (_, chiplet) => [
        ...expertOfSlot.subarray(chiplet * slots, (chiplet + 1) * slots),
      ]);
      const baseline = await solve("eplb-global", tried);
      expect(baseline).to.be.at.most(peak(load, original) * 1.02);
      expect(await solve("auto", tried)).to.be.at.most(baseline * (1 + 1e-9));
    }
  });

  /** Largest load of a chiplet, shared out evenly over all replicas. */
  function peak(load: readonly number[], chiplets: readonly (readonly number[])[]): number {
    const counts = new Int32Array(load.length);
    for (const expert of chiplets.flat()) counts[expert]++;
    return largest(
      chiplets.map((experts) => experts.reduce((sum, expert) => sum + load[expert] / counts[expert], 0)),
    );
  }
});
