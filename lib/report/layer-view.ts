import { countCoactivation } from "../trace/coactivation.js";
import type { Chiplets } from "../placement/placement.js";
import { countTraffic } from "../placement/traffic.js";
import { countChoices, type RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns } from "../trace/token-patterns.js";
import type { ComparedSolver } from "../flows/compare.js";
import { sum } from "../statistics.js";

/** One layer as one solver places it: what the pictures of a report are drawn from. */
export interface PlacedView {
  readonly solver: string;
  readonly chiplets: Chiplets;
  /** Load of every chiplet over the mean. */
  readonly load: readonly number[];
  /** Share of co-activations whose experts share a chiplet. */
  readonly togetherShare: number;
  /** Mean distinct chiplets per token, C_T. */
  readonly tokenReplication: number;
}

/** One layer before and after placement. */
export interface LayerView {
  readonly layer: number;
  readonly numExperts: number;
  /** Load of every expert over the mean. Shape [numExperts]. */
  readonly expertLoad: readonly number[];
  /** Tokens that chose both experts. Shape [numExperts, numExperts], row-major. */
  readonly pairs: Float64Array;
  readonly before: PlacedView;
  readonly after: PlacedView;
}

/** A solver with a placement. */
export type PlacedSolver = ComparedSolver & { answer: { status: "placed" } };

/** The solvers that found a placement. */
export function placedSolvers(solvers: readonly ComparedSolver[]): PlacedSolver[] {
  return solvers.filter((solver): solver is PlacedSolver => solver.answer.status === "placed");
}

/** The solver of least C_T on the tokens that count: those held out, or else those learned from. */
export function bestPlaced(placed: readonly PlacedSolver[]): PlacedSolver | undefined {
  const costOf = ({ answer }: PlacedSolver) => (answer.heldOut ?? answer.learned).mean.tokenReplication;
  return placed.toSorted((one, other) => costOf(one) - costOf(other)).at(0);
}

/**
 * Looks closely at the layer whose gain is the median of all layers: neither the best nor the worst to show.
 *
 * @param trace The tokens that the placements were made from.
 */
export function viewTypicalLayer(
  trace: RoutingTrace,
  { before, after, numGroups }: { before: PlacedSolver; after: PlacedSolver; numGroups: number },
): LayerView {
  const gains = after.answer.placement.layers.map(({ cost = 0 }, index) => ({
    index,
    gain: (before.answer.placement.layers[index].cost ?? 0) - cost,
  }));
  gains.sort((one, other) => one.gain - other.gain || one.index - other.index);
  const { index } = gains[Math.floor(gains.length / 2)];
  const current = trace.layers[index];
  const patterns = collectPatterns(current, trace);
  const { load, pairs } = countCoactivation(patterns);
  const meanLoad = countChoices(current) / trace.numExperts;
  const view = ({ name, answer }: PlacedSolver): PlacedView => {
    const { chiplets, cost = NaN } = answer.placement.layers[index];
    const { chipletLoad } = countTraffic(patterns, chiplets, {
      chipletsPerGroup: chiplets.length / numGroups,
    });
    const mean = sum(chipletLoad) / chiplets.length;
    return {
      solver: name,
      chiplets,
      load: Array.from(chipletLoad, (tokens) => tokens / mean),
      togetherShare: shareTogether(chiplets, pairs, trace.numExperts),
      tokenReplication: cost,
    };
  };
  return {
    layer: current.layer,
    numExperts: trace.numExperts,
    expertLoad: Array.from(load, (tokens) => tokens / meanLoad),
    pairs,
    before: view(before),
    after: view(after),
  };
}

function shareTogether(chiplets: Chiplets, pairs: Float64Array, numExperts: number): number {
  let together = 0;
  for (const experts of chiplets) {
    for (const one of experts) for (const other of experts) together += pairs[one * numExperts + other];
  }
  return together / sum(pairs);
}
