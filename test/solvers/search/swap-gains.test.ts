import { expect } from "chai";
import * as fc from "fast-check";
import { countTokenCopies } from "../../../lib/placement/cost.js";
import { createRandom, type Random } from "../../../lib/random.js";
import { NO_EXPERT } from "../../../lib/trace/routing-trace.js";
import { collectPatterns } from "../../../lib/trace/token-patterns.js";
import { countTraffic } from "../../../lib/placement/traffic.js";
import { expertsOfChiplets } from "../../../lib/placement/placement.js";
import { descend } from "../../../solvers/search/iterated-local-search.js";
import type { GainTables, SwapShape } from "../../../solvers/search/gain-tables.js";
import { PlainGainTables } from "../../../solvers/search/plain-gain-tables.js";
import { SwapGains } from "../../../solvers/search/swap-gains.js";
import { startVectorGainTables } from "../../../solvers/search/vector-gain-tables.js";
import { freeProblems, patternsOf } from "../arbitrary-problem.js";

describe("swap gains", () => {
  it("foretells the gain of every swap, and keeps its counts true through any number of them", () => {
    fc.assert(
      fc.property(freeProblems, fc.nat(), (problem, seed) => {
        const state = new SwapGains(problem);
        const random = createRandom(seed);
        state.place(
          Uint16Array.from({ length: problem.numExperts }, (_, expert) => expert % problem.numChiplets),
        );
        for (let swap = 0; swap < 20; swap++) {
          const e = random.below(state.numOccupants);
          const f = random.below(state.numOccupants);
          const chiplet = state.chipletOf[e];
          if (chiplet === state.chipletOf[f]) continue;
          const gain = state.gain(e, f);
          const before = state.tokenCopies;
          state.swap(e, f);
          expect(before - state.tokenCopies).to.equal(gain);
          const placement = state.expertChiplets();
          expect(state.tokenCopies).to.equal(countTokenCopies(problem.patterns, placement));
          const { chipletTokens } = countTraffic(
            problem.patterns,
            expertsOfChiplets(placement, problem.numChiplets),
            { chipletsPerGroup: 1 },
          );
          expect([...state.chipletTokens]).to.deep.equal([...chipletTokens]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("descends to a placement that no swap improves", () => {
    fc.assert(
      fc.property(freeProblems, (problem) => {
        const state = new SwapGains(problem);
        state.place(
          Uint16Array.from({ length: problem.numExperts }, (_, expert) => expert % problem.numChiplets),
        );
        descend(state, undefined);
        for (let e = 0; e < state.numOccupants; e++) {
          for (let f = 0; f < e; f++) {
            if (state.chipletOf[e] === state.chipletOf[f]) continue;
            expect(state.gain(e, f)).to.be.at.most(0);
          }
        }
      }),
    );
  });

  it("returns to what it saved", () => {
    fc.assert(
      fc.property(freeProblems, (problem) => {
        const state = new SwapGains(problem);
        if (problem.numChiplets < 2) return;
        state.place(
          Uint16Array.from({ length: problem.numExperts }, (_, expert) => expert % problem.numChiplets),
        );
        const before = { occupants: [...state.occupants], tokenCopies: state.tokenCopies };
        state.save();
        const last = state.numOccupants - 1;
        if (state.chipletOf[0] !== state.chipletOf[last]) state.swap(0, last);
        state.restore();
        expect({ occupants: [...state.occupants], tokenCopies: state.tokenCopies }).to.deep.equal(before);
      }),
    );
  });

  it("keeps the same tables with vectors and without, through swaps and back", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = createRandom(seed);
        const shape = drawShape(random);
        const vectors = startVectorGainTables(shape);
        if (!vectors) throw new Error("found no kernels");
        const plain = new PlainGainTables(shape);
        const states = [new SwapGains(shape, vectors), new SwapGains(shape, plain)];
        const { numChiplets, patterns } = shape;
        for (const state of states)
          state.place(Uint16Array.from({ length: patterns.numExperts }, (_, expert) => expert % numChiplets));
        for (let step = 0; step < 30; step++) {
          const e = random.below(plain.chipletOf.length);
          const f = random.below(plain.chipletOf.length);
          if (plain.chipletOf[e] !== plain.chipletOf[f]) for (const state of states) state.swap(e, f);
          if (step === 10) for (const state of states) state.save();
          if (step === 20) for (const state of states) state.restore();
          expect(states[0].tokenCopies).to.equal(states[1].tokenCopies);
          expect(states[0].occupants).to.deep.equal(states[1].occupants);
          expect(entriesOf(vectors)).to.deep.equal(entriesOf(plain));
        }
      }),
    );
  });

  it("has no vectors for tokens of more experts than the kernel has room for", () => {
    const tokens = [Array.from({ length: 33 }, (_, expert) => expert)];
    const shape = { patterns: patternsOf(tokens, 40), numChiplets: 4, slotsPerChiplet: 10 };
    expect(startVectorGainTables(shape)).to.equal(undefined);
    const state = new SwapGains(shape);
    state.place(Uint16Array.from({ length: 40 }, (_, expert) => expert % 4));
    expect(state.tokenCopies).to.equal(4);
  });
});

/** Tokens of 1 to 32 experts, some of fewer than others, and slots of which some are empty. */
function drawShape(random: Random): SwapShape {
  const numExperts = 2 + random.below(40);
  const widest = 1 + random.below(Math.min(32, numExperts));
  const numTokens = 1 + random.below(40);
  const experts = new Uint16Array(numTokens * widest).fill(NO_EXPERT);
  for (let token = 0; token < numTokens; token++) {
    const order = Array.from({ length: numExperts }, (_, expert) => expert);
    for (let place = 0; place < 1 + random.below(widest); place++) {
      const [expert] = order.splice(random.below(order.length), 1);
      experts[token * widest + place] = expert;
    }
  }
  const numChiplets = 2 + random.below(5);
  return {
    patterns: collectPatterns({ layer: 0, numTokens, experts }, { topK: widest, numExperts }),
    numChiplets,
    slotsPerChiplet: Math.ceil(numExperts / numChiplets) + random.below(3),
  };
}

/** What is read of the tables: no diagonal, and no column beyond the occupants. */
function entriesOf({ chipletOf, chipletTokens, columns, benefit, penalty, common }: GainTables) {
  const numOccupants = chipletOf.length;
  const rowsOf = (table: Int32Array, numRows: number) =>
    Array.from({ length: numRows }, (_, row) => table.slice(row * columns, row * columns + numOccupants));
  const pairs = rowsOf(common, numOccupants);
  pairs.forEach((row, occupant) => (row[occupant] = 0));
  return {
    chipletOf,
    chipletTokens,
    benefit: benefit.slice(0, numOccupants),
    penalty: rowsOf(penalty, chipletTokens.length),
    common: pairs,
  };
}
