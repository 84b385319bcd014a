import { expect } from "chai";
import { verify } from "../../index.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { createWorkload } from "../../lib/performance/workload.js";
import type { Placement } from "../../lib/placement/placement.js";
import { nameHardware, type Provenance } from "../../lib/placement/provenance.js";
import { verifyRecord } from "../../lib/placement/verify-record.js";
import { withChiplets, type Hardware } from "../../lib/hardware/hardware.js";
import { createRoutingTrace } from "../../lib/trace/routing-trace.js";
import { layerOf } from "../arbitrary-layer.js";

const hardware = withChiplets(findHardware("mozart-deepseek") as Hardware, { numChiplets: 2, numGroups: 2 });
const provenance: Provenance = {
  version: "0.1.0",
  objective: "traffic",
  hardware: nameHardware(hardware),
  workload: createWorkload({ hardware }),
  numReplicas: 1,
  dispatch: "nearest",
  limits: { maxLoad: 1.5, groupExperts: 3 },
  pins: [{ expert: 0, chiplet: 0 }],
  antiAffinity: [[0, 3]],
  backends: { columns: "highs", groups: "highs" },
  holdout: 0,
  traceSha256: "",
};
const placement: Placement = {
  model: undefined,
  numExperts: 4,
  numChiplets: 2,
  numGroups: 2,
  dispatch: "nearest",
  provenance,
  layers: [{ layer: 6, load: { status: "feasible", cost: 1.5 }, chiplets: [[0, 1], [1, 2, 3]] }], // prettier-ignore
};
const told = (more: Partial<Provenance>) =>
  verifyRecord({ ...placement, provenance: { ...provenance, ...more } });

describe("verifyRecord", () => {
  it("finds nothing wrong with what was made as it says, with fewer replicas too, or says nothing", () => {
    expect(verifyRecord(placement)).to.deep.equal([]);
    expect(told({ numReplicas: 2 })).to.deep.equal([]);
    const { model, numExperts, numChiplets, layers } = placement;
    expect(verifyRecord({ model, numExperts, numChiplets, layers })).to.deep.equal([]);
  });

  const broken: [string, Partial<Provenance>, string[]][] = [
    [
      "another machine",
      { hardware: { name: "zzz", numChiplets: 3, numGroups: 1 } },
      [
        "provenance.hardware: found zzz, which is no preset, expected the machine whole",
        "provenance.hardware: found 3 chiplets, expected the 2 of the placement",
        "provenance.hardware: found 1 groups, expected the 2 of the placement",
      ],
    ],
    [
      "a step that cannot be",
      { workload: { ...createWorkload({ hardware }), launchNs: 1e308 } },
      ["provenance.workload: launchNs: found 1e+308, expected 0 to 1000000000000"],
    ],
    [
      "another dispatch",
      { dispatch: "uniform" },
      ["provenance.dispatch: found uniform, expected nearest, as tokens of the placement choose"],
    ],
    ["more replicas", { numReplicas: 0 }, ["layer 6: expert 1 is on chiplets 0 and 1, expected on one"]],
    [
      "more replicas than the budget",
      { numReplicas: 0, replicaBudget: 0 },
      ["found 1 replicas over all layers, the budget is 0"],
    ],
    ["fewer slots", { slotsPerChiplet: 2 }, ["layer 6: chiplet 1 holds 3 experts, its slots are 2"]],
    [
      "broken pins",
      { pins: [{ expert: 2, chiplet: 0 }, { expert: 2, chiplet: 9 }] }, // prettier-ignore
      [
        "layer 6: expert 2 is not on chiplet 0, to which it is pinned",
        "layer 6: expert 2 is not on chiplet 9, to which it is pinned",
      ],
    ],
    [
      "experts together",
      { antiAffinity: [[1, 2]] },
      ["layer 6: experts 1 and 2 share chiplet 1, expected apart"],
    ],
    [
      "a load above its limit",
      { limits: { maxLoad: 1.4 } },
      ["layer 6: the largest load over the mean is 1.5, the limit is 1.4"],
    ],
    [
      "too many experts in a group",
      { limits: { groupExperts: 2 } },
      ["layer 6: chiplet group 1 holds experts 3, the limit is 2"],
    ],
    [
      "experts in too few groups",
      { limits: { groupsPerExpert: 2 } },
      [0, 2, 3].map(
        (expert) =>
          `layer 6: expert ${expert} is in chiplet group ${Number(expert > 0)} alone, expected in 2`,
      ),
    ],
  ];
  for (const [what, more, violations] of broken) {
    it(`finds ${what}`, () => {
      expect(told(more)).to.deep.equal(violations);
      expect(verify({ ...placement, provenance: { ...provenance, ...more } })).to.deep.equal(violations);
    });
  }

  it("counts loads and links against the trace, where the file tells none", () => {
    const tokens = [[0, 1], [0, 1], [0, 1], [2, 3]]; // prettier-ignore
    const trace = createRoutingTrace({
      model: undefined,
      numExperts: 4,
      topK: 2,
      layers: [layerOf(tokens, 6)],
    });
    const layers = [{ layer: 6, chiplets: [[0, 1], [2, 3]] }]; // prettier-ignore
    const under = (limits: Provenance["limits"]) => {
      const made = { ...provenance, numReplicas: 0, limits };
      return verify({ ...placement, provenance: made, layers }, { against: trace });
    };
    expect(under({ maxLoad: 1.5, chipletTokenShare: 0.75, groupTokenShare: 0.75 })).to.deep.equal([]);
    expect(under({ maxLoad: 1.4 })).to.deep.equal(["layer 6: chiplet 0 has load 6, the limit is 5.6"]);
    expect(under({ chipletTokenShare: 0.5 })).to.deep.equal([
      "layer 6: link of chiplet 0 carries tokens 3, the limit is 2",
    ]);
    expect(under({ groupTokenShare: 0.5 })).to.deep.equal([
      "layer 6: link of chiplet group 0 carries tokens 3, the limit is 2",
    ]);
  });
});
