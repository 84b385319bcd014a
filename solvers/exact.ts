import { expertsOfChiplets, type Solution } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../lib/placement/solver.js";
import { openChainProof, type ChainBudget } from "./bounds/chain-proof.js";
import { lagrangianBound as subsetBound } from "./bounds/lagrangian-bound.js";
import { columnModelOf } from "./columns/admissible-columns.js";
import { sumTokens, type Column, type PricedColumn } from "./columns/column.js";
import { generateColumns, type ProvedMultipliers } from "./columns/column-generation.js";
import type { ColumnModel } from "./columns/column-model.js";
import { countColumns, createColumnTable, type ColumnTable } from "./columns/column-table.js";
import { choosePartition } from "./columns/partition-model.js";
import { fixByCuts, type Shortlist } from "./columns/subset-row-cuts.js";
import { finish } from "./constraints/complete-placement.js";
import { placeOnOneChiplet } from "./constraints/single-chiplet.js";
import { contiguousPlacement } from "./contiguous.js";
import { placeColumns } from "./groups/assign-groups.js";
import { priceIntoPool } from "./columns/pool-pricing.js";
import { recombine, type Recombination, type SearchedPool } from "./ilp.js";
import { QUICK_SEARCH } from "./local-search.js";
import { startSearch } from "./search/iterated-local-search.js";
import { swapModelOf } from "./search/swap-model.js";

/** Columns that are enumerated at most: 128 experts by 4 slots, or 64 by 5; 4 bytes each. */
const MOST_COLUMNS = 11e6;
/** Subsets priced for a bound where columns are more: quadruples of 128 experts and triples of 256. */
const MOST_SUBSETS = 11e6;
/** Chains of 128 experts by 8 slots to the bound of the LP and beyond; of 256 and 384 to a few per cent. */
const CHAINS: ChainBudget = {
  mostBoxes: 12,
  mostExperts: 512,
  mostSets: 4e6,
  mostRounds: 8,
  mostListed: 200_000,
};
/** Columns handed to a single integer programme before the proof is split. */
const FEW_COLUMNS = 500;

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
  if (countColumns(problem) <= budget.mostColumns) return prove(problem, options);
  return recombine(problem, options, (found) => proveByChains(problem, options, { budget, found }));
}

/** Recombination with columns of stabilised generation, then a bound by chains of subsets, or else by subsets alone. */
function proveByChains(
  problem: PlacementProblem,
  options: SolverOptions,
  { budget, found }: { budget: ProofBudget; found: SearchedPool },
): Recombination {
  const { model, pool, chipletOf, deadline, onNote } = found;
  const chains = openChainProof(model, { pool, chipletOf, budget: budget.chains, deadline });
  return {
    generate: () => chains?.generate() ?? priceIntoPool(model, pool, { chipletOf, deadline, onNote }),
    async prove(columns) {
      const proved = await chains?.prove(sumTokens(columns));
      if (proved?.shortlist) {
        const list = proved.shortlist;
        return closeGap(model, { list, bound: list.bound, incumbent: columns, deadline, options });
      }
      const { patterns, numChiplets, slotsPerChiplet } = problem;
      const tokensBound =
        proved?.tokensBound ??
        subsetBound(
          { patterns, numChiplets, slotsPerChiplet },
          { chipletOf, mostSubsets: budget.mostSubsets, deadline },
        );
      const isProved = Math.ceil(tokensBound) >= sumTokens(columns);
      return { columns, tokensBound: Math.ceil(tokensBound), ...(isProved && { stoppedBy: "proof" }) };
    },
  };
}

