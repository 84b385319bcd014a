import fc from "fast-check";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { createProblem, type PlacementProblem } from "../../lib/placement/problem.js";
import { collectPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import type { DispatchModel } from "../../lib/placement/dispatch.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { countTokenCopies } from "../../lib/placement/cost.js";

/** Makes patterns of a list of tokens, each a list of experts, all of one length. */
export function patternsOf(tokens: readonly (readonly number[])[], numExperts: number): TokenPatterns {
  const layer = { layer: 0, numTokens: tokens.length, experts: Uint16Array.from(tokens.flat()) };
  return collectPatterns(layer, { topK: tokens[0].length, numExperts });
}

/** The objective time on two GPUs. */
export function timeOnSomeMachine() {
  const shape = findModelShape("gpt-oss-20b")!;
  const hardware = withChiplets(findHardware("h100-8x8")!, { numChiplets: 2, numGroups: 1 });
  return { minimise: "time", machine: { hardware, shape } } as const;
}

/** Token patterns of 2 to `maxExperts` experts. */
export function tokenPatterns(maxExperts: number): fc.Arbitrary<TokenPatterns> {
  return fc.integer({ min: 2, max: maxExperts }).chain((numExperts) =>
    fc.integer({ min: 1, max: Math.min(4, numExperts) }).chain((topK) => {
      const token = fc.shuffledSubarray(
        Array.from({ length: numExperts }, (_, expert) => expert),
        { minLength: topK, maxLength: topK },
      );
      return fc.array(token, { minLength: 1, maxLength: 25 }).map((tokens) => patternsOf(tokens, numExperts));
    }),
  );
}

/** Problems of up to 8 experts under no limits. */
export const freeProblems: fc.Arbitrary<PlacementProblem> = shapes().map(({ patterns, ...shape }) =>
  createProblem(patterns, shape),
);

/** Problems of up to 8 experts under every mix of limits, pins and separations, some of them impossible to meet. */
const limitedProblems: fc.Arbitrary<PlacementProblem> = shapes().chain(({ patterns, ...shape }) => {
  const { numExperts, numTokens } = patterns;
  const { numChiplets, numGroups } = shape;
  const expert = fc.integer({ min: 0, max: numExperts - 1 });
  const maybe = <T>(arbitrary: fc.Arbitrary<T>, otherwise: T) =>
    fc.oneof(fc.constant(otherwise), fc.constant(otherwise), arbitrary);
  /** A limit of `least` to twice as much, so that it is sometimes loose, sometimes tight, seldom impossible. */
  const limitFrom = (least: number) =>
    maybe(
      fc.double({ min: 0.95, max: 2, noNaN: true }).map((slack) => least * slack),
      Infinity,
    );
  const load = createProblem(patterns, shape).load;
  const bytes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: numExperts, maxLength: numExperts });
  return fc
    .record({
      expertBytes: bytes.map((values) => Float64Array.from(values)),
      chipletLoad: limitFrom(load.reduce((sum, value) => sum + value, 0) / numChiplets),
      groupLoad: limitFrom(load.reduce((sum, value) => sum + value, 0) / numGroups),
      chipletTokens: limitFrom(Math.max(numTokens / numChiplets, Math.max(...load))),
      groupTokens: limitFrom(Math.max(numTokens / numGroups, Math.max(...load))),
      groupExperts: limitFrom(numExperts / numGroups),
      bytesSlack: maybe(fc.double({ min: 0.95, max: 1.5, noNaN: true }), Infinity),
      pins: maybe(
        fc.uniqueArray(fc.record({ expert, chiplet: fc.integer({ min: 0, max: numChiplets - 1 }) }), {
          selector: (pin) => pin.expert,
          maxLength: 3,
        }),
        [],
      ),
      antiAffinity: maybe(
        fc.array(fc.uniqueArray(expert, { minLength: 2, maxLength: 4 }), { maxLength: 2 }),
        [],
      ),
    })
    .map(({ expertBytes, bytesSlack, pins, antiAffinity, ...limits }) => {
      const groupBytes = (bytesSlack * expertBytes.reduce((sum, value) => sum + value, 0)) / numGroups;
      return createProblem(patterns, {
        ...shape,
        expertBytes,
        pins,
        antiAffinity,
        limits: { ...limits, groupBytes },
      });
    });
});

/** Problems of up to 5 experts with replicas, under both dispatch models and mixes of limits. */
const replicatedProblems: fc.Arbitrary<PlacementProblem> = tokenPatterns(5).chain((patterns) =>
  fc
    .record({
      numChiplets: fc.integer({ min: 2, max: 3 }),
      numReplicas: fc.integer({ min: 1, max: 3 }),
      dispatch: fc.constantFrom<DispatchModel[]>("nearest", "uniform"),
      loadSlack: fc.constantFrom(0.9, 1, 1.1, 1.3, Infinity, Infinity),
      bytesSlack: fc.constantFrom(1, 1.5, Infinity, Infinity),
      tokenSlack: fc.constantFrom(0.7, 0.9, Infinity, Infinity),
      pinned: fc.option(fc.nat(patterns.numExperts - 1)),
      apart: fc.boolean(),
      spareExperts: fc.constantFrom(1, Infinity, Infinity),
    })
    .map(({ loadSlack, bytesSlack, tokenSlack, pinned, apart, spareExperts, ...kind }) => {
      const most = patterns.numExperts * (kind.numChiplets - 1);
      const shape = { ...kind, numReplicas: Math.min(kind.numReplicas, most) };
      const { load } = createProblem(patterns, shape);
      const meanLoad = load.reduce((sum, value) => sum + value, 0) / shape.numChiplets;
      return createProblem(patterns, {
        ...shape,
        limits: {
          chipletLoad: loadSlack * meanLoad,
          groupBytes: bytesSlack * patterns.numExperts,
          groupExperts: patterns.numExperts + spareExperts,
          chipletTokens: tokenSlack * patterns.numTokens,
        },
        pins: pinned === null ? [] : [{ expert: pinned, chiplet: 1 }],
        antiAffinity: apart ? [[0, 1]] : [],
      });
    }),
);

