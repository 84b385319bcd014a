import { expect } from "chai";
import fc from "fast-check";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { fillEmptySlots } from "../../lib/export/fit-engine.js";
import { findFormat, placementFormats } from "../../lib/export/formats.js";
import type { ExportOptions, PlacementFormat } from "../../lib/export/placement-format.js";
import { importPlacement } from "../../lib/export/read-foreign.js";
import type { Seating } from "../../lib/placement/placement.js";
import { verifySeating } from "../../lib/placement/verify-seating.js";
import { seatings } from "../arbitrary-seating.js";
import { expectGolden } from "../golden-file.js";

/** Two MoE layers of a model of three; experts 0 and 1 have copies where replicas are allowed. */
const sample: Seating = {
  model: undefined,
  numExperts: 6,
  numChiplets: 2,
  layers: [
    {
      layer: 1,
      chiplets: [
        [0, 1, 2, 5],
        [0, 1, 3, 4],
      ],
    },
    {
      layer: 2,
      chiplets: [
        [0, 1, 4, 5],
        [1, 2, 3, 5],
      ],
    },
  ],
};

/** Layers 0 and 2 of unequal chiplets. */
const uneven: Seating = {
  model: undefined,
  numExperts: 5,
  numChiplets: 2,
  layers: [0, 2].map((layer) => ({
    layer,
    chiplets: [
      [0, 1, 2],
      [3, 4],
    ],
  })),
};

describe("export of a placement", () => {
  for (const format of placementFormats) {
    describe(format.name, () => {
      it("writes the bytes it always wrote", () => {
        const { data } = exportPlacement(sample, format);
        expectGolden(`test/golden/export/${format.name}.${format.extension}`, data);
      });

      it("reads back, found by its content, as it was written", () => {
        const kind = { replicas: !format.needs.noReplicas, equalSlots: format.needs.equalSlots };
        fc.assert(
          fc.property(seatings(kind), (seating) => {
            expect(roundTrip(seating, format)).to.deep.equal(seating);
          }),
          { numRuns: 50 },
        );
      });
    });
  }

  it("numbers layers as each engine does: SGLang with dense layers, vLLM without", () => {
    const options = { numHiddenLayers: 3, firstMoeLayer: 1 };
    const rows = JSON.parse(textOf(exportPlacement(sample, format("sglang"), options).data)) as unknown;
    expect(rows).to.deep.equal({
      physical_to_logical_map: [
        [0, 1, 2, 3, 4, 5, 0, 1],
        [0, 1, 2, 5, 0, 1, 3, 4],
        [0, 1, 4, 5, 1, 2, 3, 5],
      ],
    });
    expect(JSON.parse(textOf(exportPlacement(sample, format("vllm"), options).data))).to.deep.equal([
      [0, 1, 2, 5, 0, 1, 3, 4],
      [0, 1, 4, 5, 1, 2, 3, 5],
    ]);
  });

  it("tells what it assumed and how to launch the engine", () => {
    expect(exportPlacement(sample, format("sglang")).notes).to.deep.equal([
      "took the model to have 3 hidden layers; --num-hidden-layers says otherwise",
      "took layer 1 for the first MoE layer; --first-moe-layer says otherwise",
      "launch sglang with --ep-size 2 --ep-num-redundant-experts 2",
    ]);
  });

  it("refuses empty slots, and fills them when asked", () => {
    expect(() => exportPlacement(uneven, format("vllm"), { moeLayerStep: 2 })).to.throw(
      "vllm: layer 0: chiplet 1 holds 2 experts, expected 3 as on the fullest",
    );
    const loads = new Map([0, 2].map((layer) => [layer, [1, 9, 5, 2, 2]]));
    const { data, notes } = exportPlacement(uneven, format("vllm"), {
      moeLayerStep: 2,
      fillEmpty: true,
      loads,
    });
    expect(JSON.parse(textOf(data))).to.deep.equal([
      [0, 1, 2, 1, 3, 4],
      [0, 1, 2, 1, 3, 4],
    ]);
    expect(notes).to.include("layer 2: filled 1 empty slots with copies of the busiest experts");
  });

  it("refuses a placement with missing layers, and seats them by id when asked", () => {
    expect(() => exportPlacement(uneven, format("sglang"), { fillEmpty: true })).to.throw(
      "sglang: found no placement for layers 1, expected one for every MoE layer",
    );
    const { data } = exportPlacement(uneven, format("vllm"), { fillEmpty: true, fillLayers: true });
    expect((JSON.parse(textOf(data)) as unknown[])[1]).to.deep.equal([0, 1, 2, 0, 3, 4]);
  });

  it("refuses a layer the model does not have, and a placement that is unsound", () => {
    expect(() => exportPlacement(sample, format("vllm"), { firstMoeLayer: 2 })).to.throw(
      "layer 1: found a placement, expected only MoE layers, 2",
    );
    expect(() => exportPlacement({ ...sample, numExperts: 7 }, format("csv"))).to.throw(
      "placement: layer 1: expert 6 is on no chiplet",
    );
  });

  it("fills empty slots of any sound seating with a sound one that keeps every seat", () => {
    fc.assert(
      fc.property(seatings({ equalSlots: false, maxLayers: 1 }), fc.array(fc.nat(9)), (seating, keys) => {
        const { chiplets } = seating.layers[0];
        const slots = Math.max(...chiplets.map(({ length }) => length));
        const load = Float64Array.from({ length: seating.numExperts }, (_, expert) => keys[expert] ?? 1);
        const filled = fillEmptySlots(chiplets, load, slots);
        expect(filled.map(({ length }) => length)).to.deep.equal(chiplets.map(() => slots));
        expect(verifySeating({ ...seating, layers: [{ layer: 0, chiplets: filled }] })).to.deep.equal([]);
        filled.forEach((experts, chiplet) => expect(experts).to.include.members([...chiplets[chiplet]]));
      }),
    );
  });
});

function roundTrip(seating: Seating, { name }: PlacementFormat): Seating {
  const { numExperts, numChiplets, layers } = seating;
  const model: ExportOptions = { numHiddenLayers: layers.at(-1)!.layer + 1, firstMoeLayer: layers[0].layer };
  const { data } = exportPlacement(seating, format(name), model);
  return importPlacement(bytesOf(data), "file", { numExperts, numChiplets, ...model });
}

function format(name: string): PlacementFormat {
  const found = findFormat(name);
  if (found === undefined) throw new Error(`no format ${name}`);
  return found;
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function textOf(data: string | Uint8Array): string {
  return typeof data === "string" ? data : new TextDecoder().decode(data);
}
