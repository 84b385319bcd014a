import { expect } from "chai";
import { aimAtEngine } from "../../lib/export/aim-at-engine.js";
import { findTarget } from "../../lib/export/engine-target.js";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { engines } from "../../lib/export/engines.js";
import { findFormat, placementFormats } from "../../lib/export/formats.js";
import { importPlacement, verifyForeign } from "../../lib/export/read-foreign.js";
import { rankCosts } from "../../lib/export/sglang-topology.js";
import { findHardware } from "../../lib/hardware/presets.js";
import type { Placement } from "../../lib/placement/placement.js";
import { expectRejection } from "../expect-rejection.js";

/** Layer 1 of a model of two layers: four experts on two ranks of three slots, experts 0 and 3 twice. */
const placement: Placement = {
  model: "my-model",
  numExperts: 4,
  numChiplets: 2,
  layers: [
    {
      layer: 1,
      chiplets: [
        [0, 1, 3],
        [0, 2, 3],
      ],
    },
  ],
};

const layers = { numHiddenLayers: 2, firstMoeLayer: 1 };

describe("files of slots by number of the layer", () => {
  it("tells RTP-LLM's rows for every layer from vLLM's for MoE layers by the layers of the model", async () => {
    const { data } = await exportPlacement(placement, formatNamed("rtp-llm"), layers);
    expect(JSON.parse(textOf(data))).to.deep.equal([
      [0, 1, 2, 3, 0, 1],
      [0, 1, 3, 0, 2, 3],
    ]);
    const told = { numExperts: 4, numChiplets: 2 };
    const reading = await verifyForeign(bytesOf(data), "map.json", { ...told, ...layers });
    expect(reading.format).to.equal("rtp-llm");
    expect(reading.placement?.layers).to.deep.equal(placement.layers);
    expect((await verifyForeign(bytesOf(data), "map.json", told)).format).to.equal("vllm");
  });

  it("minds what the loader of vLLM's pull request 41141 minds: redundant experts, slots, layers", async () => {
    const record = (fields: object) =>
      Buffer.from(
        `${JSON.stringify({ record_type: "eplb_load_stats" })}\n` +
          JSON.stringify({
            ...{ record_type: "eplb_initial_mapping", version: 1, num_redundant_experts: 2, num_slots: 6 },
            initial_global_assignments: { "0": [0, 1, 3, 0, 2, 3] },
            ...fields,
          }),
      );
    const violations = async (fields: object) =>
      (await verifyForeign(record(fields), "map.jsonl", { numChiplets: 2, ...layers })).violations;
    expect(await violations({})).to.deep.equal([]);
    expect(await violations({ num_redundant_experts: 1 })).to.deep.equal([
      "num_redundant_experts: found 1, expected 2",
    ]);
    expect(await violations({ num_slots: 8 })).to.include("layer 1: found 6 slots, num_slots says 8");
    expect(await violations({ version: 2 })).to.deep.equal(["version: found 2, expected 1"]);
    expect(await violations({ initial_global_assignments: { "1": [0, 1, 3, 0, 2, 3] } })).to.deep.equal([
      "layer 1: found nothing, expected a list of expert ids",
    ]);
  });

  it("names the class of the model in HYGON's file, and passes over the map of multi-token prediction", async () => {
    await expectRejection(
      exportPlacement(placement, formatNamed("hygon"), layers),
      "hygon: found model my-model, expected one whose class in vLLM is known",
    );
    const known = { ...placement, model: "deepseek-ai/DeepSeek-R1" };
    const { data } = await exportPlacement(known, formatNamed("hygon"), layers);
    const document = JSON.parse(textOf(data)) as { model_maps: Record<string, object> };
    expect(Object.keys(document.model_maps)).to.deep.equal(["DeepseekV3ForCausalLM"]);
    document.model_maps.DeepSeekMTP = { physical_to_logical_map: [[0, 1, 2, 3, 0, 1]] };
    const told = { numChiplets: 2, numExperts: 4, model: known.model, ...layers };
    const bytes = Buffer.from(JSON.stringify(document));
    expect(await importPlacement(bytes, "map.json", told)).to.deep.equal(known);
  });
});

describe("the map of DeepSeek V4 in vLLM's pull request 53022", () => {
  const model = "deepseek-ai/DeepSeek-V4-Flash";
  const target = findTarget("vllm-deepseek-v4", model);

  it("is what its loader takes: a row for every hidden layer and every layer of multi-token prediction", async () => {
    // Layer 1 is hidden, layer 2 predicts; layer 0 was not recorded.
    const options = { numHiddenLayers: 3, firstMoeLayer: 0, fillLayers: true, engine: target.engine.key };
    const { data, advice } = await exportPlacement({ ...placement, model }, target.format, options);
    const rows = JSON.parse(textOf(data)) as number[][];
    expect(rows).to.have.length(3);
    for (const slots of rows) {
      expect(slots).to.have.length(6);
      expect([...new Set(slots)].sort()).to.deep.equal([0, 1, 2, 3]);
    }
    expect(advice?.launch).to.include('--enable-eplb --eplb-config \'{"expert_map_path": "FILE.json"');
  });

  it("needs no mapping of EPLB for a permutation", async () => {
    const chiplets = [[0, 3], [1, 2]]; // prettier-ignore
    const permuted = { ...placement, model, layers: [{ layer: 0, chiplets }] };
    const { data, advice } = await exportPlacement(permuted, target.format, { engine: target.engine.key });
    expect(JSON.parse(textOf(data))).to.deep.equal([[0, 3, 1, 2]]);
    expect(advice?.launch).not.to.include("--enable-eplb");
  });

  it("is for no other model", async () => {
    const other = { ...placement, model: "deepseek-ai/DeepSeek-V3" };
    const complaint = "found model deepseek-ai/DeepSeek-V3, expected one that obeys the file (DeepSeek V4)";
    await expectRejection(
      exportPlacement(other, target.format, { engine: target.engine.key }),
      `vllm: ${complaint}`,
    );
    const aimed = { ...other, layers: [0] };
    expect(() => aimAtEngine({}, target, aimed)).to.throw(`engine: ${complaint}`);
    expect(aimAtEngine({}, target, { ...aimed, force: true }).request.dispatch).to.equal("vllm");
  });
});

