import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import { isAbove, type Constraint } from "../../lib/placement/constraints.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { createTokenCounter } from "../constraints/violations.js";
import type { SwapRule, SwapGains } from "./swap-gains.js";

/** Whether the chiplet, or the chiplet group, of `chiplet` keeps a cap when one occupant leaves and another enters. */
type SwapTest = (chiplet: number, leaving: number, entering: number) => boolean;

/**
 * Makes the rule by which swaps keep an admissible placement admissible.
 *
 * @returns Undefined where the problem limits nothing, so that searches need not ask.
 */
export function createSwapRule(model: ConstraintModel, state: SwapGains): SwapRule | undefined {
  const { pins, chipletsPerGroup, constraints } = model;
  if (constraints.length === 0 && pins.length === 0) return undefined;

  const isPinned = new Uint8Array(state.numOccupants);
  for (const { expert } of pins) isPinned[expert] = 1;
  const createTest = createTests(model, state);
  // The cheap questions first: most swaps fail one of them, where limits are tight.
  const tests = [
    ...constraints.filter(({ measure }) => measure !== "tokens"),
    ...constraints.filter(({ measure }) => measure === "tokens"),
  ].map((constraint) => ({ ofGroups: constraint.scope === "group", keeps: createTest(constraint) }));
  return (e, f) => {
    if (isPinned[e] || isPinned[f]) return false;
    const a = state.chipletOf[e];
    const b = state.chipletOf[f];
    const sameGroup = groupOfChiplet(a, chipletsPerGroup) === groupOfChiplet(b, chipletsPerGroup);
    return tests.every(
      ({ ofGroups, keeps }) => (ofGroups && sameGroup) || (keeps(a, e, f) && keeps(b, f, e)),
    );
  };
}

function createTests(
  { patterns, numExperts, chipletsPerGroup }: ConstraintModel,
  { occupants, slots, numOccupants }: SwapGains,
): (constraint: Constraint) => SwapTest {
  const tokensOf = createTokenCounter(patterns);
  return ({ scope, measure, weight, cap }) => {
    const perBlock = scope === "chiplet" ? 1 : chipletsPerGroup;
    const size = perBlock * slots;
    // Empty slots have occupants too, that weigh nothing.
    const weightOf = new Float64Array(numOccupants);
    weightOf.set(weight);
    if (measure !== "tokens") {
      return (chiplet, leaving, entering) => {
        const first = (chiplet - (chiplet % perBlock)) * slots;
        let sum = weightOf[entering] - weightOf[leaving];
        for (let slot = first; slot < first + size; slot++) sum += weightOf[occupants[slot]];
        return !isAbove(sum, cap);
      };
    }
    return (chiplet, leaving, entering) => {
      const first = (chiplet - (chiplet % perBlock)) * slots;
      const experts: number[] = [];
      for (let slot = first; slot < first + size; slot++) {
        const occupant = occupants[slot] === leaving ? entering : occupants[slot];
        if (occupant < numExperts) experts.push(occupant);
      }
      return !isAbove(tokensOf(experts), cap);
    };
  };
}
