import { expect } from "chai";
import type { ReadOptions } from "../../lib/export/placement-format.js";
import { importPlacement, verifyForeign } from "../../lib/export/read-foreign.js";

const told: ReadOptions = { numExperts: 4, numChiplets: 2 };

describe("verification of a placement file made by someone else", () => {
  it("finds in a SGLang file what the server does not: an absent expert, a double on a rank, -1, an extra key", () => {
    const text = `{"physical_to_logical_map": [[0, 1, 2, 3], [0, 0, 1, 3], [-1, 1, 2, 3]], "note": "x"}`;
    expect(violations(text, told)).to.deep.equal([
      'found key "note", expected physical_to_logical_map and no other key',
      "layer 1: chiplet 0 holds expert 0 twice",
      "layer 1: expert 2 is on no chiplet",
      "layer 2: chiplet 0 holds expert -1, out of range [0, 4)",
      "layer 2: expert 0 is on no chiplet",
    ]);
  });

  it("passes over the dense layers of a SGLang file", () => {
    const text = `{"physical_to_logical_map": [[0, 0, 0, 0], [0, 1, 2, 3]]}`;
    expect(violations(text, { ...told, firstMoeLayer: 1, numHiddenLayers: 2 })).to.deep.equal([]);
    expect(violations(text, { ...told, firstMoeLayer: 1, numHiddenLayers: 3 })).to.deep.equal([
      "found 2 rows, expected 3, one for every hidden layer, dense ones too",
    ]);
  });

  it("refuses counts, which SGLang plans from by itself", () => {
    expect(violations(`{"logical_count": [[[1, 2]]]}`, told)).to.deep.equal([
      'found key "logical_count", expected physical_to_logical_map and no other key',
      "physical_to_logical_map: found nothing, expected a list with a row for every hidden layer",
    ]);
  });

  it("finds slots that do not divide by the ranks and rows of another length", () => {
    expect(violations("[[0, 1, 2], [0, 1, 2, 3]]", { numChiplets: 2 })).to.deep.equal([
      "layer 1: found 4 slots, expected 3 as in layer 0",
      "found 3 slots over 2 ranks, expected a multiple of the ranks",
    ]);
    expect(violations("[[0, 1.5], [0, 1]]", told)).to.deep.equal([
      "layer 0: found 1.5, expected an integer id",
    ]);
    expect(violations("[]", told)).to.deep.equal(["found no slots, expected at least one a rank"]);
  });

  it("takes a single vLLM list for every MoE layer", () => {
    const options = { ...told, numHiddenLayers: 3, firstMoeLayer: 1 };
    const { layers } = importPlacement(new TextEncoder().encode("[3, 1, 0, 2]"), "map.json", options);
    const chiplets = [
      [1, 3],
      [0, 2],
    ];
    expect(layers).to.deep.equal([
      { layer: 1, chiplets },
      { layer: 2, chiplets },
    ]);
  });

  it("finds rows of a CSV file that are none, a slot taken twice and a chiplet too many", () => {
    const text = "layer,expert,chiplet,slot\n0,0,0,0\n0,1,0,0\n0,x,1,0\n0,2,9,0\n";
    expect(violations(text, { numExperts: 3, numChiplets: 2 })).to.deep.equal([
      "line 3: layer 0, chiplet 0: slot 0 comes twice",
      'line 4: found "0,x,1,0", expected four whole numbers',
      "layer 0: chiplet 9 is out of range [0, 2)",
      "layer 0: expert 0 is on no chiplet",
      "layer 0: expert 2 is on no chiplet",
    ]);
  });

  it("asks for what the file does not say, and names the formats it knows", () => {
    expect(() => violations("[[0, 1]]", {})).to.throw("vllm: found no number of chiplets in the file");
    expect(() => violations("hello", {})).to.throw(
      "file: found no placement, expected a file of one of the formats",
    );
  });

  it("names the first violation and their number when a file is imported", () => {
    expect(() => importPlacement(new TextEncoder().encode("[[0, 0, 1, 1]]"), "map.json", told)).to.throw(
      "map.json: vllm: layer 0: chiplet 0 holds expert 0 twice, and 3 more",
    );
  });
});

function violations(text: string, options: ReadOptions): readonly string[] {
  return verifyForeign(new TextEncoder().encode(text), "file", options).violations;
}
