import { expect } from "chai";
import fc from "fast-check";
import { LayerRows } from "../../traces/layer-rows.js";
import { Sampling } from "../../traces/sampling.js";
import { WARMUP_RUN } from "../../traces/warm-up.js";

const TOP_K = 2;

/** Runs of the same row, of lengths around that of warm-up, among others that differ. */
const runs = fc.array(
  fc.record({
    expert: fc.integer({ min: 0, max: 3 }),
    length: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2 * WARMUP_RUN })),
  }),
  { maxLength: 40 },
);

describe("LayerRows", () => {
  it("keeps the same rows however many are handed in at once", () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 100 }), (stretches, size) => {
        const rows = stretches.flatMap(({ expert, length }) =>
          Array.from({ length }, () => Uint16Array.of(expert, 9)),
        );
        const [oneByOne, atOnce] = [emptyRows(), emptyRows()];
        for (const row of rows) oneByOne.append(row);
        for (let at = 0; at < rows.length; at += size) {
          atOnce.appendMany(Uint16Array.from(rows.slice(at, at + size).flatMap((row) => [...row])));
        }
        expect(atOnce.finish(0)).to.deep.equal(oneByOne.finish(0));
        expect(atOnce.rowsRead).to.equal(rows.length);
        expect(atOnce.warmupRows).to.equal(oneByOne.warmupRows);
      }),
    );
  });
});

function emptyRows(): LayerRows {
  return new LayerRows(TOP_K, { keepWarmup: false, sampling: new Sampling() });
}
