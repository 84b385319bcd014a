import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { fitConstants } from "../../lib/performance/fit-constants.js";

const bytes = [1e4, 1e5, 3e5, 1e6, 3e6, 1e7, 1e8];
const model = ({ floor, rate }: Record<string, number>) => bytes.map((size) => floor + size / rate);
const start = { floor: 1000, rate: 10 };

describe("fitConstants", () => {
  it("finds the constants that made the data", () => {
    const measured = model({ floor: 10_000, rate: 50 });
    const { floor, rate } = fitConstants({ start, model, measured });
    expect(floor).to.be.closeTo(10_000, 1);
    expect(rate).to.be.closeTo(50, 0.01);
  });

  it("is little moved by one measurement that is far off", () => {
    const random = createRandom(5);
    const measured = model({ floor: 10_000, rate: 50 }).map((ns) => ns * (1 + 0.01 * random.normal()));
    measured[3] *= 3;
    const { floor, rate } = fitConstants({ start, model, measured });
    expect(floor).to.be.closeTo(10_000, 1000);
    expect(rate).to.be.closeTo(50, 5);
  });

  it("keeps constants inside their bounds", () => {
    const measured = model({ floor: 10_000, rate: 50 });
    const { rate } = fitConstants({ start, model, measured, bounds: { rate: [1, 40] } });
    expect(rate).to.equal(40);
  });
});
