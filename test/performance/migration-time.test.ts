import { expect } from "chai";
import { findHardware } from "../../lib/hardware/presets.js";
import { migrationNs } from "../../lib/performance/migration-time.js";
import { planMigrations } from "../../lib/placement/migration-plan.js";
import type { Chiplets, Placement } from "../../lib/placement/placement.js";

const hardware = findHardware("h100-8x8")!;
const expertBytes = 450e6;

describe("time of a migration", () => {
  it("is that of the busiest link: of a chiplet inside a server, of the network outside", () => {
    const first = Array.from({ length: 64 }, (_, expert) => [expert]);
    const swapped = (a: number, b: number) =>
      first.map(([expert]) => (expert === a ? [b] : expert === b ? [a] : [expert]));
    const { chiplet, root } = hardware.links;
    expect(timeOf(first, first)).to.equal(0);
    expect(timeOf(first, swapped(0, 1))).to.equal(expertBytes / chiplet.bytesPerNs.value);
    // One expert over the network of a server takes longer than over the link of its GPU only where that is slower.
    const alone = Math.max(expertBytes / chiplet.bytesPerNs.value, expertBytes / root.bytesPerNs.value);
    expect(timeOf(first, swapped(0, 8))).to.equal(alone);
    // A whole server changes places with another: eight experts leave over its network.
    const turned = first.map(([expert]) => [expert < 16 ? (expert + 8) % 16 : expert]);
    expect(timeOf(first, turned)).to.equal((8 * expertBytes) / root.bytesPerNs.value);
  });

  it("counts what comes to new chiplets, and what leaves those that go", () => {
    const wide = planMigrations(
      placementOf([
        [0, 1],
        [2, 3],
      ]),
      placementOf([[0], [2], [1], [3]]),
    );
    expect(wide.moves).to.equal(2);
    const narrow = planMigrations(
      placementOf([[0], [2], [1], [3]]),
      placementOf([
        [0, 1],
        [2, 3],
      ]),
    );
    expect(narrow.layers[0].steps.map(({ kind }) => kind)).to.deep.equal(["move", "move"]);
    for (const plan of [wide, narrow])
      expect(migrationNs(plan, { hardware, expertBytes })).to.equal(
        expertBytes / hardware.links.chiplet.bytesPerNs.value,
      );
  });
});

function timeOf(from: Chiplets, to: Chiplets): number {
  return migrationNs(planMigrations(placementOf(from), placementOf(to)), { hardware, expertBytes });
}

function placementOf(chiplets: Chiplets): Placement {
  const numExperts = new Set(chiplets.flat()).size;
  return { model: undefined, numExperts, numChiplets: chiplets.length, layers: [{ layer: 0, chiplets }] };
}
