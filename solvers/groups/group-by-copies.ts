import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import type { Random } from "../../lib/random.js";
import { annealTime } from "../objectives/anneal-time.js";
import { SwapTraffic } from "../objectives/swap-traffic.js";

/** Swaps tried for each expert. */
const MOVES_AN_EXPERT = 600;
/** Of any number of experts: those of 256. */
const MOST_MOVES = 153_600;
/** A swap of experts changes what a group gets by more, in proportion, than the time: hotter than annealing on the time. */
const ANNEALING = { hot: 2e-3, cold: 2e-5, wholeChiplets: 0, smooth: 1e-3 };

/**
 * Moves experts between chiplet groups until few token copies go to the busiest group, and deals those of every group to its
 * chiplets by their loads.
 *
 * A group is annealed as one large chiplet: swaps of experts count the tokens of a few groups alone, so that ten times as many
 * are tried as of placements in the same time. The eighth power of its tokens stands for the busiest group, since with
 * the maximum alone most swaps would change nothing.
 *
 * @param problem Without replicas.
 * @returns Up to limits and pins, which are for the caller to verify.
 */
export function groupByCopies(problem: PlacementProblem, start: Chiplets, random: Random): Chiplets {
  const { patterns, load, numExperts, numChiplets, chipletsPerGroup, slotsPerChiplet } = problem;
  const numGroups = numChiplets / chipletsPerGroup;
  const groups = Array.from({ length: numGroups }, (_, group) =>
    start.slice(group * chipletsPerGroup, (group + 1) * chipletsPerGroup).flat(),
  );
  const state = new SwapTraffic(patterns, load, {
    numChiplets: numGroups,
    chipletsPerGroup: 1,
    slotsPerChiplet: chipletsPerGroup * slotsPerChiplet,
  });
  const { chiplets } = annealTime(state, groups, {
    estimate: ({ chipletTokens }: LayerTraffic) => {
      let powers = 0;
      for (let group = 0; group < numGroups; group++) {
        const square = chipletTokens[group] * chipletTokens[group];
        const fourth = square * square;
        powers += fourth * fourth;
      }
      return Math.sqrt(Math.sqrt(Math.sqrt(powers)));
    },
    maxMoves: Math.min(MOST_MOVES, MOVES_AN_EXPERT * numExperts),
    random,
    deadline: Infinity,
    annealing: ANNEALING,
  });
  return chiplets.flatMap((experts) => dealByLoad(experts, { load, chipletsPerGroup, slotsPerChiplet }));
}

/** The heaviest first, each to the chiplet with room that has the least load. */
function dealByLoad(
  experts: readonly number[],
  {
    load,
    chipletsPerGroup,
    slotsPerChiplet,
  }: Pick<PlacementProblem, "load" | "chipletsPerGroup" | "slotsPerChiplet">,
): number[][] {
  const chiplets = Array.from({ length: chipletsPerGroup }, () => ({ held: [] as number[], tokens: 0 }));
  for (const expert of [...experts].sort((a, b) => load[b] - load[a])) {
    const least = chiplets
      .filter(({ held }) => held.length < slotsPerChiplet)
      .reduce((a, b) => (b.tokens < a.tokens ? b : a));
    least.held.push(expert);
    least.tokens += load[expert];
  }
  return chiplets.map(({ held }) => held.sort((a, b) => a - b));
}
