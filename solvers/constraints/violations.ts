import { isAbove, type Constraint, type Scope } from "../../lib/placement/constraints.js";
import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { indexPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import type { ConstraintModel } from "./constraint-model.js";

/**
 * Measures how far sets of experts are above the caps of a chiplet or of a chiplet group.
 *
 * Excess is relative to the cap, so that excesses of different kinds add up; 0 where all caps are kept. Sets are
 * measured from scratch: O(size) for what adds up, O(tokens of the set) for link tokens.
 */
export interface LimitGauge {
  chipletExcess(experts: readonly number[]): number;
  groupExcess(experts: readonly number[]): number;
  tallyChiplet(experts: readonly number[]): Tally;
  tallyGroup(experts: readonly number[]): Tally;
}

/** A set of experts that was measured once, and is asked what it would be with others. */
export interface Tally {
  readonly excess: number;
  /** After an expert has left and another has entered; either may be none. O(1) for what adds up. */
  excessAfter(leaving: number | undefined, entering: number | undefined): number;
}

/** Makes the gauge of some constraints. */
export function createLimitGauge({
  patterns,
  constraints,
}: Pick<ConstraintModel, "patterns" | "constraints">): LimitGauge {
  const measure = createMeter(patterns);
  const rowsOf = (scope: Scope) => constraints.filter((constraint) => constraint.scope === scope);
  const excessIn = (scope: Scope) => {
    const rows = rowsOf(scope);
    return (experts: readonly number[]) =>
      rows.reduce((sum, row) => sum + excess(measure(row, experts), row.cap), 0);
  };
  const tallyIn = (scope: Scope) => {
    const rows = rowsOf(scope);
    return (experts: readonly number[]): Tally => {
      const found = rows.map((row) => measure(row, experts));
      return {
        excess: rows.reduce((sum, row, at) => sum + excess(found[at], row.cap), 0),
        excessAfter(leaving, entering) {
          let sum = 0;
          for (let at = 0; at < rows.length; at++) {
            const row = rows[at];
            const after =
              row.measure === "tokens"
                ? measure(row, exchanged(experts, leaving, entering))
                : found[at] - weightOf(row, leaving) + weightOf(row, entering);
            sum += excess(after, row.cap);
          }
          return sum;
        },
      };
    };
  };
  return {
    chipletExcess: excessIn("chiplet"),
    groupExcess: excessIn("group"),
    tallyChiplet: tallyIn("chiplet"),
    tallyGroup: tallyIn("group"),
  };
}

/** Experts without the one that leaves, and with the one that enters; either may be none. */
export function exchanged(
  experts: readonly number[],
  leaving: number | undefined,
  entering: number | undefined,
): number[] {
  const left = experts.filter((expert) => expert !== leaving);
  return entering === undefined ? left : [...left, entering];
}

/**
 * Makes the test whether a placement without replicas respects slots, pins and every constraint.
 *
 * By the weights of the constraints, which need not be counts of its tokens: chiplets that are assigned to groups weigh what
 * their experts weigh together. What a solver answers is for the verifier, which counts tokens, to judge.
 */
export function createAdmissibility(model: ConstraintModel): (chipletOf: ArrayLike<number>) => boolean {
  const { numChiplets, chipletsPerGroup, slotsPerChiplet, pins } = model;
  const gauge = createLimitGauge(model);
  return (chipletOf) => {
    const chiplets = expertsOfChiplets(chipletOf, numChiplets);
    const groups = Array.from({ length: numChiplets / chipletsPerGroup }, (_, group) =>
      chiplets.slice(group * chipletsPerGroup, (group + 1) * chipletsPerGroup).flat(),
    );
    return (
      pins.every(({ expert, chiplet }) => chipletOf[expert] === chiplet) &&
      chiplets.every((experts) => experts.length <= slotsPerChiplet && gauge.chipletExcess(experts) === 0) &&
      groups.every((experts) => gauge.groupExcess(experts) === 0)
    );
  };
}

/** Makes the measure of what a constraint caps, for a set of experts without replicas elsewhere. */
export function createMeter(
  patterns: TokenPatterns,
): (constraint: Constraint, experts: readonly number[]) => number {
  const tokensOf = createTokenCounter(patterns);
  return ({ measure, weight }, experts) =>
    measure === "tokens" ? tokensOf(experts) : experts.reduce((sum, expert) => sum + weight[expert], 0);
}

/** Counts the tokens that chose at least one expert of a set. Time O(tokens of the set). */
export function createTokenCounter(patterns: TokenPatterns): (experts: readonly number[]) => number {
  const index = indexPatterns(patterns);
  const countedIn = new Uint32Array(patterns.numPatterns);
  let call = 0;
  return (experts) => {
    call++;
    let tokens = 0;
    for (const expert of experts) {
      for (let place = index.offsets[expert]; place < index.offsets[expert + 1]; place++) {
        const pattern = index.patterns[place];
        if (countedIn[pattern] === call) continue;
        countedIn[pattern] = call;
        tokens += patterns.counts[pattern];
      }
    }
    return tokens;
  };
}

function weightOf({ weight }: Constraint, expert: number | undefined): number {
  return expert === undefined ? 0 : weight[expert];
}

function excess(found: number, cap: number): number {
  // A cap of nothing is exceeded in tokens, bytes or load themselves.
  return isAbove(found, cap) ? (found - cap) / (cap > 0 ? cap : 1) : 0;
}
