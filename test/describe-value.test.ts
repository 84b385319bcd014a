import { expect } from "chai";
import fc from "fast-check";
import { describeValue } from "../lib/describe-value.js";
import { InputError } from "../lib/errors.js";

describe("describeValue", () => {
  it("writes short JSON as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 2 }), (json) => {
        const value: unknown = JSON.parse(json);
        const text = JSON.stringify(value);
        fc.pre(text.length <= 40 && /^[ -~]*$/.test(text) && !Object.is(value, -0) && !text.includes("e-"));
        expect(describeValue(value)).to.equal(text);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("describes what is nested a million deep, contains itself or is a million long", () => {
    let deep: unknown = [];
    for (let level = 0; level < 1e6; level++) deep = [deep];
    expect(describeValue(deep)).to.equal(`${"[".repeat(40)}...`);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(describeValue(cycle)).to.equal(`${"[".repeat(40)}...`);
    expect(describeValue(new Array(1e6).fill(7))).to.equal(`[${"7,".repeat(19)}7...`);
    expect(describeValue("x".repeat(1e8))).to.equal(`"${"x".repeat(39)}...`);
  });

  it("says what JSON cannot", () => {
    expect(
      [undefined, NaN, 1n, new Float32Array(2), describeValue].map((value) => describeValue(value)),
    ).to.deep.equal(["nothing", "NaN", "1", "[0,0]", "code"]);
  });
});

describe("InputError", () => {
  it("writes out what would steer a terminal, and is never long", () => {
    const { message, advice } = new InputError(
      "a\u001b]0;title\u0007b\u202e.jsonl: found\n",
      "Maybe \u009b31m.",
    );
    expect(message).to.equal("a\\x1b]0;title\\x07b\\u202e.jsonl: found\\n");
    expect(advice).to.equal("Maybe \\x9b31m.");
    expect(new InputError("x".repeat(1e6)).message).to.have.lengthOf(1003);
  });
});
