import { expect } from "chai";
import fc from "fast-check";
import {
  countMoves,
  planMigration,
  verifyMigration,
  type MigrationStep,
} from "../../lib/placement/migration.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import { relabelChiplets } from "../../lib/placement/relabel.js";
import { placementPairs } from "../arbitrary-placement.js";

describe("migration from a running placement to another", () => {
  it("leads there without overfilling a chiplet or losing an expert, replicas or not", () => {
    for (const replicas of [false, true]) {
      fc.assert(
        fc.property(placementPairs({ replicas }), ({ from, to, slotsPerChiplet }) => {
          const steps = planMigration(from, to, slotsPerChiplet);
          expect(verifyMigration(steps, { from, to, slotsPerChiplet })).to.deep.equal([]);
          expect(countTransfers(steps)).to.be.within(countMoves(from, to), 2 * countMoves(from, to));
        }),
        { numRuns: 300 },
      );
    }
  });

  it("needs no more transfers than moves where every chiplet has a free slot", () => {
    fc.assert(
      fc.property(placementPairs({ replicas: false }), ({ from, to, slotsPerChiplet }) => {
        const steps = planMigration(from, to, 2 * slotsPerChiplet);
        expect(countTransfers(steps)).to.equal(countMoves(from, to));
      }),
    );
  });

  it("moves into free slots, one after the other", () => {
    expect(planMigration([[0, 1], [2]], [[0, 2], [1]], 2)).to.deep.equal([
      { kind: "move", transfers: [{ expert: 1, from: 0, to: 1 }] },
      { kind: "move", transfers: [{ expert: 2, from: 1, to: 0 }] },
    ]);
  });

  it("swaps where everything is full, a cycle of three in two swaps", () => {
    expect(planMigration([[0], [1], [2]], [[2], [0], [1]], 1)).to.deep.equal([
      swap({ expert: 0, from: 0, to: 1 }, { expert: 1, from: 1, to: 0 }),
      swap({ expert: 1, from: 0, to: 2 }, { expert: 2, from: 2, to: 0 }),
    ]);
  });

  it("opens a cycle of three over a free slot elsewhere rather than by swaps", () => {
    const steps = planMigration([[0], [1], [2], []], [[2], [0], [1], []], 1);
    expect(steps.map(({ kind }) => kind)).to.deep.equal(["move", "move", "move", "move"]);
  });

  it("drops a replica to let another expert in, and replicates one anew", () => {
    expect(
      planMigration(
        [
          [0, 1],
          [0, 2],
        ],
        [
          [0, 1],
          [1, 2],
        ],
        2,
      ),
    ).to.deep.equal([
      { kind: "drop", expert: 0, chiplet: 1 },
      { kind: "copy", transfers: [{ expert: 1, from: 0, to: 1 }] },
    ]);
  });

  it("is found out where it is wrong", () => {
    const from = [[0], [1]];
    const check = (steps: MigrationStep[]) => verifyMigration(steps, { from, to: from, slotsPerChiplet: 1 });
    expect(check([{ kind: "move", transfers: [{ expert: 0, from: 0, to: 1 }] }])).to.deep.equal([
      "step 1: chiplet 1 holds 2 experts",
      "chiplet 0 ends with experts , expected 0",
      "chiplet 1 ends with experts 0,1, expected 1",
    ]);
    expect(check([{ kind: "drop", expert: 0, chiplet: 0 }])[0]).to.equal(
      "step 1: drops the last replica of expert 0",
    );
    expect(check([swap({ expert: 1, from: 0, to: 1 }, { expert: 1, from: 1, to: 0 })])[0]).to.equal(
      "step 1: expert 1 is not on chiplet 0",
    );
  });
});

describe("relabelChiplets", () => {
  it("finds the order with the fewest moves among all that keep chiplet groups together", () => {
    fc.assert(
      fc.property(placementPairs({ replicas: false, numChiplets: 4 }), ({ from, to }) => {
        for (const chipletsPerGroup of [1, 2, 4]) {
          const renamed = relabelChiplets(to, from, { chipletsPerGroup });
          const orders = permutations([0, 1, 2, 3]).filter((order) =>
            order.every(
              (chiplet, place) =>
                Math.floor(chiplet / chipletsPerGroup) ===
                Math.floor(order[place - (place % chipletsPerGroup)] / chipletsPerGroup),
            ),
          );
          const fewest = Math.min(...orders.map((order) => countMoves(from, reorder(to, order))));
          expect(countMoves(from, renamed)).to.equal(fewest);
          expect(orders.map((order) => JSON.stringify(reorder(to, order)))).to.include(
            JSON.stringify(renamed),
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  it("keeps runs of chiplets together, and sizes where they are fixed, with the fewest moves of all such orders", () => {
    const pairs = placementPairs({ replicas: false, numChiplets: 4 });
    fc.assert(
      fc.property(pairs, fc.boolean(), ({ from, to }, keepsSizes) => {
        const options = { chipletsPerGroup: 4, chipletsPerRun: keepsSizes ? 1 : 2, keepsSizes };
        const renamed = relabelChiplets(to, from, options);
        const allowed = permutations([0, 1, 2, 3]).filter((order) =>
          keepsSizes
            ? order.every((chiplet, place) => to[chiplet].length === to[place].length)
            : order[0] >> 1 === order[1] >> 1,
        );
        const fewest = Math.min(...allowed.map((order) => countMoves(from, reorder(to, order))));
        expect(countMoves(from, renamed)).to.equal(fewest);
        expect(allowed.map((order) => JSON.stringify(reorder(to, order)))).to.include(
          JSON.stringify(renamed),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("leaves pinned experts where they are pinned", () => {
    const [running, chiplets] = [
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
      [
        [0, 4],
        [2, 1],
        [3, 5],
      ],
    ];
    const options = { chipletsPerGroup: 3, pins: [{ expert: 4, chiplet: 0 }] };
    expect(relabelChiplets(chiplets, running, options)[0]).to.deep.equal([0, 4]);
    expect(relabelChiplets([chiplets[1], chiplets[0], chiplets[2]], running, options)[0]).to.deep.equal([
      0, 4,
    ]);
  });
});

type Swap = Extract<MigrationStep, { kind: "swap" }>;

function swap(...transfers: Swap["transfers"]): Swap {
  return { kind: "swap", transfers };
}

function countTransfers(steps: readonly MigrationStep[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === "drop" ? 0 : step.transfers.length), 0);
}

function reorder(chiplets: Chiplets, order: readonly number[]): Chiplets {
  return order.map((chiplet) => chiplets[chiplet]);
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((remaining) => remaining !== item)).map((rest) => [item, ...rest]),
  );
}
