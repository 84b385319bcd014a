import { smallest } from "../../lib/statistics.js";
import type { Column, PricedColumn } from "../columns/column.js";
import type { ColumnModel } from "../columns/column-model.js";
import type { ColumnPool } from "../columns/column-pool.js";
import { lagrangianBound, reducedCostOf, type Multipliers } from "../columns/multipliers.js";
import { startGeneration } from "../columns/stabilised-generation.js";
import type { Shortlist } from "../columns/subset-row-cuts.js";
import type { SubsetChains } from "./subset-chains.js";
import { floorToGrain } from "./subset-weights.js";
import { indexTokenSubsets } from "./token-subsets.js";
import { lowerMultipliers } from "./lower-multipliers.js";
import { createChainTuner } from "./tuned-chains.js";

/** What a proof by chains may cost. */
export interface ChainBudget {
  /** Boxes of column generation by search for up to 256 experts, more of more experts. */
  readonly mostBoxes: number;
  /** Slots of all chiplets together at most: quadruples grow with their fourth power. */
  readonly mostExperts: number;
  /**
   * Sets that the first enumeration of up to 256 experts is to look into, more of more experts; each that succeeds is followed by
   * one of four times as many.
   */
  readonly firstSets: number;
  /** Sets of up to 256 experts that all enumerations together look into at most, more of more experts. */
  readonly mostSets: number;
  /** How often columns that an enumeration found go back into the LP. */
  readonly mostRounds: number;
  /** Columns listed at most for cuts and integer programming. */
  readonly mostListed: number;
}

/** A proof by chains of subsets, in two steps. */
export interface ChainProof {
  /** Column generation by search: adds columns to the pool that lower its LP. */
  generate(): Promise<void>;
  /** Prices every column. */
  prove(cutoff: number): Promise<ChainBound>;
}

/** What chains proved. */
export interface ChainBound {
  /** Every placement costs at least so many tokens; undefined where the budget did not suffice for anything. */
  readonly tokensBound: number | undefined;
  /** The columns that a placement of fewer tokens than the cutoff can have; undefined where they are too many. */
  readonly shortlist: Shortlist | undefined;
}

