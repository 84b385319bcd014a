import type { Chiplets } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { spreadLoad } from "../../lib/placement/spread-load.js";
import { SHARE_ROUNDING } from "../../lib/placement/tolerance.js";
import { countReplication, countTraffic } from "../../lib/placement/traffic.js";
import { largest, smallest } from "../../lib/statistics.js";

/** What a search of replicas is under. */
export interface SearchAim {
  /** Most load on a chiplet, in token-expert pairs. */
  readonly maxLoad: number;
  /** Searches so many times as long. Default 1. */
  readonly effort?: number;
  /** How far cooled down it begins, in parts of all cooling. Default 0. */
  readonly cooled?: number;
}

/** The ways to place replicas of which an answer under a load cap is made. */
export interface Ways {
  /** Anneals from a start on tokens, under a load cap. */
  readonly search: (start: Chiplets, stream: number, aim: SearchAim) => number[][];
  /** Evens loads, blind to what tokens choose together. */
  readonly spread: () => number[][];
  /** The placement of least largest load that is found, also by the tokens. */
  readonly even: () => number[][];
}

/** Caps on the load that are gone through on the way to a laxer one, in parts of the mean, ascending. */
const RUNGS = [1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 2, 3];
/** Caps between the least load and the first rung, in parts of the way, in the order in which they are gone down to. */
const TIGHTER = [0.7, 0.4];
/** How long is searched under the first rung, tightened from there, and loosened to each of the next, from a good start halfway warmed up. */
const FIRST = { effort: 1 };
const TIGHTENED = { effort: 0.2, cooled: 0.5 };
const LOOSENED = { effort: 0.6, cooled: 0.5 };
/** Random streams: of the first rung, of what begins at an even placement, and of tightening. */
const STREAMS = { begun: 0, even: 2, tighter: 6 };

/**
 * Looks for the fewest token copies under the load cap of the problem.
 *
 * Which searches are made depends on the cap only by how many of them are: first under the lowest rung of a ladder of caps that loads can be
 * spread to, tightened from there, then loosened rung by rung up to the cap. The answer is the best of all that they found within the cap. So
 * a laxer cap is never worse: it is answered with the best of the same placements and more. Caps that none of them keeps are
 * as tight as loads can be evened: those begin at the evenest placement known, and where that is above the cap, too, it is searched under by itself.
 *
 * @param begun Every expert once or more often: where to begin.
 */
export function climbCaps(problem: PlacementProblem, begun: Chiplets, ways: Ways): number[][] {
  const { chipletLoad } = problem.limits;
  if (chipletLoad === Infinity) return ways.search(begun, STREAMS.begun, { maxLoad: Infinity });
  const mean = meanChipletLoad(problem);
  const least = spreadLoad(problem.load, ways.spread()) * mean;
  const [first = 2 * least, ...laxer] = RUNGS.map((rung) => rung * mean).filter((rung) => rung >= least);
  const tighter = TIGHTER.map((part) => least + part * (first - least));
  const found: Candidate[] = [];
  const add = (chiplets: number[][]): number[][] => {
    found.push({ chiplets, peak: peakLoad(problem, chiplets), cost: replicationOf(problem, chiplets) });
    return chiplets;
  };
  if (!isAboveCap(smallest(tighter), chipletLoad)) {
    const begin = add(searchUnder(first, problem, begun, { ...ways, aim: FIRST }));
    let tight = begin;
    for (const maxLoad of tighter)
      tight = add(ways.search(tight, STREAMS.tighter, { maxLoad, ...TIGHTENED }));
    for (const maxLoad of laxer.filter((rung) => !isAboveCap(rung, chipletLoad))) {
      const start = cheapestUnder(maxLoad, found) ?? begin;
      add(ways.search(start, STREAMS.begun, { maxLoad, ...LOOSENED }));
    }
  }
  if (!cheapestUnder(chipletLoad, found)) {
    // As tight as loads can be evened: the same searches again for all caps that are.
    const evenest = add(ways.even());
    add(ways.search(evenest, STREAMS.even, { maxLoad: peakLoad(problem, evenest) }));
  }
  return cheapestUnder(chipletLoad, found) ?? searchUnder(chipletLoad, problem, begun, ways);
}

/** A placement that a search found. */
interface Candidate {
  readonly chiplets: number[][];
  /** Largest load of a chiplet, in token-expert pairs. */
  readonly peak: number;
  /** C_T. */
  readonly cost: number;
}

/** The cheapest within a cap, the earliest of equals. */
function cheapestUnder(maxLoad: number, found: readonly Candidate[]): number[][] | undefined {
  const within = found.filter(({ peak }) => !isAboveCap(peak, maxLoad));
  const least = smallest(within.map(({ cost }) => cost));
  return within.find(({ cost }) => cost === least)?.chiplets;
}

/** Searches under one cap; from an even placement, where none under the cap is met otherwise. */
function searchUnder(
  maxLoad: number,
  problem: PlacementProblem,
  begun: Chiplets,
  { search, even, aim = {} }: Ways & { readonly aim?: Omit<SearchAim, "maxLoad"> },
): number[][] {
  const found = search(begun, STREAMS.begun, { maxLoad, ...aim });
  if (!isAboveCap(peakLoad(problem, found), maxLoad)) return found;
  const evenest = even();
  return isAboveCap(peakLoad(problem, evenest), maxLoad)
    ? found
    : search(evenest, STREAMS.even, { maxLoad, ...aim });
}

/** Whether a load of shares of tokens is above a cap by more than rounding. */
export function isAboveCap(load: number, cap: number): boolean {
  return load > cap * (1 + SHARE_ROUNDING);
}

/** C_T. */
export function replicationOf(problem: PlacementProblem, chiplets: Chiplets): number {
  return countReplication(problem.patterns, chiplets, problem).tokenReplication;
}

/** The largest load of a chiplet, in token-expert pairs. */
export function peakLoad(
  { patterns, dispatch, chipletsPerGroup }: PlacementProblem,
  chiplets: Chiplets,
): number {
  return largest(countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch }).chipletLoad);
}
