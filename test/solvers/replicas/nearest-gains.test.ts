import { expect } from "chai";
import * as fc from "fast-check";
import { createProblem } from "../../../lib/placement/problem.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { createRandom } from "../../../lib/random.js";
import { sum } from "../../../lib/statistics.js";
import type { TokenPatterns } from "../../../lib/trace/token-patterns.js";
import { ChipletMasks } from "../../../solvers/replicas/chiplet-masks.js";
import { FreeGains } from "../../../solvers/replicas/free-gains.js";
import { NearestGains } from "../../../solvers/replicas/nearest-gains.js";
import { NearestVisit } from "../../../solvers/replicas/nearest-visit.js";
import { EMPTY, ReplicaSlots } from "../../../solvers/replicas/replica-slots.js";
import { patternsOf, tokenPatterns } from "../arbitrary-problem.js";
import { drawChange, roundRobin } from "./draw-change.js";

const FREE = { price: 3, maxLoad: Infinity, maxTokens: Infinity, maxFixed: Infinity };

function expectTrue(state: NearestGains, patterns: TokenPatterns): void {
  const traffic = countTraffic(patterns, state.slots.chiplets(), { chipletsPerGroup: 1 });
  expect(state.tokenCopies()).to.be.closeTo(sum(traffic.chipletTokens), 1e-9);
  traffic.chipletLoad.forEach((load, chiplet) => {
    expect(state.load[chiplet]).to.be.closeTo(load, 1e-9);
    expect(state.chipletTokens[chiplet]).to.be.closeTo(traffic.chipletTokens[chiplet], 1e-9);
  });
}

/** Experts of random tokens on more chiplets than a word has bits. */
function wideTokens(numExperts: number, seed: number): TokenPatterns {
  const random = createRandom(seed);
  const draw = () => random.shuffle([...Array(numExperts).keys()]).slice(0, 6);
  return patternsOf(
    Array.from({ length: 60 }, () => draw().sort((a, b) => a - b)),
    numExperts,
  );
}

describe("gains where the nearest replica serves", () => {
  const shapes: [string, fc.Arbitrary<TokenPatterns>, number][] = [
    ["4 chiplets", tokenPatterns(8), 4],
    ["40 chiplets", fc.nat().map((seed) => wideTokens(50, seed)), 40],
  ];
  for (const [name, arbitraryPatterns, numChiplets] of shapes) {
    it(`keep loads and token copies true on ${name}, whatever is tried and kept`, () => {
      let [kept, refused] = [0, 0];
      fc.assert(
        fc.property(arbitraryPatterns, fc.nat(), (patterns, seed) => {
          const random = createRandom(seed);
          const numReplicas = patterns.numExperts;
          const problem = createProblem(patterns, { numChiplets, numReplicas });
          const state = new NearestGains(problem);
          state.assign(roundRobin(patterns.numExperts, numChiplets));
          expectTrue(state, patterns);
          for (let step = 0; step < 30; step++) {
            const changes = drawChange(state.slots, random);
            if (!changes) continue;
            const before = state.tokenCopies();
            const most = random.next() * 4 - 2;
            if (state.tryChange(changes, FREE, most)) {
              state.keep();
              kept++;
              expect(state.tokenCopies() - before).to.be.at.most(most + 1e-9);
            } else refused++;
            expectTrue(state, patterns);
          }
        }),
        { numRuns: 20, seed: 1 },
      );
      expect(kept).to.be.above(100);
      expect(refused).to.be.above(100);
    });
  }

  it("are those counted from scratch after every change", () => {
    fc.assert(
      fc.property(tokenPatterns(8), fc.nat(), (patterns, seed) => {
        const random = createRandom(seed);
        const { numExperts } = patterns;
        const slots = new ReplicaSlots(numExperts, 4, 6);
        slots.assign(roundRobin(numExperts, 4));
        const masks = new ChipletMasks(numExperts, 4);
        const gains = new FreeGains(patterns, slots);
        const fresh = new FreeGains(patterns, slots);
        const read = () => {
          for (let expert = 0; expert < numExperts; expert++) masks.read(expert, slots);
          return new NearestVisit(patterns, masks);
        };
        const count = (table: FreeGains, visit: NearestVisit) => {
          table.clear();
          for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
            visit.look(pattern);
            table.count(pattern, visit);
          }
        };
        count(gains, read());
        for (let step = 0; step < 20; step++) {
          const changes = drawChange(slots, random);
          if (!changes) continue;
          const experts = [slots.expertIn[changes[0].slot], changes[0].expert];
          slots.change(changes);
          const visit = read();
          gains.clearChanged(changes, experts);
          for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
            const chosen = patterns.experts.subarray(
              patterns.offsets[pattern],
              patterns.offsets[pattern + 1],
            );
            if (!experts.some((expert) => chosen.includes(expert))) continue;
            visit.look(pattern);
            gains.count(pattern, visit, experts);
          }
          count(fresh, visit);
          expect(gains.stay).to.deep.equal(fresh.stay);
          expect(gains.another).to.deep.equal(fresh.another);
        }
      }),
      { numRuns: 40, seed: 2 },
    );
  });

  it("are what one change alone saves, counted by serving all tokens", () => {
    fc.assert(
      fc.property(tokenPatterns(8), fc.nat(), (patterns, seed) => {
        const random = createRandom(seed);
        const { numExperts } = patterns;
        const slots = new ReplicaSlots(numExperts, 4, numExperts);
        slots.assign(roundRobin(numExperts, 4));
        for (let step = 0; step < 10; step++) {
          const changes = drawChange(slots, random);
          if (changes) slots.change(changes);
        }
        const masks = new ChipletMasks(numExperts, 4);
        for (let expert = 0; expert < numExperts; expert++) masks.read(expert, slots);
        const visit = new NearestVisit(patterns, masks);
        const gains = new FreeGains(patterns, slots);
        for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
          visit.look(pattern);
          gains.count(pattern, visit);
        }
        const copies = () =>
          sum(countTraffic(patterns, slots.chiplets(), { chipletsPerGroup: 1 }).chipletTokens);
        const begun = copies();
        const free = slots.expertIn.indexOf(EMPTY, random.below(slots.expertIn.length));
        const expert = random.below(numExperts);
        const chiplet = free < 0 ? 0 : slots.chipletOf[free];
        if (free < 0 || slots.holds(chiplet, expert)) return;
        const from = slots.slotsOf[expert * 4];
        const moved = gains.stay[from * 4 + slots.chipletOf[from]] - gains.stay[from * 4 + chiplet];
        slots.change([{ slot: free, expert }]);
        expect(copies() - begun).to.be.closeTo(-gains.another[expert * 4 + chiplet], 1e-9);
        slots.change([{ slot: from, expert: EMPTY }]);
        expect(copies() - begun).to.be.closeTo(moved, 1e-9);
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});
