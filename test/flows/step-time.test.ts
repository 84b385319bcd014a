import { expect } from "chai";
import { timeGap, type StepTime } from "../../lib/flows/step-time.js";

describe("timeGap", () => {
  const time = (learnedNs: number, atLeastNs: number | null): StepTime => ({
    workload: "prefill",
    transport: "per-group",
    configuration: "chunked",
    learnedNs,
    heldOutNs: null,
    atLeastNs,
  });

  it("is how far a step is above what is proved, and nothing where nothing is", () => {
    expect(timeGap(time(103, 100))).to.be.closeTo(0.03, 1e-12);
    expect(timeGap(time(100, 100))).to.equal(0);
    expect(timeGap(time(100, null))).to.equal(undefined);
    expect(timeGap(null)).to.equal(undefined);
  });

  it("is an error where a step takes less than is proved of every placement", () => {
    expect(() => timeGap(time(99, 100))).to.throw("99 ns, found below the 100 ns that are proved");
  });
});
