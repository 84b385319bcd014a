import { expect } from "chai";
import { InputError } from "../lib/errors.js";
import { checkModelSizes, checkShape, checkUnpacked } from "../lib/plausible-size.js";

describe("plausible sizes", () => {
  it("of a model are within limits that can be raised", () => {
    checkModelSizes("t", { numExperts: 4096, numLayers: 1024, layer: 1023, topK: 64, numChiplets: 4096 });
    const beyond = [
      { numExperts: 4097 },
      { numExperts: 1e9 },
      { numExperts: 0 },
      { numExperts: NaN },
      { numExperts: 1.5 },
      { numChiplets: 4097 },
      { numLayers: 1025 },
      { layer: 1024 },
      { layer: -1 },
      { topK: 65 },
      { topK: 0 },
    ];
    for (const sizes of beyond) {
      expect(() => {
        checkModelSizes("t", sizes);
      }, JSON.stringify(sizes)).to.throw(InputError, /^t: found .*, expected \d+ to \d+$/);
    }
    checkModelSizes(
      "t",
      { numExperts: 8000, layer: 5000, topK: 100 },
      { maxExperts: 8192, maxLayers: 1e4, maxTopK: 128 },
    );
    expect(() => {
      checkModelSizes("t", { numExperts: 65537 }, { maxExperts: 1e6 });
    }).to.throw(InputError, "expected 1 to 65536");
  });

  it("of an array are within what is there, repeated along strides of 0 up to 4 million times", () => {
    expect(checkShape("t", [3, 4], 12)).to.equal(12);
    expect(checkShape("t", [], 1)).to.equal(1);
    expect(checkShape("t", [58, 0, 8], 0)).to.equal(0);
    expect(checkShape("t", [58, 288], 288)).to.equal(58 * 288);
    for (const shape of [[1e9, 1e9], [1e9, 0], [-1, 4], [NaN], [2 ** 53, 2], [1e308, 1e308]]) {
      expect(() => checkShape("t", shape, 1), String(shape)).to.throw(InputError, "found an array of shape");
    }
    const deep = JSON.parse(`[${"[".repeat(50_000)}${"]".repeat(50_000)}, 2]`) as number[];
    expect(() => checkShape("t", deep, 1)).to.throw(InputError, "found an array of shape [[[[");
  });

  it("of what a compressed file unpacks to depend on how much of it is held", () => {
    const sizes = { packed: 1e6, unpacked: 6e7 };
    checkUnpacked("t", sizes, "streamed");
    checkUnpacked("t", sizes, "array");
    expect(() => {
      checkUnpacked("t", sizes, "document");
    }).to.throw(InputError, "t: found 1000000 bytes that unpack to more than 33554432");
  });
});
