import { expect } from "chai";
import { evenOut } from "../../lib/placement/online-slots.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import { createRandom, type Random } from "../../lib/random.js";
import { largest, sum } from "../../lib/statistics.js";

describe("evenOut", () => {
  it("takes over what evens two chiplets out", () => {
    const { largestLoad, atLeast } = evenOut(
      loaded([
        [6, 2],
        [1, 1],
      ]),
      { perDomain: 2, slots: 1 },
    );
    expect([largestLoad, atLeast]).to.deep.equal([5, 5]);
  });

  it("is stopped by experts that are too small for the slots", () => {
    const many = loaded([[2, 2, 2, 2], [0]]);
    expect(evenOut(many, { perDomain: 2, slots: 1 })).to.deep.equal({ largestLoad: 6, atLeast: 6 });
    expect(evenOut(many, { perDomain: 2, slots: 2 })).to.deep.equal({ largestLoad: 4, atLeast: 4 });
  });

  it("leaves loads as they are without slots, and never moves them between domains", () => {
    const uneven = loaded([[5], [1], [4], [2]]);
    expect(evenOut(uneven, { perDomain: 4, slots: 0 }).largestLoad).to.equal(5);
    expect(evenOut(uneven, { perDomain: 2, slots: 9 }).largestLoad).to.equal(3);
    expect(evenOut(uneven, { perDomain: 1, slots: 9 }).largestLoad).to.equal(5);
  });

  it("is no worse than the best of whole tokens, which is no better than what is proved", () => {
    const random = createRandom(11);
    for (let draw = 0; draw < 60; draw++) {
      const experts = Array.from({ length: 3 }, () => [random.below(6), random.below(4)]);
      const found = evenOut(loaded(experts), { perDomain: 3, slots: 1 });
      const best = bestOfWholeTokens(experts);
      expect(found.atLeast, JSON.stringify(experts)).to.be.at.most(best + 1e-9);
      expect(found.largestLoad).to.be.at.least(found.atLeast);
      expect(found.largestLoad, JSON.stringify(experts)).to.be.at.most(best + 1e-6);
    }
  });

  it("serves what it served, with more slots no worse", () => {
    const random = createRandom(12);
    for (let draw = 0; draw < 20; draw++) {
      const traffic = loaded(drawn(random));
      const mean = sum(traffic.chipletLoad) / 8;
      const found = [0, 1, 2, 4].map((slots) => evenOut(traffic, { perDomain: 8, slots }));
      found.forEach(({ largestLoad, atLeast }, index) => {
        expect(atLeast).to.be.at.least(mean - 1e-9);
        expect(largestLoad).to.be.at.least(atLeast);
        if (index > 0) expect(atLeast).to.be.at.most(found[index - 1].atLeast + 1e-9);
      });
      expect(found[3].largestLoad).to.be.at.most(1.02 * mean);
      expect(found[0].largestLoad).to.equal(largest(traffic.chipletLoad));
    }
  });
});

/** Eight chiplets of four experts. */
function drawn(random: Random): number[][] {
  return Array.from({ length: 8 }, () => Array.from({ length: 4 }, () => 1 + random.below(40)));
}

/** One slot on each of three chiplets, any expert of another in it, any whole number of its tokens. */
function bestOfWholeTokens(experts: readonly (readonly number[])[]): number {
  const loads = experts.map((own) => sum(own));
  const places = experts.flatMap((own, chiplet) => own.map((load, expert) => ({ chiplet, expert, load })));
  let best = largest(loads);
  const left = experts.map((own) => [...own]);
  const take = (chiplet: number): void => {
    best = Math.min(best, largest(loads));
    if (chiplet === experts.length) return;
    take(chiplet + 1);
    for (const from of places.filter((place) => place.chiplet !== chiplet)) {
      const room = left[from.chiplet][from.expert];
      for (let moved = 1; moved <= room; moved++) {
        left[from.chiplet][from.expert] -= moved;
        loads[from.chiplet] -= moved;
        loads[chiplet] += moved;
        take(chiplet + 1);
        left[from.chiplet][from.expert] += moved;
        loads[from.chiplet] += moved;
        loads[chiplet] -= moved;
      }
    }
  };
  take(0);
  return best;
}

function loaded(expertLoad: readonly (readonly number[])[]): LayerTraffic {
  const chipletLoad = Float64Array.from(expertLoad, (own) => sum(own));
  return {
    numTokens: sum(chipletLoad),
    numChiplets: expertLoad.length,
    chipletsPerGroup: expertLoad.length,
    chipletLoad,
    chipletTokens: chipletLoad,
    groupTokens: Float64Array.of(sum(chipletLoad)),
    expertLoad,
  };
}
