import { expect } from "chai";
import { readFileSync } from "node:fs";
import { zstdFile } from "../packed-files.js";
import { failureOf, fixture, readContent, readFolder, tokensOf } from "../trace-files.js";

// Written by pyarrow: 30 tokens of layers 1 and 2, top-2 of 16, in row groups of 25.
const file = (name: string) => readFileSync(fixture(name));

describe("Parquet", () => {
  it("is read row group by row group, whatever packs its pages", async () => {
    const { trace } = await readContent(file("rows-snappy.parquet"));
    expect(trace.layers.map(({ layer, numTokens }) => [layer, numTokens])).to.deep.equal([
      [1, 30],
      [2, 30],
    ]);
    const ids = trace.layers.flatMap(({ experts }) => [...experts]);
    expect(ids.reduce((sum, id) => sum + id, 0)).to.equal(859);
    for (const packed of ["zstd", "gzip", "brotli"]) {
      const again = await readContent(file(`rows-${packed}.parquet`));
      expect(tokensOf(again.trace), packed).to.deep.equal(tokensOf(trace));
    }
    const twice = await readContent(zstdFile(file("rows-zstd.parquet")));
    expect(tokensOf(twice.trace)).to.deep.equal(tokensOf(trace));
  });

  it("may have a row for every request, with lists [tokens][layers][top-k]", async () => {
    const { trace } = await readContent(file("requests.parquet"));
    const rows = await readContent(file("rows-snappy.parquet"));
    expect(Object.values(tokensOf(trace))).to.deep.equal(Object.values(tokensOf(rows.trace)));
    expect(trace.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 10));
  });

  it("may have a column for every place, or a row for every layer and expert with how often it was chosen", async () => {
    const rows = await readContent(file("rows-snappy.parquet"));
    const wide = await readContent(file("wide.parquet"));
    expect(tokensOf(wide.trace)).to.deep.equal(tokensOf(rows.trace));
    const counts = await readFolder({ trace: file("counts.parquet") });
    expect(counts.kind === "loads" && counts.loads.layers.map(({ load }) => [...load])).to.deep.equal([
      [5, 6, 7, 8],
      [1, 2, 3, 4],
    ]);
  });

  it("is refused where it was cut off, or a page says that it unpacks to gigabytes", async () => {
    const whole = file("rows-snappy.parquet");
    expect(await failureOf(readContent(whole.subarray(0, 3000)))).to.match(
      /expected a sound Parquet file\nMaybe the file was cut off/,
    );
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 5, 12);
    expect(await failureOf(readContent(damaged))).to.match(/^InputError: /);
  });
});
