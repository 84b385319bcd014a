import type { PlacementProblem } from "../../lib/placement/problem.js";
import { createLimitGauge } from "../constraints/violations.js";
import type { SwapRule, SwapGains } from "./swap-gains.js";

/**
 * Makes the rule by which swaps keep an admissible placement admissible.
 *
 * @returns Undefined where the problem limits nothing, so that searches need not ask.
 */
export function createSwapRule(problem: PlacementProblem, state: SwapGains): SwapRule | undefined {
  const { limits, pins, apart, load, numExperts, chipletsPerGroup } = problem;
  const limitsGroups = limits.groupBytes < Infinity || limits.groupTokens < Infinity;
  const limitsChiplets = limits.chipletLoad < Infinity || limits.chipletTokens < Infinity;
  if (!limitsGroups && !limitsChiplets && pins.length === 0 && apart.length === 0) return undefined;

  const gauge = createLimitGauge(problem);
  const isPinned = new Uint8Array(state.numOccupants);
  for (const { expert } of pins) isPinned[expert] = 1;
  const loadOf = new Float64Array(state.numOccupants);
  loadOf.set(load);
  const expertsOf = (from: number, to: number, leaving: number, entering: number) => {
    const experts: number[] = [];
    for (let seat = from * state.slots; seat < to * state.slots; seat++) {
      const occupant = state.seats[seat] === leaving ? entering : state.seats[seat];
      if (occupant < numExperts) experts.push(occupant);
    }
    return experts;
  };
  const chipletKeeps = (chiplet: number, leaving: number, entering: number) => {
    // The cheap question first: most swaps fail it, where loads are tight.
    if (limits.chipletLoad < Infinity) {
      let sum = loadOf[entering] - loadOf[leaving];
      for (let seat = chiplet * state.slots; seat < (chiplet + 1) * state.slots; seat++) {
        sum += loadOf[state.seats[seat]];
      }
      if (sum > limits.chipletLoad * (1 + 1e-12)) return false;
    }
    if (limits.chipletTokens === Infinity && apart.length === 0) return true;
    return gauge.chipletExcess(expertsOf(chiplet, chiplet + 1, leaving, entering)) === 0;
  };
  const groupKeeps = (chiplet: number, leaving: number, entering: number) => {
    const first = chiplet - (chiplet % chipletsPerGroup);
    return gauge.groupExcess(expertsOf(first, first + chipletsPerGroup, leaving, entering)) === 0;
  };
  return (e, f) => {
    if (isPinned[e] || isPinned[f]) return false;
    const a = state.chipletOf[e];
    const b = state.chipletOf[f];
    if (!chipletKeeps(a, e, f) || !chipletKeeps(b, f, e)) return false;
    const sameGroup = Math.floor(a / chipletsPerGroup) === Math.floor(b / chipletsPerGroup);
    return !limitsGroups || sameGroup || (groupKeeps(a, e, f) && groupKeeps(b, f, e));
  };
}