describe("files for engines that plan by themselves", () => {
  it("writes LightLLM as many redundant experts as a rank has slots to spare, those with the most replicas", async () => {
    const { data, notes } = await exportPlacement(placement, formatNamed("lightllm"), layers);
    expect(JSON.parse(textOf(data))).to.deep.equal({ redundancy_expert_num: 1, "1": [0] });
    expect(notes.join("\n")).to.include("only which ones they are is taken from the placement");
    // Both experts have two replicas; of those the busier one.
    const loads = new Map([[1, Float64Array.of(1, 1, 1, 5)]]);
    const busy = await exportPlacement(placement, formatNamed("lightllm"), { ...layers, loads });
    expect(JSON.parse(textOf(busy.data))).to.deep.equal({ redundancy_expert_num: 1, "1": [3] });
    const plain = {
      ...placement,
      layers: [
        {
          layer: 1,
          chiplets: [
            [0, 1],
            [2, 3],
          ],
        },
      ],
    };
    await expectRejection(
      exportPlacement(plain, formatNamed("lightllm"), layers),
      "found 2 slots on each of 2",
    );
  });

  it("asks for the loads of every layer, of all its experts", async () => {
    for (const name of ["lmdeploy", "hot-experts", "rank-load"]) {
      await expectRejection(
        exportPlacement(placement, formatNamed(name), layers),
        `${name}: found no loads of layer 1, expected those of every layer`,
      );
      const loads = new Map([[1, Float64Array.of(1, 2)]]);
      await expectRejection(
        exportPlacement(placement, formatNamed(name), { ...layers, loads }),
        `${name}: found loads of 2 experts, expected 4`,
      );
    }
  });

  it("writes even loads for the layers that LMDeploy plans and nobody recorded", async () => {
    const loads = new Map([[1, Float64Array.of(4, 1, 3, 4)]]);
    const options = { numHiddenLayers: 3, firstMoeLayer: 1, fillLayers: true, loads };
    const { data, notes } = await exportPlacement(placement, formatNamed("lmdeploy"), options);
    expect(JSON.parse(textOf(data))).to.deep.equal([
      [0, 0, 0, 0],
      [4, 1, 3, 4],
      [1, 1, 1, 1],
    ]);
    expect(notes).to.include("wrote even loads for layers 2, which have no placement");
    await expectRejection(
      exportPlacement(placement, formatNamed("lmdeploy"), { ...options, loads: undefined }),
      "lmdeploy: found no loads of layer 1",
    );
  });

  it("tells planners the busiest rank: replicas share their expert's load", async () => {
    const loads = new Map([[1, Float64Array.of(4, 1, 3, 4)]]);
    const { data } = await exportPlacement(placement, formatNamed("rank-load"), { ...layers, loads });
    const { mean, layers: rows } = JSON.parse(textOf(data)) as { mean: number; layers: object[] };
    expect(rows).to.deep.equal([{ layer: 1, hottestRank: 1, loadMaxOverMean: 1.1667 }]);
    expect(mean).to.equal(1.1667);
  });

  it("costs a byte from rank to rank by the links of the machine", async () => {
    const [first] = rankCosts(findHardware("h100-8x8")!);
    expect(first.slice(0, 10)).to.deep.equal([0, 1, 1, 1, 1, 1, 1, 1, 9, 9]);
    await expectRejection(
      exportPlacement(placement, formatNamed("sglang-topology")),
      "sglang-topology: found no machine, expected one",
    );
    await expectRejection(
      exportPlacement(placement, formatNamed("sglang-topology"), { hardware: findHardware("h100-8x8") }),
      "found a machine of 64 chiplets, expected 2",
    );
  });
});

describe("every format", () => {
  it("has a row in the table of engines, unless it is for people and scripts", () => {
    const rows = new Set(engines.map(({ format }) => format));
    const without = placementFormats.map(({ name }) => name).filter((name) => !rows.has(name));
    expect(without).to.deep.equal(["hmetis-partition", "csv"]);
  });

  it("names the file in its command line, and says how to see that it was loaded", () => {
    for (const engine of engines) {
      const { format, seeLoaded, checked, releases } = engine;
      expect(engine.launch({ ...placement, slotsPerChiplet: 3, file: "THE-FILE" }), format).to.include(
        "THE-FILE",
      );
      for (const sentence of [seeLoaded, checked, ...releases.map(({ why }) => why)])
        expect(sentence.length, format).to.be.greaterThan(10);
    }
  });
});

function formatNamed(name: string) {
  const found = findFormat(name);
  if (found === undefined) throw new Error(`no format ${name}`);
  return found;
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : data;
}

function textOf(data: string | Uint8Array): string {
  return Buffer.from(bytesOf(data)).toString();
}
