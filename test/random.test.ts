import { expect } from "chai";
import { createRandom, quickRandom } from "../lib/random.js";

describe("createRandom", () => {
  it("gives the same stream for the same seed and path, and another for any other", () => {
    const firstOf = (seed: number, ...path: number[]) => {
      const random = createRandom(seed, ...path);
      return [random.next(), random.next(), random.next()].join();
    };
    expect(firstOf(1, 26, 3)).to.equal(firstOf(1, 26, 3));
    const streams = [
      ...[0, 1, 2, -1, 2 ** 31].map((seed) => firstOf(seed)),
      ...[0, 1, 2].map((restart) => firstOf(1, 26, restart)),
      firstOf(1, 3, 26),
      firstOf(1, 26, 3, 0),
    ];
    expect(new Set(streams).size).to.equal(streams.length);
  });

  it("draws integers below the bound, each about equally often", () => {
    const random = createRandom(7);
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 20_000; draw++) counts[random.below(10)]++;
    // Six standard deviations of a binomial count with p = 0.1.
    for (const count of counts) expect(count).to.be.closeTo(2000, 6 * Math.sqrt(20_000 * 0.1 * 0.9));
    expect(random.below(1)).to.equal(0);
  });

  it("draws fractions in [0, 1) with mean one half", () => {
    const random = createRandom(8);
    const values = Array.from({ length: 20_000 }, () => random.next());
    expect(Math.min(...values)).to.be.at.least(0);
    expect(Math.max(...values)).to.be.below(1);
    expect(mean(values)).to.be.closeTo(0.5, 6 * Math.sqrt(1 / 12 / 20_000));
  });

  it("draws normal deviates with mean 0 and variance 1", () => {
    const random = createRandom(9);
    const values = Array.from({ length: 20_000 }, () => random.normal());
    expect(values.every(Number.isFinite)).to.be.true;
    expect(mean(values)).to.be.closeTo(0, 6 / Math.sqrt(20_000));
    expect(mean(values.map((value) => value ** 2))).to.be.closeTo(1, 6 * Math.sqrt(2 / 20_000));
    const tails = values.filter((value) => Math.abs(value) > 1.96).length;
    expect(tails / values.length).to.be.closeTo(0.05, 0.01);
  });

  it("shuffles in place, every order equally often", () => {
    const random = createRandom(10);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 12_000; draw++) {
      const items = [0, 1, 2];
      expect(random.shuffle(items)).to.equal(items);
      counts.set(items.join(""), (counts.get(items.join("")) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).to.deep.equal(["012", "021", "102", "120", "201", "210"]);
    for (const count of counts.values()) expect(count).to.be.closeTo(2000, 250);
    expect(random.shuffle(Uint16Array.of(5, 6, 7)).sort()).to.deep.equal(Uint16Array.of(5, 6, 7));
  });
});

describe("quickRandom", () => {
  const quick = (seed: number) => quickRandom(createRandom(seed));

  it("gives the same stream for the same stream that it is made of, and another for any other", () => {
    const firstOf = (seed: number) => {
      const random = quick(seed);
      return [random.next(), random.next(), random.below(1000)].join();
    };
    expect(firstOf(3)).to.equal(firstOf(3));
    expect(new Set(Array.from({ length: 50 }, (_, seed) => firstOf(seed))).size).to.equal(50);
  });

  it("draws integers below the bound, each about equally often, and no two in a row more often than others", () => {
    const random = quick(7);
    const counts = new Array<number>(100).fill(0);
    let last = random.below(10);
    for (let draw = 0; draw < 40_000; draw++) {
      const next = random.below(10);
      counts[10 * last + next]++;
      last = next;
    }
    for (const count of counts) expect(count).to.be.closeTo(400, 6 * Math.sqrt(40_000 * 0.01 * 0.99));
    expect(random.below(1)).to.equal(0);
  });

  it("draws fractions in [0, 1) with mean one half", () => {
    const random = quick(8);
    const values = Array.from({ length: 20_000 }, () => random.next());
    expect(Math.min(...values)).to.be.at.least(0);
    expect(Math.max(...values)).to.be.below(1);
    expect(mean(values)).to.be.closeTo(0.5, 6 * Math.sqrt(1 / 12 / 20_000));
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
