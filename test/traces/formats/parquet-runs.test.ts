import { expect } from "chai";
import type { PageHeader } from "hyparquet/src/types.js";
import { checkRuns, levelsOf } from "../../../traces/containers/parquet-runs.js";

const column = { codec: "UNCOMPRESSED", compressors: {}, isBoolean: false, mostRepeated: 1, mostDefined: 0 };

/** A page of four values whose levels of repetition are the given runs, each of four bytes of size and the run. */
function page(run: readonly number[]): [Uint8Array, PageHeader] {
  const bytes = Uint8Array.from([run.length, 0, 0, 0, ...run]);
  const header = {
    type: "DATA_PAGE",
    uncompressed_page_size: bytes.length,
    compressed_page_size: bytes.length,
    data_page_header: { num_values: 4, encoding: "PLAIN" },
  } as PageHeader;
  return [bytes, header];
}

describe("runs in a Parquet page", () => {
  it("are sound where they give as many values as the page has, the last group of eight padded", () => {
    expect(() => {
      checkRuns(...page([4 << 1, 1]), column);
    }).not.to.throw();
    expect(() => {
      checkRuns(...page([3, 0b0110]), column);
    }).not.to.throw();
  });

  it("are refused before they are unpacked where they claim more", () => {
    for (const run of [
      [0xfe, 0xff, 0xff, 0xff, 0x7f, 1],
      [0xff, 0xff, 0xff, 0xff, 0x7f, 1],
      [5, 1, 1],
    ]) {
      expect(() => {
        checkRuns(...page(run), column);
      }).to.throw(/a run of \d+ values where 4 are left/);
    }
    expect(() => {
      checkRuns(Uint8Array.of(255, 255, 0, 0, 8, 1), page([])[1], column);
    }).to.throw(/levels of/);
  });

  it("have levels for each element on the path that repeats or may be absent", () => {
    const schema = [
      { name: "schema", num_children: 2, repetition_type: "REQUIRED" as const },
      { name: "id", repetition_type: "REQUIRED" as const },
      { name: "rows", num_children: 1, repetition_type: "OPTIONAL" as const },
      { name: "list", num_children: 1, repetition_type: "REPEATED" as const },
      { name: "element", repetition_type: "OPTIONAL" as const },
    ];
    expect(levelsOf(schema, ["rows", "list", "element"])).to.deep.equal({ mostRepeated: 1, mostDefined: 3 });
    expect(() => levelsOf(schema, ["rows", "item"])).to.throw(/a column item that the schema lacks/);
  });
});
