import { expect } from "chai";
import fc from "fast-check";
import { exportPlacement } from "../../lib/export/export-placement.js";
import type { InputError } from "../../lib/errors.js";
import { fillEmptySlots } from "../../lib/export/fit-engine.js";
import { findFormat, placementFormats } from "../../lib/export/formats.js";
import type { ExportOptions, PlacementFormat } from "../../lib/export/placement-format.js";
import { importPlacement } from "../../lib/export/read-foreign.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import type { Placement } from "../../lib/placement/placement.js";
import { verifyPlacement } from "../../lib/placement/verify-placement.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { expectRejection } from "../expect-rejection.js";
import { placements } from "../arbitrary-placement.js";
import { expectGolden } from "../golden-file.js";

/** Two MoE layers of a model of three; experts 0 and 1 have two where replicas are allowed. */
const sample: Placement = {
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
const uneven: Placement = {
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

/** The sample without its replicas, 3 experts a chiplet. */
const plain: Placement = {
  ...sample,
  layers: [1, 2].map((layer) => ({
    layer,
    chiplets: [
      [0, 2, 5],
      [1, 3, 4],
    ],
  })),
};

/** What formats ask for besides the placement: loads, a machine, the class of the model. */
const extras: ExportOptions = {
  loads: new Map([1, 2].map((layer) => [layer, Float64Array.of(9, 5, 1, 2, 3, 4)])),
  hardware: withChiplets(findHardware("h100-8x8")!, { numChiplets: 2, numGroups: 2 }),
  modelClass: "DeepseekV3ForCausalLM",
};

/** Tokens of layer 1, for formats that write the instance. */
const patterns = collectPatterns(
  { layer: 1, numTokens: 4, experts: Uint16Array.of(2, 0, 1, 3, 0, 2, 4, 5) },
  { topK: 2, numExperts: 6 },
);

describe("export of a placement", () => {
  for (const format of placementFormats) {
    describe(format.name, () => {
      const suited = format.needs.noReplicas || format.needs.layers === "one" ? plain : sample;

      it("writes the bytes it always wrote", async () => {
        const { data } = await exportPlacement(suited, format, {
          ...extras,
          patterns: new Map([[1, patterns]]),
        });
        expectGolden(`test/golden/export/${format.name}.${format.extension}`, data);
      });

      if (format.read === undefined) return;
      it("reads back, found by its content, as it was written", async () => {
        const { noReplicas, equalSlots, runs = false, layers } = format.needs;
        const kind = {
          replicas: !noReplicas,
          equalSlots: equalSlots || runs,
          maxLayers: layers === "one" ? 1 : 4,
        };
        await fc.assert(
          fc.asyncProperty(placements(kind), async (placement) => {
            const { numExperts, numChiplets } = placement;
            const firstMoeLayer = placement.layers[0].layer;
            const model = { numHiddenLayers: firstMoeLayer + placement.layers.length, firstMoeLayer };
            const { data } = await exportPlacement(placement, format, { ...extras, ...model });
            const told = { numExperts, numChiplets, ...model };
            expect(await importPlacement(bytesOf(data), "file", told)).to.deep.equal(placement);
          }),
          { numRuns: 30 },
        );
      });
    });
  }

  it("says how many layers of the model have a placement, where an engine runs all", async () => {
    const first = { ...plain, model: "renamed", layers: plain.layers.slice(0, 1) };
    const model = { numHiddenLayers: 4, firstMoeLayer: 1, fillLayers: true };
    const notesOf = async (name: string) =>
      (await exportPlacement(first, formatNamed(name), model)).notes.join("\n");
    const told =
      "1 of 3 MoE layers have a placement; tokens/s of the whole model are told as if all were placed like these";
    for (const name of ["sglang", "checkpoint-script"]) expect(await notesOf(name), name).to.include(told);
    expect(await notesOf("csv")).to.not.include("MoE layers have");
  });

  it("numbers layers as each engine does: SGLang with dense layers, vLLM without, TensorRT-LLM by name", async () => {
    const options = { numHiddenLayers: 3, firstMoeLayer: 1 };
    expect(await exportedJson(sample, "sglang", options)).to.deep.equal({
      physical_to_logical_map: [
        [0, 1, 2, 3, 4, 5, 0, 1],
        [0, 1, 2, 5, 0, 1, 3, 4],
        [0, 1, 4, 5, 1, 2, 3, 5],
      ],
    });
    expect(await exportedJson(sample, "vllm", options)).to.deep.equal([
      [0, 1, 2, 5, 0, 1, 3, 4],
      [0, 1, 4, 5, 1, 2, 3, 5],
    ]);
    const { data } = await exportPlacement(sample, formatNamed("tensorrt-llm"), options);
    expect(textOf(data)).to.include("  1: [0, 1, 2, 5, 0, 1, 3, 4]\n  2: [0, 1, 4, 5, 1, 2, 3, 5]\n");
  });

  it("tells what it assumed and how to launch the engine", async () => {
    const { notes } = await exportPlacement(sample, formatNamed("sglang"));
    expect(notes.slice(0, 2)).to.deep.equal([
      "took the model to have 3 hidden layers; pass numHiddenLayers to say otherwise",
      "took layer 1 for the first MoE layer; pass firstMoeLayer to say otherwise",
    ]);
    expect(notes.join("\n")).to.include(
      "--tp-size 2 --ep-size 2 --dp-size 2 --enable-dp-attention --init-expert-location FILE.json",
    );
  });

  it("knows the layers of a known model, and minds those it was not told to expect", async () => {
    const layers = Array.from({ length: 26 }, (_, index) => ({
      layer: index + 1,
      chiplets: [Array.from({ length: 64 }, (__, expert) => expert)],
    }));
    const placement = { model: "deepseek-ai/DeepSeek-V2-Lite", numExperts: 64, numChiplets: 1, layers };
    const { notes } = await exportPlacement(placement, formatNamed("sglang"));
    expect(notes.filter((note) => note.startsWith("took"))).to.deep.equal([]);
    const counted = {
      ...placement,
      layers: layers.map(({ layer, chiplets }) => ({ layer: layer - 1, chiplets })),
    };
    await expectRejection(
      exportPlacement(counted, formatNamed("vllm")),
      "vllm: layer 0: found a placement, expected only MoE layers, 1-26",
    );
  });

  it("refuses empty slots, and fills them when asked", async () => {
    const format = formatNamed("vllm");
    await expectRejection(
      exportPlacement(uneven, format, { moeLayerStep: 2 }),
      "vllm: layer 0: chiplet 1 holds 2 experts, expected 3 as on the fullest",
    );
    const loads = new Map([0, 2].map((layer) => [layer, [1, 9, 5, 2, 2]]));
    const { data, notes } = await exportPlacement(uneven, format, {
      moeLayerStep: 2,
      fillEmpty: true,
      loads,
    });
    expect(JSON.parse(textOf(data))).to.deep.equal([
      [0, 1, 2, 1, 3, 4],
      [0, 1, 2, 1, 3, 4],
    ]);
    expect(notes).to.include("layer 2: filled 1 empty slots with replicas of the busiest experts");
  });

  it("refuses a placement with missing layers, and places them by id when asked", async () => {
    await expectRejection(
      exportPlacement(uneven, formatNamed("sglang"), { fillEmpty: true }),
      "sglang: found no placement for layers 1, expected one for every MoE layer",
    );
    const rows = await exportedJson(uneven, "vllm", { fillEmpty: true, fillLayers: true });
    expect((rows as unknown[])[1]).to.deep.equal([0, 1, 2, 0, 3, 4]);
  });

  it("leaves slots empty in layers it fills, where the format has no replicas", async () => {
    const { data } = await exportPlacement(uneven, formatNamed("exflow"), { fillLayers: true });
    expect(textOf(data)).to.include("\r\n5,0\r\n6,0\r\n7,0\r\n8,1\r\n9,1\r\n");
  });

  it("advises the layer step of evenly spaced layers, and the offset of layers counted from the first MoE layer", async () => {
    const adviceOf = async (options: ExportOptions) => {
      const error = await exportPlacement(uneven, formatNamed("exflow"), options).catch((e: unknown) => e);
      return (error as InputError).advice;
    };
    expect(await adviceOf({})).to.include("pass moeLayerStep 2");
    const picked = { ...uneven, layers: uneven.layers.map((one, at) => ({ ...one, layer: 13 * at })) };
    const far = await exportPlacement(picked, formatNamed("exflow"), {}).catch((e: unknown) => e);
    expect((far as InputError).advice).to.equal(
      "Maybe pass fillLayers to place their experts in the order of their ids.",
    );
    expect(await adviceOf({ firstMoeLayer: 3, numHiddenLayers: 6 })).to.include(
      "place again, and pass layerOffset 3",
    );
  });

  it("refuses a layer the model does not have, and a placement that is unsound", async () => {
    await expectRejection(
      exportPlacement(sample, formatNamed("vllm"), { firstMoeLayer: 2 }),
      "layer 1: found a placement, expected only MoE layers, 2",
    );
    await expectRejection(
      exportPlacement({ ...sample, numExperts: 7 }, formatNamed("csv")),
      "placement: layer 1: expert 6 is on no chiplet",
    );
  });

  it("refuses replicas where the format has none, and layers that differ where it holds one placement", async () => {
    const ranks = formatNamed("vllm-ranks");
    await expectRejection(exportPlacement(sample, formatNamed("megatron")), "megatron: found replicas");
    await expectRejection(exportPlacement(sample, ranks), "vllm-ranks: found layers that differ");
    await expectRejection(exportPlacement(sample, ranks, { layer: 1 }), "vllm-ranks: found replicas");
    await expectRejection(
      exportPlacement(sample, ranks, { layer: 7 }),
      "layer: found 7, expected one of 1-2",
    );
  });

  it("refuses a rank without experts where the engine has none", async () => {
    const layers = [{ layer: 0, chiplets: [[0, 1], []] }];
    const placement = { model: undefined, numExperts: 2, numChiplets: 2, layers };
    await expectRejection(exportPlacement(placement, formatNamed("vllm-ranks")), "EP rank 1 holds no expert");
  });

  it("needs the trace for the instance of a partitioner", async () => {
    await expectRejection(
      exportPlacement(plain, formatNamed("hmetis")),
      "hmetis: found no token patterns of layer 1, expected them",
    );
  });

  it("fills empty slots of any sound placement with a sound one that keeps every slot", () => {
    fc.assert(
      fc.property(placements({ equalSlots: false, maxLayers: 1 }), fc.array(fc.nat(9)), (placement, keys) => {
        const { chiplets } = placement.layers[0];
        const slots = Math.max(...chiplets.map(({ length }) => length));
        const load = Float64Array.from({ length: placement.numExperts }, (_, expert) => keys[expert] ?? 1);
        const filled = fillEmptySlots(chiplets, load, slots);
        expect(filled.map(({ length }) => length)).to.deep.equal(chiplets.map(() => slots));
        expect(verifyPlacement({ ...placement, layers: [{ layer: 0, chiplets: filled }] })).to.deep.equal([]);
        filled.forEach((experts, chiplet) => expect(experts).to.include.members([...chiplets[chiplet]]));
      }),
    );
  });
});

async function exportedJson(placement: Placement, name: string, options: ExportOptions): Promise<unknown> {
  const { data } = await exportPlacement(placement, formatNamed(name), options);
  return JSON.parse(textOf(data));
}

function formatNamed(name: string): PlacementFormat {
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
