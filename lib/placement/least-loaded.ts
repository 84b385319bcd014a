import { expertsOfToken, type LayerTrace } from "../trace/routing-trace.js";
import { chipletsWithExperts } from "./dispatch.js";
import type { Chiplets } from "./placement.js";

/** What {@link serveLeastLoaded} makes of the tokens of a layer. */
export interface LeastLoadedTraffic {
  /** Mean distinct chiplets per token, C_T. */
  readonly tokenReplication: number;
  /** Token-expert pairs served by each chiplet. Shape [numChiplets]. */
  readonly chipletLoad: Float64Array;
}

/** Options of {@link serveLeastLoaded}. */
export interface LeastLoadedOptions {
  readonly numExperts: number;
  readonly topK: number;
  /**
   * Token copies that are given for one pair less on a chiplet whose load is twice the mean. Default 0: tokens stay with the
   * fewest copies, and loads decide among equals.
   */
  readonly copiesPerOverload?: number;
}

/** Loads among equals: too little to be worth a copy. */
const TIE = 1e-6;

/**
 * Serves tokens one after the other as a dispatcher does that knows the loads so far and nothing of what comes: each
 * goes where it needs the fewest copies and, among equals, where the load is least.
 *
 * What placements are worth to an engine that watches its loads. Searches count on `nearest` dispatch, which spreads
 * tokens over equals blindly. Time O(tokens * product of the replicas of a token's experts).
 *
 * @example
 * const { chipletLoad } = serveLeastLoaded(trace.layers[0], placement.layers[0].chiplets, trace);
 */
export function serveLeastLoaded(
  layer: LayerTrace,
  chiplets: Chiplets,
  { numExperts, topK, copiesPerOverload = 0 }: LeastLoadedOptions,
): LeastLoadedTraffic {
  const { numTokens } = layer;
  const chipletsOf = chipletsWithExperts(chiplets, numExperts);
  const chipletLoad = new Float64Array(chiplets.length);
  const visited = new Uint8Array(chiplets.length);
  const chosen = new Uint16Array(topK);
  const best = new Uint16Array(topK);
  let experts: Uint16Array = new Uint16Array(0);
  const price = Math.max(TIE, copiesPerOverload);
  let [copies, served, bestCost] = [0, 0, Infinity];
  /** Tries every replica of the token's experts from `place` on. */
  const choose = (place: number, cost: number): void => {
    if (cost >= bestCost) return;
    if (place === experts.length) {
      bestCost = cost;
      best.set(chosen);
      return;
    }
    const mean = Math.max(1, served / chiplets.length);
    for (const chiplet of chipletsOf[experts[place]]) {
      const isNew = visited[chiplet]++ === 0;
      chosen[place] = chiplet;
      choose(place + 1, cost + Number(isNew) + (price * chipletLoad[chiplet]) / mean);
      visited[chiplet]--;
    }
  };
  for (let token = 0; token < numTokens; token++) {
    bestCost = Infinity;
    experts = expertsOfToken(layer, token, topK);
    choose(0, 0);
    const used = best.subarray(0, experts.length);
    copies += new Set(used).size;
    for (const chiplet of used) chipletLoad[chiplet]++;
    served += experts.length;
  }
  return { tokenReplication: copies / numTokens, chipletLoad };
}
