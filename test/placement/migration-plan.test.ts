import { expect } from "chai";
import fc from "fast-check";
import { formatMigrationPlan, planMigrations } from "../../lib/placement/migration-plan.js";
import type { Chiplets, Placement } from "../../lib/placement/placement.js";
import { placementPairs } from "../arbitrary-placement.js";
import { expectGolden } from "../golden-file.js";

const from = placementOf([[0, 1], [2, 3], [4]], [[0, 1], [2, 3], [4]]);
const to = placementOf([[0, 2], [1, 3], [4]], [[0, 1], [2, 3], [4]]);

describe("migration plan", () => {
  it("is written as it always was", () => {
    expectGolden(
      "test/golden/migration.json",
      formatMigrationPlan(planMigrations(from, to, { expertBytes: 10 })),
    );
  });

  it("counts moves, transfers and bytes over the layers", () => {
    const { moves, transfers, bytes, layers } = planMigrations(from, to, { expertBytes: 10 });
    expect({ moves, transfers, bytes }).to.deep.equal({ moves: 2, transfers: 2, bytes: 20 });
    expect(layers.map((layer) => layer.moves)).to.deep.equal([2, 0]);
    expect(planMigrations(from, to)).to.not.have.property("bytes");
  });

  it("is JSON, whatever the placements", () => {
    fc.assert(
      fc.property(placementPairs({ replicas: true }), (pair) => {
        const plan = planMigrations(placementOf(pair.from), placementOf(pair.to), pair);
        const { format, version, ...rest } = JSON.parse(formatMigrationPlan(plan)) as Record<string, unknown>;
        expect([format, version]).to.deep.equal(["moeplace.migration", 1]);
        expect(rest).to.deep.equal(plan);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses placements that do not fit each other", () => {
    const plan = (running: Placement, slotsPerChiplet?: number) => () =>
      planMigrations(running, to, { slotsPerChiplet });
    expect(plan({ ...from, numExperts: 6 })).to.throw("from: found 6 experts on 3 chiplets, expected 5 on 3");
    expect(plan({ ...from, layers: from.layers.slice(1) })).to.throw("from: found no layer 0");
    expect(plan(from, 1)).to.throw("from: layer 0: found 2 experts on a chiplet, its slots are 1");
  });
});

function placementOf(...layers: Chiplets[]): Placement {
  const numExperts = new Set(layers[0].flat()).size;
  return {
    model: undefined,
    numExperts,
    numChiplets: layers[0].length,
    layers: layers.map((chiplets, layer) => ({ layer, chiplets })),
  };
}
