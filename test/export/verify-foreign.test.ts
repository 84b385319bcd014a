import { expect } from "chai";
import type { ReadOptions } from "../../lib/export/placement-format.js";
import { importPlacement, verifyForeign } from "../../lib/export/read-foreign.js";
import { writeNpy } from "../../lib/containers/npy.js";
import { expectRejection } from "../expect-rejection.js";

const told: ReadOptions = { numExperts: 4, numChiplets: 2 };

describe("verification of a placement file made by someone else", () => {
  it("finds in a SGLang file what the server does not: an absent expert, a double on a rank, -1, an extra key", async () => {
    const text = `{"physical_to_logical_map": [[0, 1, 2, 3], [0, 0, 1, 3], [-1, 1, 2, 3]], "note": "x"}`;
    expect(await violations(text, told)).to.deep.equal([
      'found key "note", expected physical_to_logical_map and no other key',
      "layer 1: chiplet 0 holds expert 0 twice",
      "layer 1: expert 2 is on no chiplet",
      "layer 2: chiplet 0 holds expert -1, out of range [0, 4)",
      "layer 2: expert 0 is on no chiplet",
    ]);
  });

  it("reads an EPLB answer that puts an expert twice on a GPU, counts it once and warns", async () => {
    const tensors = {
      phy2log: [[0, 0, 1, 2]],
      log2phy: [[[0, 1], [2, -1], [3, -1]]], // prettier-ignore
      logcnt: [[2, 1, 1]],
    };
    const bytes = new TextEncoder().encode(JSON.stringify(tensors));
    const reading = await verifyForeign(bytes, "answer.json", { numChiplets: 2 });
    expect(reading.violations).to.deep.equal([]);
    expect(reading.warnings).to.deep.equal([
      "1 slot holds an expert that is on the same chiplet already, and which is counted once there",
    ]);
    const warned: string[] = [];
    const { layers } = await importPlacement(bytes, "answer.json", {
      numChiplets: 2,
      warn: (warning) => warned.push(warning),
    });
    expect(layers).to.deep.equal([{ layer: 0, chiplets: [[0], [1, 2]] }]);
    expect(warned).to.have.length(1);
  });

  it("passes over what dense layers of a SGLang file hold, but not over how much", async () => {
    const text = `{"physical_to_logical_map": [[0, 0, 0, 0], [0, 1, 2, 3]]}`;
    expect(await violations(text, { ...told, firstMoeLayer: 1, numHiddenLayers: 2 })).to.deep.equal([]);
    expect(await violations(text, { ...told, firstMoeLayer: 1, numHiddenLayers: 3 })).to.deep.equal([
      "found 2 rows, expected 3, one for every hidden layer, dense ones too",
    ]);
    const ragged = `{"physical_to_logical_map": [[], [0, 1, 2, 3]]}`;
    expect(await violations(ragged, { ...told, firstMoeLayer: 1 })).to.deep.equal([
      "layer 0: found [], expected as many slots as in the MoE layers",
    ]);
  });

  it("refuses counts, which SGLang plans from by itself", async () => {
    expect(await violations(`{"logical_count": [[[1, 2]]]}`, told)).to.deep.equal([
      'found key "logical_count", expected physical_to_logical_map and no other key',
      "physical_to_logical_map: found nothing, expected a list with a row for every hidden layer",
    ]);
  });

  it("finds slots that do not divide by the ranks and rows of another length", async () => {
    expect(await violations("[[0, 1, 2], [0, 1, 2, 3]]", { numChiplets: 2 })).to.deep.equal([
      "layer 1: found 4 slots, expected 3 as in layer 0",
      "found 3 slots over 2 ranks, expected a multiple of the ranks",
    ]);
    expect(await violations("[[0, 1.5], [0, 1]]", told)).to.deep.equal([
      "layer 0: found 1.5, expected an integer id",
    ]);
    expect(await violations("[]", told)).to.deep.equal(["found no slots, expected at least one a rank"]);
    expect(await violations("[[0, 1, 2, 3]]", { ...told, numHiddenLayers: 2 })).to.deep.equal([
      "found 1 layers, expected 2, one for every MoE layer",
    ]);
  });

  it("takes a single vLLM list for every MoE layer", async () => {
    const options = { ...told, numHiddenLayers: 3, firstMoeLayer: 1 };
    const { layers } = await importPlacement(new TextEncoder().encode("[3, 1, 0, 2]"), "map.json", options);
    const chiplets = [
      [1, 3],
      [0, 2],
    ];
    expect(layers).to.deep.equal([
      { layer: 1, chiplets },
      { layer: 2, chiplets },
    ]);
  });

  it("finds in an expert-to-rank map a rank out of range, a rank without expert and a wrong length", async () => {
    expect(await violations(`{"expert_to_ep_rank": [0, 3, 0]}`, told)).to.deep.equal([
      "expert_to_ep_rank: found 3 entries, expected 4, one for every expert",
      "expert 1: found EP rank 3, out of range [0, 2)",
      "EP rank 1 holds no expert, expected at least one",
      "layer 0: expert 1 is on no chiplet",
      "layer 0: expert 3 is on no chiplet",
    ]);
  });

  it("finds in a vllm-ascend file the double that gives every rank a wrong map, and ids and counts out of order", async () => {
    const device = (id: number, experts: number[]) => ({ device_id: id, device_expert: experts });
    const document = {
      moe_layer_count: 3,
      layer_list: [
        { layer_id: 0, device_count: 2, device_list: [device(0, [2, 2]), device(1, [0, 1])] },
        { layer_id: 2, device_count: 3, device_list: [device(1, [2, 1]), device(0, [0])], x: 1 },
      ],
    };
    expect(await violations(JSON.stringify(document), { numExperts: 3 })).to.deep.equal([
      "moe_layer_count: found 3, expected 2",
      'layer_list[1]: found key "x", expected layer_id, device_count, device_list and no other key',
      "layer_list[1]: found layer_id 2, expected 1",
      "layer_list[1]: found device_count 3, expected 2",
      "layer_list[1]: found device_id 1, expected 0",
      "layer_list[1]: found device_id 0, expected 1",
      "layer 0: chiplet 0 holds expert 2 twice",
      "layer 1: chiplet 1 holds 1 experts, expected 2 as on the first",
    ]);
  });

  it("finds in a TensorRT-LLM file unknown keys, slots that differ from num_slots and layers without a row", async () => {
    const text = `num_slots: 5
layer_updates_per_iter: 0
ep_size: 2
initial_global_assignments:
  1: [0, 1, 2, 3]
  x: [0]
`;
    const options = { ...told, numHiddenLayers: 3, firstMoeLayer: 1 };
    expect(await violations(text, options)).to.deep.equal([
      'found key "ep_size", expected num_slots, layer_updates_per_iter, initial_global_assignments and no other key',
      'initial_global_assignments: found key "x", expected the number of a layer',
      "layer 1: found 4 slots, num_slots says 5",
      "found no row for layers 2, expected one for every MoE layer",
    ]);
    const [first] = await violations("initial_global_assignments: [1, {", told);
    expect(first).to.match(/^found no YAML: /);
  });

  it("finds EPLB tensors that contradict each other", async () => {
    const tensors = {
      phy2log: [[0, 1, 2, 0]],
      log2phy: [
        [
          [3, 0],
          [1, -1],
          [1, -1],
        ],
      ],
      logcnt: [[2, 2, 1]],
    };
    expect(await violations(JSON.stringify(tensors), { numChiplets: 2 })).to.deep.equal([
      "logcnt: layer 0, expert 1: found 2, phy2log has 1",
      "log2phy: layer 0, expert 2: found [1,-1], phy2log has [2]",
    ]);
  });

  it("finds in an omni-infer pattern entries that are neither 0 nor 1, and other shapes", async () => {
    expect(await violations(writeNpy([2, 1, 2], [1, 0, 0, 2]), {})).to.deep.equal([
      "found 2, expected 0 or 1 everywhere",
    ]);
    expect(await violations(writeNpy([4], [1, 0, 0, 1]), {})).to.deep.equal([
      "found shape (4), expected (devices, MoE layers, experts)",
    ]);
    expect(
      await violations(writeNpy([2, 1, 2], [1, 0, 0, 1]), { numExperts: 3, numChiplets: 1 }),
    ).to.deep.equal(["found 2 devices, expected 1", "found 2 experts, expected 3"]);
    expect(await violations(writeNpy([1], [1]).slice(0, -1), {})).to.deep.equal([
      "array: found 135 bytes, expected 136 for [1]",
    ]);
  });

  it("finds in an ExFlow solution rows out of order and layers cut short", async () => {
    expect(await violations("Expert,Node\n0,0\n2,1\nx\n", { numExperts: 2 })).to.deep.equal([
      "line 3: found expert 2, expected 1",
      'line 4: found "x", expected two whole numbers',
      "found 3 rows, expected a multiple of 2, the experts of a layer",
    ]);
  });

  it("finds rows of a CSV file that are none, a slot taken twice and a chiplet too many", async () => {
    const text = "layer,expert,chiplet,slot\n0,0,0,0\n0,1,0,0\n0,x,1,0\n0,2,9,0\n";
    expect(await violations(text, { numExperts: 3, numChiplets: 2 })).to.deep.equal([
      "line 3: layer 0, chiplet 0: slot 0 comes twice",
      'line 4: found "0,x,1,0", expected four whole numbers',
      "layer 0: chiplet 9 is out of range [0, 2)",
      "layer 0: expert 0 is on no chiplet",
      "layer 0: expert 2 is on no chiplet",
    ]);
  });

  it("asks for what the file does not say, and names the formats it knows", async () => {
    await expectRejection(violations("[[0, 1]]", {}), "file: vllm: found no number of chiplets in the file");
    // Rows of slots, and no pattern of another engine, whose array has three dimensions.
    const rows = writeNpy([2, 4], [0, 1, 2, 3, 0, 1, 2, 3]);
    await expectRejection(violations(rows, {}), "file: sglang-jax: found no number of chiplets in the file");
    expect(await violations(rows, { numChiplets: 2 })).to.deep.equal([]);
    await expectRejection(
      violations("Expert,Node\n0,0\n", {}),
      "exflow: found no number of experts in the file",
    );
    await expectRejection(
      violations("hello", {}),
      "file: found no placement, expected a file of one of the formats sglang, ",
    );
    // Only those that hold a placement: loads for planners and the like are read by nobody.
    const { message } = (await violations("hello", {}).catch((error: unknown) => error)) as Error;
    expect(message)
      .to.include("csv")
      .and.not.match(/hot-experts|rank-load|lmdeploy|hmetis,/);
    await expectRejection(violations("1 2 1\n1 1\n", {}), "file: found the token patterns of one layer");
  });

  it("names the first violation and their number when a file is imported", async () => {
    await expectRejection(
      importPlacement(new TextEncoder().encode("[[0, 0, 1, 1]]"), "map.json", told),
      "map.json: vllm: layer 0: chiplet 0 holds expert 0 twice, and 3 more",
    );
  });
});

async function violations(content: string | Uint8Array, options: ReadOptions): Promise<readonly string[]> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const reading = await verifyForeign(bytes, "file", options);
  return reading.violations;
}
