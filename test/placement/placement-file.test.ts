import { expect } from "chai";
import fc from "fast-check";
import {
  decodePlacement,
  formatPlacement,
  parsePlacement,
  verifyPlacementFile,
} from "../../lib/placement/placement-file.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { nameHardware } from "../../lib/placement/provenance.js";
import type { Placement } from "../../lib/placement/placement.js";
import { placementJsonSchema } from "../../lib/placement/placement-schema.js";
import { expectRejection } from "../expect-rejection.js";
import { placements } from "../arbitrary-placement.js";
import { expectGolden } from "../golden-file.js";

const sample: Placement = {
  model: "allenai/OLMoE-1B-7B-0924",
  numExperts: 4,
  numChiplets: 2,
  numGroups: 2,
  slotsPerChiplet: 3,
  solver: "ilp",
  seed: 1,
  layers: [
    {
      layer: 0,
      status: "optimal",
      cost: 1.25,
      bound: 1.25,
      groups: { status: "feasible", cost: 1 },
      stoppedBy: "proof",
      chiplets: [
        [0, 3],
        [0, 1, 2],
      ],
    },
    {
      layer: 1,
      status: "feasible",
      cost: 1.5,
      peaks: [
        { load: 1.25, tokens: 0.75, cost: 1.25 },
        { load: 1.5, tokens: 0.5, cost: 1 },
      ],
      stoppedBy: "budget",
      chiplets: [
        [1, 3],
        [0, 2],
      ],
    },
  ],
};

describe("placement file", () => {
  it("is written as it always was", () => {
    expectGolden("test/golden/placement.json", formatPlacement(sample));
  });

  it("is described by the published JSON Schema", () => {
    expectGolden("docs/placement.schema.json", `${JSON.stringify(placementJsonSchema(), null, 2)}\n`);
  });

  it("reads back as it was written", async () => {
    expect(await parsePlacement(formatPlacement(sample), "p.json")).to.deep.equal(sample);
    await fc.assert(
      fc.asyncProperty(placements({ equalSlots: false }), async (placement) => {
        expect(await parsePlacement(formatPlacement(placement), "p.json")).to.deep.equal(placement);
      }),
      { numRuns: 50 },
    );
  });

  it("needs no more than the placement: who made it and at what cost may be absent", async () => {
    const text = `{"format": "moeplace.placement", "version": 1, "numExperts": 2, "numChiplets": 1,
      "layers": [{"layer": 3, "chiplets": [[1, 0]]}], "comment": "keys of others are passed over"}`;
    expect(await parsePlacement(text, "p.json")).to.deep.equal({
      model: undefined,
      numExperts: 2,
      numChiplets: 1,
      layers: [{ layer: 3, chiplets: [[0, 1]] }],
    });
  });

  it("says where something else was found", async () => {
    const text = formatPlacement(sample);
    for (const [from, to, message] of [
      ["{", "[", /^p\.json: found no JSON, expected a placement file \(/],
      ["moeplace.placement", "other", /^p\.json: format: found "other", expected "moeplace.placement"$/],
      ['"version": 1', '"version": 2', /^p\.json: version: found 2, expected 1$/],
      ['"numExperts": 4,', "", /^p\.json: numExperts: found nothing, expected number$/],
      [
        '"optimal"',
        '"best"',
        /^p\.json: layers\[0\]\.status: found "best", expected one of "optimal"\|"feasible"$/,
      ],
      ["[0, 3]", '["0", 3]', /^p\.json: layers\[0\]\.chiplets\[0\]\[0\]: found "0", expected number$/],
      ["[0, 3]", "[0]", /^p\.json: layer 0: expert 3 is on no chiplet$/],
      [
        "[0, 3]",
        "[3, 4, 4]",
        /^p\.json: layer 0: chiplet 0 holds expert 4, out of range \[0, 4\), and 1 more/,
      ],
    ] as const) {
      await expectRejection(parsePlacement(text.replace(from, to), "p.json"), message);
    }
  });

  it("says that a packed file is none, without its bytes", async () => {
    const packed = Buffer.from([0x1f, 0x8b, 8, 0, 0xff, 0x1b]).toString("utf8");
    await expectRejection(
      parsePlacement(packed, "t.gz"),
      /^t\.gz: found no JSON, expected a placement file; it is packed, or no text$/,
    );
  });

  it("says of the step that it was made for only what a step can be", async () => {
    const machine = findHardware("mozart-qwen3")!;
    const workload = createWorkload({ hardware: machine });
    const provenance = {
      version: "0.1.0",
      objective: "time",
      hardware: nameHardware(machine),
      numReplicas: 0,
      limits: {},
      backends: { columns: "highs", groups: "highs" },
      holdout: 0,
      traceSha256: "",
    };
    const saying = (step: object) => {
      const placed = { ...sample, provenance: { ...provenance, workload: step } };
      return formatPlacement(placed as Placement);
    };
    expect((await parsePlacement(saying(workload), "p.json")).provenance?.workload).to.deep.equal(workload);
    for (const [wrong, message] of [
      [{ formats: { ...workload.formats, combine: "fp-0.5" } }, /formats\.combine: found "fp-0\.5"/],
      [{ phase: "constructor" }, /phase: found "constructor"/],
      [{ microBatches: 1e9 }, /microBatches: found 1000000000/],
      [{ tokensPerChiplet: null }, /tokensPerChiplet: found null/],
      [{ transport: undefined }, /transport: found nothing/],
    ] as const) {
      await expectRejection(
        parsePlacement(saying({ ...workload, ...wrong }), "p.json"),
        new RegExp(`^p\\.json: provenance\\.workload\\.${message.source}`),
      );
    }
  });

  it("lists everything that contradicts itself", async () => {
    const broken = formatPlacement({ ...sample, numGroups: 3, slotsPerChiplet: 2 })
      .replace('"bound": 1.25', '"bound": 2')
      .replace('"status": "feasible", "cost": 1.5', '"status": "optimal", "cost": 1.5')
      .replace("[1, 3]", "[1, 3, 3]")
      .replace('"layer": 1', '"layer": 0');
    expect(verifyPlacementFile(await decodePlacement(broken, "p.json"))).to.deep.equal([
      "layer 0: chiplet 1 holds 3 experts, its slots are 2",
      "layer 0: comes after layer 0, expected layers in ascending order, each once",
      "layer 0: chiplet 0 holds 3 experts, its slots are 2",
      "layer 0: chiplet 0 holds expert 3 twice",
      "found 2 chiplets in 3 groups, expected groups of equal size",
      "layer 0: bound 2 is above the cost 1.25",
      "layer 0: status is optimal with cost 1.5 and bound none",
    ]);
  });
});

describe("groupsPerExpert of a placement file", () => {
  const separated: Placement = {
    model: undefined,
    numExperts: 2,
    numChiplets: 2,
    numGroups: 2,
    slotsPerChiplet: 2,
    groupsPerExpert: 2,
    layers: [{ layer: 0, chiplets: [[0, 1], [0, 1]] }], // prettier-ignore
  };

  it("is written, read and verified", async () => {
    const read = await parsePlacement(formatPlacement(separated), "p.json");
    expect(read.groupsPerExpert).to.equal(2);
    const broken = { ...separated, layers: [{ layer: 0, chiplets: [[0, 1], [1]] }] }; // prettier-ignore
    expect(verifyPlacementFile(broken)).to.deep.equal([
      "layer 0: expert 0 is in chiplet group 0 alone, expected in 2",
    ]);
  });
});
