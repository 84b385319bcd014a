import { expect } from "chai";
import { openPace } from "../../cli/sweep-pace.js";

describe("the pace of a sweep", () => {
  it("is that of the points after those that ran at first, by their estimates", () => {
    const pace = openPace([1, 1, 2, 1, 3], 2);
    // Both start threads and compile: what they took says nothing of the others.
    pace.done(0, 9);
    expect(pace.secondsLeft()).to.equal(undefined);
    pace.done(1, 10);
    expect(pace.secondsLeft()).to.equal(undefined);
    pace.done(2, 14);
    expect(pace.secondsLeft()).to.equal((4 / 2) * (1 + 3));
    pace.done(4, 17);
    expect(pace.secondsLeft()).to.equal((7 / 5) * 1);
    pace.done(3, 18);
    expect(pace.secondsLeft()).to.equal(0);
  });

  it("is not told where the estimate of any point is not known", () => {
    const pace = openPace([1, undefined, 1], 1);
    pace.done(0, 1);
    pace.done(2, 2);
    expect(pace.secondsLeft()).to.equal(undefined);
  });
});
