import { expect } from "chai";
import fc from "fast-check";
import { InputError } from "../../../lib/errors.js";
import { denseTensor, type Tensor } from "../../../lib/containers/tensor.js";
import { TILE_IDS } from "../../../traces/bytes/id-tile.js";
import { appendIds, appendLayers } from "../../../traces/bytes/tensor-rows.js";
import { TraceBuilder } from "../../../traces/trace-builder.js";

const NUM_EXPERTS = 300;
const types = [Uint8Array, Int8Array, Uint16Array, Int16Array, Int32Array, Uint32Array, Float64Array];

describe("appendLayers", () => {
  it("takes arrays of all types and shapes apart into layers", () => {
    const shapes = fc.record({
      type: fc.constantFrom(...types),
      numTokens: fc.integer({ min: 1, max: 50 }),
      numLayers: fc.integer({ min: 1, max: 5 }),
      topK: fc.integer({ min: 1, max: 20 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shapes, ({ type, numTokens, numLayers, topK, seed }) => {
        const idOf = (token: number, layer: number, place: number) =>
          ((seed + 7 * token + 3 * layer) % 80) + place;
        const values = new type(numTokens * numLayers * topK).map((_, at) =>
          idOf(Math.floor(at / topK / numLayers), Math.floor(at / topK) % numLayers, at % topK),
        );
        const builder = builderOf();
        appendLayers(builder, denseTensor([numTokens, numLayers, topK], values), "test");
        expect(rowsOf(builder)).to.deep.equal(
          Array.from({ length: numLayers }, (_, layer) =>
            Array.from({ length: numTokens * topK }, (_, at) =>
              idOf(Math.floor(at / topK), layer, at % topK),
            ),
          ),
        );
      }),
    );
  });

  it("takes arrays that are larger than a tile", () => {
    const [numLayers, topK] = [3, 7];
    const numTokens = Math.ceil((2.5 * TILE_IDS) / numLayers / topK);
    const idAt = (at: number) => ((at - (at % topK)) % 269) + (at % topK);
    const values = Int32Array.from({ length: numTokens * numLayers * topK }, (_, at) => idAt(at));
    const builder = builderOf();
    appendLayers(builder, denseTensor([numTokens, numLayers, topK], values), "test");
    const layers = rowsOf(builder);
    for (let layer = 0; layer < numLayers; layer++) {
      const wrong = layers[layer].findIndex(
        (id, at) => id !== idAt((Math.floor(at / topK) * numLayers + layer) * topK + (at % topK)),
      );
      expect(wrong).to.equal(-1);
      expect(layers[layer]).to.have.lengthOf(numTokens * topK);
    }
  });

  it("reads strides of any order", () => {
    // [tokens, layers, topK] = [3, 2, 2], written place after place, layer after layer, token after token.
    const values = Uint16Array.of(0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112);
    const builder = builderOf();
    appendLayers(builder, { shape: [3, 2, 2], strides: [1, 3, 6], start: 0, values }, "test");
    expect(rowsOf(builder)).to.deep.equal([
      [0, 100, 1, 101, 2, 102],
      [10, 110, 11, 111, 12, 112],
    ]);
  });

  it("leaves out padding and layers without experts", () => {
    for (const [type, padding] of [
      [Uint8Array, 255],
      [Uint16Array, 65535],
      [Int32Array, -1],
    ] as const) {
      const values = type.of(1, 2, 0, 0, padding, padding, 0, 0, 3, 4, 0, 0);
      const builder = builderOf();
      appendLayers(builder, denseTensor([3, 2, 2], values), "test");
      expect(rowsOf(builder), type.name).to.deep.equal([[1, 2, 3, 4]]);
    }
  });

  it("leaves out padding of top-1 tokens", () => {
    const builder = builderOf();
    appendIds(builder, 0, denseTensor([3, 1], Uint8Array.of(1, 255, 3)), "test");
    expect(rowsOf(builder)).to.deep.equal([[1, 3]]);
  });

  it("refuses ids that are no ids, and says where", () => {
    const wrong = (ids: Tensor["values"]) => () => {
      appendIds(builderOf(), 4, denseTensor([2, 2], ids), "test");
    };
    expect(wrong(Int32Array.of(1, 2, -2, 3))).to.throw(
      InputError,
      "test: layer 4: found a negative id, expected [0, 300)",
    );
    // What fills up a token that has fewer experts than others.
    expect(wrong(Int32Array.of(1, 2, 3, -1))).to.throw(
      InputError,
      "test: layer 4: found 1 expert in a token and -1 behind, expected 2 as in the others",
    );
    expect(wrong(Int32Array.of(1, 2, 3, 65536 + 5))).to.throw(InputError, "found expert 65541");
    expect(wrong(Float64Array.of(1, 2, 3, 2 ** 40))).to.throw(InputError, `found expert ${2 ** 40}`);
  });
});

function builderOf(): TraceBuilder {
  return new TraceBuilder({ numExperts: NUM_EXPERTS, keepWarmup: true });
}

function rowsOf(builder: TraceBuilder): number[][] {
  return builder.finish(NUM_EXPERTS).layers.map(({ experts }) => [...experts]);
}
