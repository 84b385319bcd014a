import type { Multipliers } from "../columns/multipliers.js";
import { SetChain } from "./set-chain.js";
import { openChains, type ChainSample, type SubsetChains } from "./subset-chains.js";
import { createWeightFitter, type ObservedSet } from "./subset-weights.js";
import type { TokenSubsets } from "./token-subsets.js";

/** Sets of each size that are kept from all samples at most. */
const MOST_OBSERVED = 400;
/** What all sets of a size count together for an expert, against 1 for the columns that the LP chooses: of parts, and of whole chiplets. */
const WEIGHT_OF_PARTS = 0.3;
const WEIGHT_OF_COLUMNS = 0.5;
/** How a sample is drawn. */
const SAMPLE = { numStarts: 1000, setsAStart: 15 };
/** Many sets lie behind few triples, so that to count them takes longer looks. */
const ESTIMATE = { numStarts: 400, setsAStart: 40 };

/** Chains of subsets whose weights are fitted to what chains meet. */
export interface TunedChains extends SubsetChains {
  /** About how many sets an enumeration up to `limit` looks into. */
  readonly estimateSets: (limit: number) => number;
}

/** Tunes chains to the LP at hand; keeps what it has met from one LP to the next. */
export type ChainTuner = (lp: {
  readonly multipliers: Multipliers;
  /** The columns that the LP chooses, and how much of each. */
  readonly support: readonly ObservedSet[];
  readonly largestLimit: number;
  /** Where chains are to be short. */
  readonly limit: number;
}) => TunedChains;

/**
 * Makes a tuner of chains.
 *
 * Weights that are fitted to the columns of the LP alone are far below the tokens of other sets, so that most of what chains meet
 * is truly well above the limit. So chains are followed from some triples, what they meet is observed too, and weights are fitted anew.
 */
export function createChainTuner(subsets: TokenSubsets, { slots }: { slots: number }): ChainTuner {
  const fit = createWeightFitter(subsets, { slots });
  const chain = new SetChain(subsets, { slots });
  const met = new Map<number, ChainSample["sets"]>();
  const keep = ({ sets }: ChainSample) => {
    for (let size = 4; size <= slots; size++) {
      const ofSize = [...(met.get(size) ?? []), ...sets.filter((set) => set.size === size)];
      met.set(size, thinned(ofSize, MOST_OBSERVED));
    }
  };
  return ({ multipliers, support, largestLimit, limit }) => {
    const open = () =>
      openChains(
        fit([...support, ...[...met].flatMap(([size, sets]) => weighed(sets, { size, slots, subsets }))]),
        { chain, multipliers, largestLimit },
      );
    keep(open().sample({ limit, ...SAMPLE }));
    const chains = open();
    return {
      ...chains,
      estimateSets: (below) => chains.sample({ limit: below, ...ESTIMATE }).numSetsExpected,
    };
  };
}

/** Weighs sets so that all of them together count as much for one expert as for another. */
function weighed(
  sets: ChainSample["sets"],
  { size, slots, subsets }: { size: number; slots: number; subsets: TokenSubsets },
): ObservedSet[] {
  const times = new Float64Array(subsets.numExperts);
  for (const { experts } of sets) for (const expert of experts) times[expert]++;
  const total = size === slots ? WEIGHT_OF_COLUMNS : WEIGHT_OF_PARTS;
  return sets.map((set) => ({
    ...set,
    weight: (total * set.experts.length) / set.experts.reduce((sum, expert) => sum + times[expert], 0),
  }));
}

/** So many of a list, spread evenly. */
function thinned<T>(list: readonly T[], most: number): readonly T[] {
  const step = list.length / most;
  return step <= 1 ? list : Array.from({ length: most }, (_, at) => list[Math.floor(at * step)]);
}
