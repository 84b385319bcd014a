import { expect } from "chai";
import { InputError } from "../../lib/errors.js";
import { createProblem, type ProblemOptions } from "../../lib/placement/problem.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { layerOf } from "../arbitrary-layer.js";

const tokens = [
  [0, 1],
  [1, 0],
  [1, 4],
];
const patterns = collectPatterns(layerOf(tokens), { numExperts: 6, topK: 2 });

describe("createProblem", () => {
  it("counts the load of every expert", () => {
    expect(createProblem(patterns, { numChiplets: 2 }).load).to.deep.equal(Float64Array.of(2, 3, 0, 0, 1, 0));
  });

  it("makes room for all experts where they do not divide by the chiplets", () => {
    expect(createProblem(patterns, { numChiplets: 4 }).slotsPerChiplet).to.equal(2);
    expect(createProblem(patterns, { numChiplets: 16, numGroups: 4 }).slotsPerChiplet).to.equal(1);
  });

  it("refuses more experts than slots and groups of unequal size, with advice", () => {
    refuses(
      { numChiplets: 2, slotsPerChiplet: 2 },
      "slots: found 2 chiplets x 2 slots = 4, expected at least 6, one for every expert",
      "Maybe raise slotsPerChiplet to 3.",
    );
    refuses(
      { numChiplets: 6, numGroups: 4 },
      "chiplets: found 6 in 4 groups, expected groups of equal size",
      "Maybe pass numGroups with a divisor of the number of chiplets.",
    );
  });

  it("makes room for replicas, and refuses more than chiplets can hold one replica of each", () => {
    expect(createProblem(patterns, { numChiplets: 2, numReplicas: 3 }).slotsPerChiplet).to.equal(5);
    refuses(
      { numChiplets: 2, numReplicas: 3, slotsPerChiplet: 4 },
      "slots: found 2 chiplets x 4 slots = 8, expected at least 9, one for every expert and replica",
      "Maybe raise slotsPerChiplet to 5.",
    );
    refuses({ numChiplets: 2, numReplicas: 7 }, "replicas: found 7, expected at most 6");
  });

  it("takes the same pin twice for one, and refuses pins and separations that name what is not there or contradict each other", () => {
    refuses({ numChiplets: 2, pins: [{ expert: 6, chiplet: 0 }] }, "pin: expert 6 is out of range [0, 6)");
    refuses({ numChiplets: 2, pins: [{ expert: 0, chiplet: 2 }] }, "pin: chiplet 2 is out of range [0, 2)");
    refuses(
      { numChiplets: 2, pins: [0, 1].map((chiplet) => ({ expert: 3, chiplet })) },
      "pin: expert 3 is pinned to chiplets 0 and 1, expected one",
    );
    const pin = { expert: 3, chiplet: 1 };
    expect(createProblem(patterns, { numChiplets: 2, pins: [pin, { ...pin }] }).pins).to.deep.equal([pin]);
    refuses({ numChiplets: 2, antiAffinity: [[1, 9]] }, "apart: expert 9 is out of range [0, 6)");
    refuses({ numChiplets: 2, antiAffinity: [[1, 2, 1]] }, "apart: found an expert twice in 1,2,1");
  });
});

function refuses(options: ProblemOptions, message: string, advice?: string): void {
  try {
    createProblem(patterns, options);
  } catch (error) {
    expect(error).to.be.instanceOf(InputError);
    expect((error as InputError).message).to.contain(message);
    if (advice !== undefined) expect((error as InputError).advice).to.equal(advice);
    return;
  }
  expect.fail(`accepted, expected "${message}"`);
}