/** A problem and its least cost, `Infinity` where nothing is admissible. */
export interface SolvedProblem {
  readonly problem: PlacementProblem;
  readonly best: number;
}

/** The same, and the least cost with all of the replicas that are allowed, and in as many slots without any. */
export interface SolvedReplicatedProblem extends SolvedProblem {
  readonly bestWithAll: number;
  readonly bestWithout: number;
}

let solvedReplicated: SolvedReplicatedProblem[] | undefined;

/** Problems with replicas and their least cost; the same for every test. */
export function solvedReplicatedProblems(): readonly SolvedReplicatedProblem[] {
  solvedReplicated ??= fc.sample(replicatedProblems, { numRuns: 44, seed: 9 }).map((problem) => ({
    problem,
    ...bruteForceReplicas(problem),
    bestWithout: bruteForceReplicas({ ...problem, numReplicas: 0 }).best,
  }));
  return solvedReplicated;
}

/** Tries every set of chiplets for every expert. */
function bruteForceReplicas(problem: PlacementProblem): { best: number; bestWithAll: number } {
  const { numExperts, numReplicas, numChiplets, slotsPerChiplet, patterns } = problem;
  const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
  let [best, bestWithAll] = [Infinity, Infinity];
  const assign = (expert: number, spare: number): void => {
    if (expert === numExperts) {
      const { chipletTokens } = countTraffic(patterns, chiplets, problem);
      const cost = chipletTokens.reduce((sum, tokens) => sum + tokens, 0) / patterns.numTokens;
      const isBetter = cost < best || (spare === 0 && cost < bestWithAll);
      if (!isBetter || verifyChiplets(problem, chiplets).length > 0) return;
      best = Math.min(best, cost);
      if (spare === 0) bestWithAll = Math.min(bestWithAll, cost);
      return;
    }
    for (let held = 1; held < 2 ** numChiplets; held++) {
      const on = chiplets.filter((_, chiplet) => (held >> chiplet) & 1);
      if (on.length - 1 > spare || on.some((experts) => experts.length === slotsPerChiplet)) continue;
      for (const experts of on) experts.push(expert);
      assign(expert + 1, spare - on.length + 1);
      for (const experts of on) experts.pop();
    }
  };
  assign(0, numReplicas);
  return { best, bestWithAll };
}

let solved: SolvedProblem[] | undefined;

/** Limited problems with their least cost; the same for every test. */
export function solvedProblems(): readonly SolvedProblem[] {
  solved ??= fc
    .sample(fc.oneof(freeProblems, limitedProblems, limitedProblems), { numRuns: 90, seed: 7 })
    .map((problem) => ({ problem, best: bruteForce(problem) }));
  return solved;
}

/** The least cost of any admissible placement, `Infinity` where there is none: tries all. */
function bruteForce(problem: PlacementProblem): number {
  const { numExperts, numChiplets, slotsPerChiplet, patterns } = problem;
  const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
  const chipletOf = new Uint16Array(numExperts);
  const isAllowed = (expert: number, chiplet: number) =>
    problem.pins.every((pin) => pin.expert !== expert || pin.chiplet === chiplet);
  let best = Infinity;
  const assign = (expert: number): void => {
    if (expert === numExperts) {
      const cost = countTokenCopies(patterns, chipletOf) / patterns.numTokens;
      if (cost < best && verifyChiplets(problem, chiplets).length === 0) best = cost;
      return;
    }
    for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
      if (chiplets[chiplet].length === slotsPerChiplet || !isAllowed(expert, chiplet)) continue;
      chiplets[chiplet].push(expert);
      chipletOf[expert] = chiplet;
      assign(expert + 1);
      chiplets[chiplet].pop();
    }
  };
  assign(0);
  return best;
}

interface Shape {
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly numGroups: number;
  readonly slotsPerChiplet: number;
}

function shapes(): fc.Arbitrary<Shape> {
  return tokenPatterns(8).chain((patterns) =>
    fc.integer({ min: 1, max: 4 }).chain((numChiplets) => {
      const slots = Math.ceil(patterns.numExperts / numChiplets);
      const divisors = [1, 2, 3, 4].filter((divisor) => numChiplets % divisor === 0);
      return fc.record({
        patterns: fc.constant(patterns),
        numChiplets: fc.constant(numChiplets),
        numGroups: fc.constantFrom(...divisors),
        // Spare slots multiply the placements that brute force has to try.
        slotsPerChiplet: fc.integer({ min: slots, max: patterns.numExperts <= 6 ? slots + 1 : slots }),
      });
    }),
  );
}
