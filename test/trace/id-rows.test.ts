import { expect } from "chai";
import fc from "fast-check";
import { factsOfRows, largestId, rowWithRepeat } from "../../lib/trace/id-rows.js";
import { plainLargestId, plainRowWithRepeat } from "../../lib/trace/plain-id-rows.js";

describe("rows of ids", () => {
  it("finds the largest id that a slow search finds", () => {
    const ids = fc.uint16Array({ maxLength: 40 });
    fc.assert(
      fc.property(ids, (some) => {
        expect(largestId(some)).to.equal(Math.max(-1, ...some));
        expect(plainLargestId(some)).to.equal(Math.max(-1, ...some));
      }),
    );
    const many = new Uint16Array(100_000);
    many[99_999] = 65535;
    expect(largestId(many)).to.equal(65535);
  });

  it("finds the first row with a repeat that a slow search finds, for rows of any width", () => {
    const cases = fc.record({
      width: fc.integer({ min: 1, max: 70 }),
      numRows: fc.integer({ min: 0, max: 1200 }),
      repeats: fc.array(fc.record({ row: fc.nat(), from: fc.nat(), to: fc.nat() }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(cases, ({ width, numRows, repeats }) => {
        const ids = Uint16Array.from({ length: numRows * width }, (_, at) => (at * 7) % 65521);
        for (const { row, from, to } of numRows > 0 ? repeats : []) {
          const start = (row % numRows) * width;
          ids[start + (to % width)] = ids[start + (from % width)];
        }
        const expected = slowRowWithRepeat(ids, width);
        expect(rowWithRepeat(ids, width)).to.equal(expected);
        expect(plainRowWithRepeat(ids, width)).to.equal(expected);
        expect(factsOfRows(ids, width)).to.deep.equal({
          largest: plainLargestId(ids),
          hasRepeat: expected >= 0,
        });
      }),
    );
  });

  it("does not mistake equal ids of neighbouring rows for a repeat", () => {
    for (let width = 1; width <= 24; width++) {
      const row = Array.from({ length: width }, (_, place) => place);
      const ids = Uint16Array.from(Array.from({ length: 3000 }, () => row).flat());
      expect(rowWithRepeat(ids, width)).to.equal(-1);
      if (width === 1) continue;
      ids[2345 * width] = width - 1;
      expect(rowWithRepeat(ids, width)).to.equal(2345);
    }
  });
});

function slowRowWithRepeat(ids: Uint16Array, width: number): number {
  for (let row = 0; row < ids.length / width; row++) {
    if (new Set(ids.subarray(row * width, (row + 1) * width)).size < width) return row;
  }
  return -1;
}
