import type { Solution } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import type { Solver, SolverOptions } from "../lib/placement/solver.js";
import { openChainProof, type ChainBudget } from "./bounds/chain-proof.js";
import { lagrangianBound as subsetBound } from "./bounds/lagrangian-bound.js";
import { closeGap } from "./columns/close-gap.js";
import { sumTokens, type PricedColumn } from "./columns/column.js";
import { generateColumns, type ProvedMultipliers } from "./columns/column-generation.js";
import { countColumns, createColumnTable, type ColumnTable } from "./columns/column-table.js";
import { placeByColumns, type ColumnChoice, type SearchedColumns } from "./columns/place-by-columns.js";
import { recombine } from "./columns/recombine.js";
import type { Shortlist } from "./columns/subset-row-cuts.js";
import { DEEP_SEARCH, QUICK_SEARCH } from "./search/iterated-local-search.js";

/** Columns that are enumerated at most: 128 experts by 4 slots, or 64 by 5; 4 bytes each. */
const MOST_COLUMNS = 11e6;
/** Subsets priced for a bound where columns are more: quadruples of 128 experts and triples of 256. */
const MOST_SUBSETS = 11e6;
/** Chains of 128 experts by 8 slots to the bound of the LP and beyond; of 256 and 384 to a few per cent. */
const CHAINS: ChainBudget = {
  mostBoxes: 12,
  mostExperts: 512,
  firstSets: 250_000,
  mostSets: 5e6,
  mostRounds: 8,
  mostListed: 200_000,
};
/**
 * Local search, then a proof by set partitioning over every column there is.
 *
 * Where there are too many columns to enumerate, recombination, and a proof by chains of subsets: by all columns that a better
 * placement can have where they are few, else a proved gap.
 */
export const exact: Solver = {
  name: "exact",
  kind: "proof",
  proves: true,
  summary: "local search, then a proof over every chiplet column by column generation and ILP",
  solve: (problem, options) =>
    proveOrBound(problem, options, { mostColumns: MOST_COLUMNS, chains: CHAINS, mostSubsets: MOST_SUBSETS }),
};

/** What a proof may cost. */
export interface ProofBudget {
  /** Columns that are enumerated at most for a proof. */
  readonly mostColumns: number;
  /** Of proofs by chains of subsets, where columns are more. */
  readonly chains: ChainBudget;
  /** Subsets of experts that are priced at most for a bound, where chains prove none. */
  readonly mostSubsets: number;
}

/** Proves an optimum where its columns can be enumerated; elsewhere recombines and proves a bound. */
export function proveOrBound(
  problem: PlacementProblem,
  options: SolverOptions,
  budget: ProofBudget,
): Promise<Solution> {
  if (countColumns(problem) <= budget.mostColumns) {
    const choose = (searched: SearchedColumns) => proveByTable(searched, options);
    return placeByColumns(problem, options, { searches: [QUICK_SEARCH], choose });
  }
  const choose = (searched: SearchedColumns) => proveByChains(searched, options, budget);
  return placeByColumns(problem, options, { searches: [QUICK_SEARCH, DEEP_SEARCH], choose });
}

/** Column generation over all columns there are, then cuts and integer programming over those that matter. */
async function proveByTable(
  { model, pool, incumbent, deadline }: SearchedColumns,
  options: SolverOptions,
): Promise<ColumnChoice> {
  const table = createColumnTable(model);
  const cutoff = sumTokens(incumbent);
  const proved = await generateColumns(model, table, {
    columns: [...incumbent, ...pool.columns],
    cutoff,
    deadline,
  });
  const list = listColumns(table, proved, cutoff);
  return closeGap(model, { list, bound: proved.bound, incumbent, deadline, options });
}

/** Recombination with columns of stabilised generation, then a bound by chains of subsets, or else by subsets alone. */
function proveByChains(
  searched: SearchedColumns,
  options: SolverOptions,
  budget: ProofBudget,
): Promise<ColumnChoice> {
  const { model, pool, chipletOf, deadline } = searched;
  const chains = openChainProof(model, { pool, chipletOf, budget: budget.chains, deadline });
  return recombine(searched, options, {
    generate: chains && (() => chains.generate()),
    async prove(columns) {
      const proved = await chains?.prove(sumTokens(columns));
      if (proved?.shortlist) {
        const list = proved.shortlist;
        return closeGap(model, { list, bound: list.bound, incumbent: columns, deadline, options });
      }
      const tokensBound =
        proved?.tokensBound ?? subsetBound(model, { chipletOf, mostSubsets: budget.mostSubsets, deadline });
      const isProved = Math.ceil(tokensBound) >= sumTokens(columns);
      return { columns, tokensBound: Math.ceil(tokensBound), ...(isProved && { stoppedBy: "proof" }) };
    },
  });
}

/** Lists the columns that a placement of fewer than `cutoff` tokens can have: the others are fixed by reduced cost. */
function listColumns(
  table: ColumnTable,
  { multipliers, base, bound }: ProvedMultipliers,
  cutoff: number,
): Shortlist {
  const columns: PricedColumn[] = [];
  table.walk(multipliers, cutoff - 1 - base, (experts, tokens, reducedCost) => {
    columns.push({ column: { experts: [...experts], tokens }, reducedCost });
  });
  return { columns, base, bound };
}
