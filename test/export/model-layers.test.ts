import { expect } from "chai";
import { completeModelLayers } from "../../lib/export/model-layers.js";

describe("completeModelLayers", () => {
  const placement = {
    model: "deepseek-v3",
    numExperts: 256,
    numChiplets: 1,
    layers: [{ layer: 0, chiplets: [] }],
  };
  const notesOf = (known: object, numExperts = 256) => {
    const notes: string[] = [];
    completeModelLayers({ ...placement, numExperts }, known, (note) => notes.push(note));
    return notes.join("\n");
  };

  it("says where layers that were asked for are not those of the model", () => {
    expect(notesOf({ numHiddenLayers: 58, firstMoeLayer: 0 })).to.match(
      /^deepseek-v3 has 61 layers, experts from layer 3 on: the file is for 58 layers, experts from layer 0 on/,
    );
    expect(notesOf({ firstMoeLayer: 0 })).to.match(/61 layers, experts from layer 0 on, as was asked for/);
    // The layer behind the last predicts further tokens.
    expect(notesOf({ numHiddenLayers: 62 })).to.equal("");
    expect(notesOf({})).to.equal("");
    expect(notesOf({ numHiddenLayers: 58, firstMoeLayer: 0 }, 128)).to.equal("");
  });
});
