import { expect } from "chai";
import fc from "fast-check";
import { parse, parseDocument, stringify } from "yaml";
import { parseYaml } from "../lib/containers/yaml.js";

const integers = fc.array(fc.integer({ min: -99, max: 4096 }), { maxLength: 40 });
const values = fc.dictionary(
  fc.constantFrom("layers", "0", "1", "__proto__", "of slots", "1, 2, 3, 4, 5, 6, 7, 8, 9"),
  fc.oneof(
    integers,
    fc.array(fc.oneof(integers, fc.constantFrom("a", "1, 2, 3, 4, 5, 6, 7, 8, 9", null, 0.5, true))),
    integers.map((ids) => `about ${ids.join(", ")}`),
    integers.map((ids) => [{ chiplets: [ids, [ids.toReversed()]], text: `[${ids.join(",")}]` }]),
  ),
);

describe("parseYaml", () => {
  it("reads what the parser reads, with long lists of numbers and texts that look like them", async () => {
    const runs = fc.record({
      value: values,
      collectionStyle: fc.constantFrom("any" as const, "block" as const, "flow" as const),
      lineWidth: fc.constantFrom(0, 20, 80),
    });
    await fc.assert(
      fc.asyncProperty(runs, async ({ value, ...style }) => {
        const text = stringify(value, style);
        expect(await parseYaml(text)).to.deep.equal({ value: parse(text) as unknown, errors: [] });
      }),
    );
  });

  it("says where a text is wrong by its own lines and columns", async () => {
    const text = `a: [1, 2, 3,\n  4, 5, 6, 7, 8, 9] b\nc: [1, 2, 3, 4, 5, 6, 7, 8, 9]]\n`;
    const { errors } = await parseYaml(text);
    expect(errors).to.deep.equal(parseDocument(text).errors.map(({ message }) => message.split("\n")[0]));
    expect(errors[0]).to.match(/at line 2, column 21/);
  });

  it("reads a text with the very mark that stands for numbers", async () => {
    const text = "a: [moeplace-run-0;, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    expect((await parseYaml(text)).value).to.deep.equal(parse(text));
  });

  it("takes no limit on values from lists of numbers", async () => {
    const list = Array.from({ length: 300_000 }, (_, index) => index % 7);
    expect((await parseYaml(`a: [${list.join(", ")}]`)).value).to.deep.equal({ a: list });
    const { excess } = await parseYaml(`a: [${list.map((id) => `x${id}`).join(", ")}]`);
    expect(excess).to.equal("more than 200000 values");
  });
});
