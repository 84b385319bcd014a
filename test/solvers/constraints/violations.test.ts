import { expect } from "chai";
import { createRandom } from "../../../lib/random.js";
import { constraintModelOf } from "../../../solvers/constraints/constraint-model.js";
import { createLimitGauge, exchanged } from "../../../solvers/constraints/violations.js";
import { solvedProblems } from "../arbitrary-problem.js";

describe("createLimitGauge", () => {
  it("tells of an exchange what measuring the set after it does", () => {
    const random = createRandom(1);
    let numAbove = 0;
    for (const { problem } of solvedProblems()) {
      const gauge = createLimitGauge(constraintModelOf(problem));
      const experts = [...Array(problem.numExperts).keys()];
      const inside = experts.filter(() => random.next() < 0.5);
      const outside = experts.filter((expert) => !inside.includes(expert));
      const [tally, ofGroup] = [gauge.tallyChiplet(inside), gauge.tallyGroup(inside)];
      expect(tally.excess).to.equal(gauge.chipletExcess(inside));
      for (const leaving of [undefined, ...inside]) {
        for (const entering of [undefined, ...outside]) {
          const after = exchanged(inside, leaving, entering);
          const excess = gauge.chipletExcess(after);
          expect(tally.excessAfter(leaving, entering)).to.be.closeTo(excess, 1e-9);
          expect(ofGroup.excessAfter(leaving, entering)).to.be.closeTo(gauge.groupExcess(after), 1e-9);
          if (excess > 0) numAbove++;
        }
      }
    }
    expect(numAbove).to.be.greaterThan(100);
  });
});