/** Options of {@link openChainProof}. */
export interface ChainProofOptions {
  /** Columns of placements, among them those of `chipletOf`; more are added. */
  readonly pool: ColumnPool;
  /** Chiplet of every expert in a good placement. Shape [numExperts]. */
  readonly chipletOf: ArrayLike<number>;
  readonly budget: ChainBudget;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

/** The largest subsets that have weights are quadruples. */
const FEWEST_SLOTS = 4;
/** Beyond so many, what quadruples amount to differs by more than whole columns cost, and chains are too many below any limit. */
const MOST_SLOTS = 12;
/** Subsets of patterns that are indexed at most: 4 bytes each, and some 60 for every one that is distinct. */
const MOST_SUBSETS = 2e7;
/** Boxes after an enumeration has found columns: multipliers have not far to go. */
const BOXES_A_ROUND = 4;
/** Beyond so many, budgets of boxes and of sets grow with the experts. */
const MANY_EXPERTS = 256;
/** How far below 0 reduced costs may be, as parts of a mean column's cost: from the bound of the LP itself to what is easy to prove. */
const PARTS_BELOW = [
  0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05, 0.06, 0.08, 0.1, 0.14, 0.2,
];
/** The part for which chains are tuned: what is short there is short on both sides of it. */
const TUNED_PART = 0.03;
/** In tokens: columns of the LP have a reduced cost of 0 and are not wanted again. */
const LEAST_BELOW = 0.01;
/** Columns of negative reduced cost after which multipliers are worth changing. */
const MOST_NEW_COLUMNS = 300;
/** Columns for which multipliers are lowered at most: with more, a limit nearer to 0 loses as much as it wins. */
const MOST_LOWERED_FOR = 20_000;
/** Sets of an enumeration, against those of the one before. */
const GROWTH = 4;
/** Sets that have to be left for an enumeration, against those that a sample lets expect. */
const SPARE = 1.2;
/** Of the sets left, as many are kept for a second attempt as long as nothing is proved. */
const KEPT = 0.35;
/** The sets left have to be so many times those that a sample lets expect of the next limit, because it may let expect too few. */
const PRUDENCE = 2;
/** Where a sample let expect too few sets, the sets left have to be so many times those that it lets expect of the next. */
const CAUTION = 3;

/**
 * Opens a proof of what every placement costs at least, where columns are too many for a table.
 *
 * Multipliers come from column generation by search. Then every column is priced by chains of subsets (see
 * {@link SubsetChains}): first against a limit so far below 0 that chains are few, by a sample, and then, while sets are left,
 * against nearer ones; 0 proves the bound of the LP. Columns of negative reduced cost that the search missed go back into the LP. If all that is left is the gap of the LP to the cutoff, the columns in that gap are listed for cuts and
 * integer programming.
 *
 * @returns Undefined where slots are fewer than four or more than twelve, or experts or subsets of tokens too many.
 */
export function openChainProof(
  model: ColumnModel,
  { pool, chipletOf, budget, deadline }: ChainProofOptions,
): ChainProof | undefined {
  const { patterns, numChiplets, slotsPerChiplet: slots, isPinned, admits } = model;
  const numExperts = numChiplets * slots;
  if (slots < FEWEST_SLOTS || slots > MOST_SLOTS || numExperts > budget.mostExperts) return undefined;
  const subsets = indexTokenSubsets(patterns, { numExperts, mostSubsets: MOST_SUBSETS });
  if (!subsets) return undefined;
  const generation = startGeneration(model, { pool, chipletOf });
  const tune = createChainTuner(subsets, { slots });
  const scale = Math.max(1, numExperts / MANY_EXPERTS);
  const mostBoxes = Math.ceil(scale * budget.mostBoxes);
  // As pairs of experts grow.
  const firstSets = scale ** 2 * budget.firstSets;
  let setsLeft = scale ** 2 * budget.mostSets;
  const list = (chains: SubsetChains, { multipliers, limit, most, mostSets }: ListOptions) => {
    const columns: PricedColumn[] = [];
    const { numSets, isComplete } = chains.enumerate({ limit, mostSets, deadline }, (experts, tokens) => {
      if (admits && !admits(experts)) return false;
      const column = { experts, tokens };
      columns.push({ column, reducedCost: reducedCostOf(column, multipliers) });
      return columns.length > most;
    });
    setsLeft -= numSets;
    return { columns, isComplete };
  };
  /** The columns that a placement of fewer than `cutoff` tokens can have; undefined where they are too many. */
  const shortlistOf = (
    chains: SubsetChains,
    multipliers: Multipliers,
    { cutoff }: { cutoff: number },
  ): Shortlist | undefined => {
    if (isPinned.includes(1) || budget.mostListed === 0) return undefined;
    const { base, bound } = lagrangianBound(multipliers, model, { least: -LEAST_BELOW });
    const limit = cutoff - 1 - base;
    const listed = list(chains, { multipliers, limit, most: budget.mostListed, mostSets: setsLeft });
    return listed.isComplete ? { columns: listed.columns, base, bound } : undefined;
  };
  // Columns of pinned experts may part them: they count for the bound, but no placement is made of them.
  const isFree = ({ experts }: Column) => !experts.some((expert) => isPinned[expert]);
  return {
    async generate() {
      await generation.converge(mostBoxes, deadline);
    },
    async prove(cutoff) {
      let tokensBound: number | undefined;
      const limitOf = (part: number) => -Math.max(LEAST_BELOW, (part * cutoff) / numChiplets);
      for (let round = 0; round <= budget.mostRounds; round++) {
        const { multipliers: duals, support } = await generation.converge(
          round > 0 ? BOXES_A_ROUND : 0,
          deadline,
        );
        const multipliers = roundedDown(duals);
        const { base } = lagrangianBound(multipliers, model, { least: -LEAST_BELOW });
        const chains = tune({
          multipliers,
          support,
          // The columns that are listed in the end may cost more than their multipliers pay.
          largestLimit: budget.mostListed > 0 ? Math.max(0, cutoff - 1 - base) : 0,
          limit: limitOf(TUNED_PART),
        });
        let numNew = 0;
        const hasRoundsLeft = round < budget.mostRounds;
        const sizes = new Map<number, number>();
        const sizeAt = (part: number) => {
          const size = sizes.get(part) ?? chains.estimateSets(limitOf(PARTS_BELOW[part]));
          sizes.set(part, size);
          return size;
        };
        /** The part nearest to 0 that takes at most so many sets: they fall with distance. */
        const firstWithin = (sets: number) => {
          let [first, last] = [0, PARTS_BELOW.length - 1];
          while (first < last) {
            const middle = (first + last) >> 1;
            if (sizeAt(middle) <= Math.min(sets, setsLeft / SPARE)) last = middle;
            else first = middle + 1;
          }
          return first;
        };
        /** What no column below a limit proves. */
        const boundAt = (part: number) =>
          lagrangianBound(multipliers, model, { least: limitOf(PARTS_BELOW[part]) }).bound;
        let part = firstWithin(firstSets);
        if (tokensBound !== undefined) {
          // What is further away than what is proved is not proved again.
          while (part > 0 && boundAt(part) <= tokensBound) part--;
          if (SPARE * sizeAt(part) > setsLeft) break;
        }
        for (;;) {
          const isFirst = tokensBound === undefined;
          const limit = limitOf(PARTS_BELOW[part]);
          const { columns, isComplete } = list(chains, {
            multipliers,
            limit,
            // In the last round no multipliers come after these: they are lowered.
            most: hasRoundsLeft ? MOST_NEW_COLUMNS : MOST_LOWERED_FOR,
            mostSets: isFirst ? Math.ceil((1 - KEPT) * setsLeft) : setsLeft,
          });
          if (isComplete) {
            const lowered = lowerMultipliers(multipliers, columns, { limit });
            const least = smallest(
              columns.map(({ column }) => reducedCostOf(column, lowered)),
              limit,
            );
            const { bound } = lagrangianBound(lowered, model, { least });
            tokensBound = Math.max(tokensBound ?? 0, bound);
          }
          for (const { column } of columns) if (isFree(column) && pool.add(column)) numNew++;
          if (performance.now() >= deadline || (columns.length > 0 && hasRoundsLeft)) break;
          if (!isComplete) {
            if (!isFirst || part === PARTS_BELOW.length - 1) break;
            part = Math.min(Math.max(part + 1, firstWithin(setsLeft / CAUTION)), PARTS_BELOW.length - 1);
          } else if (part > 0) {
            const most = Math.min(GROWTH * Math.max(sizeAt(part), firstSets), setsLeft / PRUDENCE);
            part = Math.min(part - 1, firstWithin(most));
            if (SPARE * sizeAt(part) > setsLeft) return { tokensBound, shortlist: undefined };
          } else {
            const isLp = columns.length === 0;
            return {
              tokensBound,
              shortlist: isLp ? shortlistOf(chains, multipliers, { cutoff }) : undefined,
            };
          }
        }
        if (numNew === 0) break;
      }
      return { tokensBound, shortlist: undefined };
    },
  };
}

interface ListOptions {
  readonly multipliers: Multipliers;
  readonly limit: number;
  /** Columns at most. */
  readonly most: number;
  readonly mostSets: number;
}

/** Multipliers of which sums are exact: any are valid. */
function roundedDown({ expert, chiplet }: Multipliers): Multipliers {
  return { expert: expert.map(floorToGrain), chiplet: floorToGrain(chiplet) };
}
