import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import type { Random } from "../../lib/random.js";
import type { Swap, Swappable } from "./swap-traffic.js";
import { sum } from "../../lib/statistics.js";
import { SUM_ROUNDING } from "../../lib/placement/tolerance.js";

/** How annealing on the time cools down, and what it prefers where the time is the same. */
export interface TimeAnnealing {
  /** Temperature at the start, as a part of the time at hand. */
  readonly hot: number;
  /** Temperature at the end, as a part of the time at hand. */
  readonly cold: number;
  /** Share of the moves that swap all of two chiplets. */
  readonly wholeChiplets: number;
  /** What all token copies, and loads that are even, are worth of the time. */
  readonly smooth: number;
}

/** Options of {@link annealTime}. */
export interface AnnealTimeOptions {
  /** Time of a layer with such traffic, in ns; called for every swap. */
  readonly estimate: (traffic: LayerTraffic) => number;
  /** Whether the placement at hand is admissible after the swaps of a move, as it was before and is at the start; all are, by default. */
  readonly isAllowed?: ((swaps: readonly Swap[]) => boolean) | undefined;
  /** Draws the swaps of a move, or none; by default one of two slots, or of two chiplets of different groups. */
  readonly draw?: (state: Swappable, random: Random) => readonly Swap[] | undefined;
  readonly maxMoves: number;
  readonly random: Random;
  /** When to stop, on the clock of `performance.now()`. */
  readonly deadline: number;
  /** Default {@link TIME_ANNEALING}. */
  readonly annealing?: TimeAnnealing;
}

/** Hotter than this a search never comes back to what it began from. */
const HOT = 4e-4;
const COLD = 4e-6;
const SMOOTH = 1e-3;
/** Varied by `npm run bench:annealing`. */
export const TIME_ANNEALING: TimeAnnealing = { hot: HOT, cold: COLD, wholeChiplets: 0.1, smooth: SMOOTH };

/**
 * Lowers the estimated time of a placement by simulated annealing over swaps of two slots, and of two whole chiplets of
 * different groups.
 *
 * Most swaps leave the busiest resource alone and so the time; among those, fewer token copies and evener loads are
 * preferred by a little, so that the search does not drift.
 *
 * @param state Left at any placement.
 * @returns The placement of least estimated time that was met, the start included.
 */
export function annealTime(
  state: Swappable,
  start: Chiplets,
  {
    estimate,
    isAllowed,
    annealing = TIME_ANNEALING,
    draw = (swapped, from) => drawSwaps(swapped, from, annealing.wholeChiplets),
    maxMoves,
    random,
    deadline,
  }: AnnealTimeOptions,
): { chiplets: number[][]; ns: number; isCut: boolean } {
  state.place(start);
  const { traffic } = state;
  const { hot, cold, smooth } = annealing;
  const copiesAtStart = sum(traffic.chipletTokens);
  const meanLoad = sum(traffic.chipletLoad) / traffic.numChiplets;
  const score = (ns: number) => {
    let squares = 0;
    for (let chiplet = 0; chiplet < traffic.numChiplets; chiplet++) {
      const share = traffic.chipletLoad[chiplet] / meanLoad;
      squares += share * share;
    }
    return ns * (1 + smooth * (sum(traffic.chipletTokens) / copiesAtStart + squares / traffic.numChiplets));
  };
  let bestNs = estimate(traffic);
  let best = state.chiplets();
  let current = score(bestNs);
  let isCut = false;
  for (let move = 0; move < maxMoves; move++) {
    if (move % 64 === 0 && performance.now() > deadline) {
      isCut = true;
      break;
    }
    const swaps = draw(state, random);
    if (!swaps) continue;
    swaps.forEach((swap, at) => {
      if (at > 0) state.keep();
      state.try(swap);
    });
    const ns = isAllowed?.(swaps) === false ? undefined : estimate(traffic);
    const next = ns === undefined ? Infinity : score(ns);
    const temperature = () => current * hot * (cold / hot) ** (move / maxMoves);
    const isKept = next <= current || random.next() < Math.exp((current - next) / temperature());
    if (ns === undefined || !isKept) {
      state.undo();
      // Those before the last undo themselves.
      for (let at = swaps.length - 2; at >= 0; at--) {
        state.try(swaps[at]);
        state.keep();
      }
      continue;
    }
    state.keep();
    current = next;
    if (ns >= bestNs * (1 - SUM_ROUNDING)) continue;
    bestNs = ns;
    best = state.chiplets();
  }
  return { chiplets: best, ns: bestNs, isCut };
}

/** Draws a swap of two slots of different chiplets, or, as often as said, of two chiplets of different groups. */
export function drawSwaps(
  { expertOf, slots, traffic }: Swappable,
  random: Random,
  wholeChiplets: number,
): Swap[] | undefined {
  const slotA = random.below(expertOf.length);
  const slotB = random.below(expertOf.length);
  const [a, b] = [Math.floor(slotA / slots), Math.floor(slotB / slots)];
  if (a === b) return undefined;
  const { chipletsPerGroup, numChiplets } = traffic;
  if (chipletsPerGroup < numChiplets && random.next() < wholeChiplets) {
    if (groupOfChiplet(a, chipletsPerGroup) === groupOfChiplet(b, chipletsPerGroup)) return undefined;
    return [{ of: "chiplets", a, b }];
  }
  return expertOf[slotA] === expertOf[slotB] ? undefined : [{ of: "slots", a: slotA, b: slotB }];
}
