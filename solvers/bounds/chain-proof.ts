import type { Column, PricedColumn } from "../columns/column.js";
import type { ColumnModel } from "../columns/column-model.js";
import type { ColumnPool } from "../columns/column-pool.js";
import { lagrangianBound, type Multipliers } from "../columns/multipliers.js";
import { startGeneration } from "../columns/stabilised-generation.js";
import type { Shortlist } from "../columns/subset-row-cuts.js";
import { enumerateColumns } from "./subset-chains.js";
import { fitSubsetWeights, type SubsetWeights } from "./subset-weights.js";
import { indexTokenSubsets } from "./token-subsets.js";

/** What a proof by chains may cost. */
export interface ChainBudget {
  /** Boxes of column generation by search. */
  readonly mostBoxes: number;
  /** Slots of all chiplets together at most: quadruples grow with their fourth power. */
  readonly mostExperts: number;
  /** Sets that all enumerations together look into at most. */
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

/** Chains begin with quadruples. */
const FEWEST_SLOTS = 4;
/** Subsets of patterns that are indexed at most: 4 bytes each, and 60 for every one that is distinct. */
const MOST_SUBSETS = 6e6;
/** Boxes after an enumeration has found columns: multipliers have not far to go. */
const BOXES_A_ROUND = 4;
/** How far below 0 reduced costs may be, as parts of a mean column's cost: from easy to prove to the bound of the LP itself. */
const PARTS_BELOW = [0.06, 0.035, 0.02, 0];
/** Sets of the next enumeration against those of the last, at least: with fewer left it is not begun. */
const NEXT_SETS = 1.7;
/** In tokens: columns of the LP have a reduced cost of 0 and are not wanted again. */
const LEAST_BELOW = 0.01;
/** Columns of negative reduced cost after which multipliers are worth changing. */
const MOST_NEW_COLUMNS = 300;

/**
 * Opens a proof of what every placement costs at least, where columns are too many for a table.
 *
 * Multipliers come from column generation by search. Then every column is priced by chains of subsets (see
 * {@link enumerateColumns}): against limits below 0, which are proved fast, and in the end against 0, which proves the
 * bound of the LP. Columns of negative reduced cost that the search missed go back into the LP. If all that is left is the gap
 * of the LP to the cutoff, the columns in that gap are listed for cuts and integer programming.
 *
 * @returns Undefined where slots are fewer than four, or experts or subsets of tokens too many.
 */
export function openChainProof(
  model: ColumnModel,
  { pool, chipletOf, budget, deadline }: ChainProofOptions,
): ChainProof | undefined {
  const { patterns, numChiplets, slotsPerChiplet: slots, isPinned, admits } = model;
  const numExperts = numChiplets * slots;
  if (slots < FEWEST_SLOTS || numExperts > budget.mostExperts) return undefined;
  const subsets = indexTokenSubsets(patterns, { numExperts, mostSubsets: MOST_SUBSETS });
  if (!subsets) return undefined;
  const generation = startGeneration(model, { pool, chipletOf });
  let setsLeft = budget.mostSets;
  const list = (
    weights: SubsetWeights,
    { multipliers, limit, most }: { multipliers: Multipliers; limit: number; most: number },
  ) => {
    const columns: PricedColumn[] = [];
    const { numSets, isComplete } = enumerateColumns(
      weights,
      { slots, multipliers, limit, mostSets: setsLeft, deadline },
      (experts, tokens, reducedCost) => {
        if (admits && !admits(experts)) return false;
        columns.push({ column: { experts, tokens }, reducedCost });
        return columns.length > most;
      },
    );
    setsLeft -= numSets;
    return { columns, isComplete, numSets };
  };
  // Columns of pinned experts may part them: they count for the bound, but no placement is made of them.
  const isFree = ({ experts }: Column) => !experts.some((expert) => isPinned[expert]);
  return {
    async generate() {
      await generation.converge(budget.mostBoxes, deadline);
    },
    async prove(cutoff) {
      let tokensBound: number | undefined;
      let numProved = 0;
      let lastSets = 0;
      for (let round = 0; round <= budget.mostRounds; round++) {
        const { multipliers, support } = await generation.converge(round > 0 ? BOXES_A_ROUND : 0, deadline);
        const weights = fitSubsetWeights(subsets, { slots, columns: support });
        let numNew = 0;
        for (const part of PARTS_BELOW.slice(numProved)) {
          if (NEXT_SETS * lastSets > setsLeft) return { tokensBound, shortlist: undefined };
          const limit = -Math.max(LEAST_BELOW, (part * cutoff) / numChiplets);
          const { columns, isComplete, numSets } = list(weights, {
            multipliers,
            limit,
            most: MOST_NEW_COLUMNS,
          });
          const least = columns.reduce((minimum, { reducedCost }) => Math.min(minimum, reducedCost), limit);
          const { bound, base } = lagrangianBound(multipliers, model, { least });
          if (isComplete) tokensBound = Math.max(tokensBound ?? 0, bound);
          lastSets = numSets;
          for (const { column } of columns) if (isFree(column) && pool.add(column)) numNew++;
          if (!isComplete || columns.length > 0) break;
          if (part > 0) {
            numProved++;
            continue;
          }
          const gap = { multipliers, limit: cutoff - 1 - base, most: budget.mostListed };
          const listed = isPinned.includes(1) || gap.most === 0 ? undefined : list(weights, gap);
          const shortlist = listed?.isComplete ? { columns: listed.columns, base, bound } : undefined;
          return { tokensBound, shortlist };
        }
        if (numNew === 0) break;
      }
      return { tokensBound, shortlist: undefined };
    },
  };
}
