import { expect } from "chai";
import type { Provenance } from "../../lib/placement/provenance.js";
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

  it("goes by the model that was named when the placement was made, and says where the trace names another", () => {
    const modelLayers = { numHiddenLayers: 94, firstMoeLayer: 1, moeLayerStep: 3 };
    const provenance = { modelShape: "qwen3_moe", modelLayers } as Provenance;
    const complete = (model: string | undefined, known = {}) => {
      const notes: string[] = [];
      const layers = completeModelLayers({ ...placement, model, provenance }, known, (note) =>
        notes.push(note),
      );
      return { layers, notes: notes.join("\n") };
    };
    expect(complete(undefined)).to.deep.equal({ layers: modelLayers, notes: "" });
    const named = complete("deepseek-v3");
    expect(named.layers).to.deep.equal(modelLayers);
    expect(named.notes).to.match(
      /^the trace is of deepseek-v3 by its name, which has 61 layers: the file is for the 94 of qwen3_moe/,
    );
    const asked = complete("deepseek-v3", { numHiddenLayers: 61 });
    expect(asked.layers.numHiddenLayers).to.equal(61);
    expect(asked.notes).to.match(
      /^qwen3_moe has 94 layers, experts from layer 1 on: the file is for 61 layers/,
    );
  });
});