async function prove(problem: PlacementProblem, options: SolverOptions): Promise<Solution> {
  const trivial = placeOnOneChiplet(problem);
  if (trivial) return trivial;
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const search = startSearch(swapModelOf(problem), options);
  const best = search.run(QUICK_SEARCH);
  if (!best) return finish(problem, contiguousPlacement(problem), { ...options, stoppedBy: "budget" });
  const incumbent = search.columnsOf(best);
  const model = columnModelOf(problem);
  const table = createColumnTable(model);
  const proved = await generateColumns(model, table, {
    columns: [...incumbent, ...search.pool.columns],
    cutoff: sumTokens(incumbent),
    deadline,
  });
  const list = listColumns(table, proved, sumTokens(incumbent));
  const proof = await closeGap(model, { list, bound: proved.bound, incumbent, deadline, options });
  const answer = await placeColumns(problem, proof.columns, { ...options, ...proof, ...timeLeft(deadline) });
  // Limits of chiplet groups may forbid the best columns; the search has respected them all along.
  return answer.status === "undecided"
    ? placeColumns(problem, incumbent, {
        ...options,
        ...proof,
        ...timeLeft(deadline),
        stoppedBy: performance.now() < deadline ? "budget" : "time limit",
      })
    : answer;
}

interface GapState {
  /** Every column that a placement better than the incumbent can have. */
  readonly list: Shortlist;
  /** What every placement costs at least. */
  readonly bound: number;
  readonly incumbent: readonly Column[];
  readonly deadline: number;
  readonly options: SolverOptions;
}

/**
 * Closes the gap between the incumbent and the bound by integer programming over the columns that matter.
 *
 * A placement that costs less than base + t has no column of reduced cost above t. So the integer programme over
 * columns up to t either finds the optimum or lifts the bound to base + t; then t grows, up to the incumbent.
 */
async function closeGap(model: ColumnModel, state: GapState) {
  const { incumbent, deadline, options } = state;
  let columns = incumbent;
  // Every token visits a chiplet at least, however early pricing was cut.
  let bound = Math.max(model.patterns.numTokens, Math.ceil(state.bound));
  const report = (phase: string, note?: string) => {
    const chipletOf = new Uint16Array(model.numExperts);
    columns.forEach(({ experts }, chiplet) => {
      for (const expert of experts) chipletOf[expert] = chiplet;
    });
    const { numTokens } = model.patterns;
    options.onProgress?.({
      chiplets: expertsOfChiplets(chipletOf, model.numChiplets),
      cost: sumTokens(columns) / numTokens,
      bound: bound / numTokens,
      phase,
      ...(note !== undefined && { note }),
    });
  };
  report("column generation");
  const list = await fixByCuts(model, state.list, {
    incumbent,
    fewColumns: FEW_COLUMNS,
    deadline,
    onNote: (note) => {
      report("cuts", note);
    },
  });
  bound = Math.max(bound, Math.min(sumTokens(columns), Math.ceil(list.bound)));
  report("cuts");
  let threshold = firstThreshold(list);
  while (bound < sumTokens(columns)) {
    if (performance.now() >= deadline)
      return { columns, tokensBound: bound, stoppedBy: "time limit" as const };
    // Costs are integers: whatever is better than the incumbent costs at least a token less.
    const whole = sumTokens(columns) - 1 - list.base;
    threshold = Math.min(threshold, whole);
    const matters = list.columns.filter(({ reducedCost }) => reducedCost <= threshold);
    const choice = await choosePartition(
      model,
      matters.map(({ column }) => column),
      {
        backend: options.backends.columns,
        incumbent: columns,
        onNote: (note) => {
          report("choice of columns", note);
        },
        ...timeLeft(deadline),
      },
    );
    if (!choice) throw new Error("choosePartition answers at least with the incumbent");
    columns = choice.columns;
    if (choice.bound === undefined) {
      const stoppedBy = performance.now() >= deadline ? ("time limit" as const) : ("budget" as const);
      return { columns, tokensBound: bound, stoppedBy };
    }
    const reached = threshold === whole ? choice.tokens : Math.ceil(list.base + threshold);
    bound = Math.max(bound, Math.min(choice.tokens, reached));
    report("choice of columns");
    threshold *= 2;
  }
  return { columns, tokensBound: bound, stoppedBy: "proof" as const };
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

/** The largest reduced cost up to which there are not too many columns; Infinity where they are few. */
function firstThreshold({ columns }: Shortlist): number {
  if (columns.length <= FEW_COLUMNS) return Infinity;
  return Float64Array.from(columns, ({ reducedCost }) => reducedCost).sort()[FEW_COLUMNS];
}
