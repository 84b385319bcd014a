import { expect } from "chai";
import fc from "fast-check";
import { fillTile, rowsOfTile } from "../../../traces/bytes/id-tile.js";

const types = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
];

describe("tiles of ids", () => {
  it("take numbers of any type, and tell whether all of them are ids of 16 bits", () => {
    const cases = fc.record({
      type: fc.constantFrom(...types),
      numbers: fc.array(
        fc.oneof(
          { weight: 40, arbitrary: fc.nat(100) },
          fc.constantFrom(-1, 255, 65535, 65536, 2 ** 31, 0.5),
        ),
        { minLength: 1, maxLength: 100 },
      ),
    });
    fc.assert(
      fc.property(cases, ({ type, numbers }) => {
        const ids = type.from(numbers);
        const areIds = ids.every((id) => Number.isInteger(id) && id >= 0 && id < 65536);
        expect(fillTile(ids)).to.equal(areIds);
        if (!areIds) return;
        const rows = rowsOfTile(ids.length, { first: 0, idsPerToken: 1, topK: 1 });
        expect([...rows]).to.deep.equal([...ids]);
      }),
      { numRuns: 1000 },
    );
  });
});
