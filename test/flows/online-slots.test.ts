import { expect } from "chai";
import { measureBatches } from "../../lib/flows/batches.js";
import { measureOnlineSlots } from "../../lib/flows/online-slots.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import type { Placement } from "../../lib/placement/placement.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { skewedTrace } from "../skewed-trace.js";

const trace = skewedTrace();
const placement: Placement = {
  model: undefined,
  numExperts: 16,
  numChiplets: 4,
  layers: trace.layers.map(({ layer }) => ({
    layer,
    chiplets: [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
      [12, 13, 14, 15],
    ],
  })),
};

describe("measureOnlineSlots", () => {
  const machineOf = (name: string) => {
    const hardware = withChiplets(findHardware(name)!, { numChiplets: 4, numGroups: 2 });
    return { hardware, workload: createWorkload({ hardware }, { phase: "decode", tokensPerChiplet: 8 }) };
  };

  it("evens loads out inside a server, batch by batch, and inside all of a fabric", () => {
    const servers = machineOf("h100-8x8");
    const without = measureBatches(trace, placement, servers).each.map(
      ({ loadMaxOverMean }) => loadMaxOverMean,
    );
    const mean = without.reduce((sum, load) => sum + load, 0) / without.length;
    const inServers = measureOnlineSlots(trace, placement, { ...servers, slots: 4 });
    const inFabric = measureOnlineSlots(trace, placement, { ...machineOf("gb200-nvl72"), slots: 4 });
    expect([inServers.perDomain, inFabric.perDomain]).to.deep.equal([2, 4]);
    expect(inServers.loadMaxOverMean.mean).to.be.below(mean - 0.1);
    expect(inServers.atLeast).to.be.above(1.1);
    // Low ids are chosen more, and the first server holds them: it has more than half of all whatever it does inside.
    expect(inServers.loadMaxOverMean.mean).to.be.closeTo(inServers.atLeast, 1e-3);
    expect(inFabric.loadMaxOverMean.mean).to.be.closeTo(1, 1e-6);
  });
});
