import { expertsOfChiplets, type Solution } from "../lib/placement/placement.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import type { Solver, SolverOptions } from "../lib/placement/solver.js";
import { placeColumns } from "./groups/assign-groups.js";
import { generateColumns, type ProvedPrices } from "./columns/column-generation.js";
import { contiguousPlacement } from "./contiguous.js";
import { sumTokens, type Column } from "./columns/column-pool.js";
import { countColumns, createColumnTable, type ColumnTable } from "./columns/column-table.js";
import { finish } from "./constraints/complete-placement.js";
import { recombine } from "./ilp.js";
import { QUICK_SEARCH } from "./local-search.js";
import { startSearch } from "./search/iterated-local-search.js";
import { choosePartition } from "./columns/partition-model.js";
import { subsetBound } from "./bounds/lagrangian-bound.js";
import { fixByCuts, type PricedColumn, type Shortlist } from "./columns/subset-row-cuts.js";

/** Columns that are enumerated at most: 128 experts by 4 slots, or 64 by 5; 4 bytes each. */
const MOST_FILLINGS = 11e6;
/** Columns of which a proof takes seconds: 64 experts by 4 slots are 635,376. */
const FEW_FILLINGS = 1e6;
/**
 * Sets of experts priced for a bound where columns are too many: by `exact` quadruples of 128 experts and triples of
 * 256, by `auto` quadruples of 64, triples of 128 and pairs of 256, which takes as long as the search at most.
 */
const MOST_SUBSETS = { exact: 11e6, auto: 1e6 };
/** Columns handed to one integer programme before the proof is split. */
const MOST_COLUMNS = 500;

/**
 * Local search, then a proof by set partitioning over every chiplet column there is.
 *
 * Where there are too many columns to enumerate, recombination with the subset bound: a proved gap instead of none.
 */
export const exact: Solver = {
  name: "exact",
  summary: "local search, then a proof over every chiplet column by column generation and ILP",
  solve: (problem, options) =>
    countColumns(problem) <= MOST_FILLINGS
      ? prove(problem, options)
      : bracket(problem, options, MOST_SUBSETS.exact),
};

/** The default: a proof where it takes seconds, a bracket of cost and bound elsewhere. */
export const auto: Solver = {
  name: "auto",
  summary: "exact where the proof takes seconds a layer, else ilp with a proved bound",
  solve: (problem, options) =>
    countColumns(problem) <= FEW_FILLINGS
      ? prove(problem, options)
      : bracket(problem, options, MOST_SUBSETS.auto),
};

function bracket(problem: PlacementProblem, options: SolverOptions, mostSubsets: number): Promise<Solution> {
  return recombine(problem, options, (chipletOf, deadline) =>
    Math.ceil(subsetBound(problem, { chipletOf, mostSubsets, deadline })),
  );
}

async function prove(problem: PlacementProblem, options: SolverOptions): Promise<Solution> {
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  const search = startSearch(problem, options);
  const found = search.run(QUICK_SEARCH);
  if (!found) return finish(problem, contiguousPlacement(problem), { ...options, stoppedBy: "budget" });
  const incumbent = search.columnsOf(found);
  const table = createColumnTable(problem);
  const proved = await generateColumns(problem, table, {
    columns: [...incumbent, ...search.pool.columns],
    enough: sumTokens(incumbent),
    deadline,
  });
  const best = await closeGap(problem, { table, proved, incumbent, deadline, options });
  const answer = await placeColumns(problem, best.columns, { ...options, ...best });
  // Limits of chiplet groups may forbid the best columns; the search has respected them all along.
  return answer.status === "undecided"
    ? placeColumns(problem, incumbent, { ...options, ...best, stoppedBy: "budget" })
    : answer;
}

interface GapState {
  readonly table: ColumnTable;
  readonly proved: ProvedPrices;
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
async function closeGap(
  problem: PlacementProblem,
  { table, proved, incumbent, deadline, options }: GapState,
) {
  let columns = incumbent;
  let bound = Math.ceil(proved.bound);
  const report = () => {
    const chipletOf = new Uint16Array(problem.numExperts);
    columns.forEach(({ experts }, chiplet) => {
      for (const expert of experts) chipletOf[expert] = chiplet;
    });
    const { numTokens } = problem.patterns;
    options.onProgress?.({
      chiplets: expertsOfChiplets(chipletOf, problem.numChiplets),
      cost: sumTokens(columns) / numTokens,
      bound: bound / numTokens,
    });
  };
  report();
  const list = await fixByCuts(problem, listColumns(table, proved, sumTokens(columns)), {
    incumbent,
    enough: MOST_COLUMNS,
    deadline,
  });
  bound = Math.max(bound, Math.min(sumTokens(columns), Math.ceil(list.bound)));
  report();
  let threshold = firstThreshold(list);
  while (bound < sumTokens(columns)) {
    const timeLimitMs = deadline - performance.now();
    if (timeLimitMs <= 0) return { columns, tokensBound: bound, stoppedBy: "time limit" as const };
    // Costs are integers: whatever is better than the incumbent costs at least a token less.
    const whole = sumTokens(columns) - 1 - list.base;
    threshold = Math.min(threshold, whole);
    const matters = list.columns.filter(({ reducedCost }) => reducedCost <= threshold);
    const choice = await choosePartition(
      problem,
      matters.map(({ column }) => column),
      {
        backend: options.backends.columns,
        incumbent: columns,
        ...(timeLimitMs < Infinity && { timeLimitMs }),
      },
    );
    if (!choice) throw new Error("a choice among columns is never lost once there is one");
    columns = choice.columns;
    if (choice.bound === undefined) {
      const stoppedBy = performance.now() >= deadline ? ("time limit" as const) : ("budget" as const);
      return { columns, tokensBound: bound, stoppedBy };
    }
    const reached = threshold === whole ? choice.tokens : Math.ceil(list.base + threshold);
    bound = Math.max(bound, Math.min(choice.tokens, reached));
    report();
    threshold *= 2;
  }
  return { columns, tokensBound: bound, stoppedBy: "proof" as const };
}

/** Lists the columns that a placement of fewer than `tokens` tokens can have. */
function listColumns(table: ColumnTable, { prices, base, bound }: ProvedPrices, tokens: number): Shortlist {
  const columns: PricedColumn[] = [];
  table.walk(prices, tokens - 1 - base, (experts, columnTokens, reducedCost) => {
    columns.push({ column: { experts: [...experts], tokens: columnTokens }, reducedCost });
  });
  return { columns, base, bound };
}

/** The largest reduced cost up to which there are not too many columns; Infinity where they are few. */
function firstThreshold({ columns }: Shortlist): number {
  if (columns.length <= MOST_COLUMNS) return Infinity;
  return Float64Array.from(columns, ({ reducedCost }) => reducedCost).sort()[MOST_COLUMNS];
}
