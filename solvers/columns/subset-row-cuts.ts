import type { PlacementProblem } from "../../lib/placement/problem.js";
import { sumTokens, type Column } from "./column-pool.js";
import { createLpSession } from "../milp/lp-session.js";
import { binaryColumns } from "../milp/milp-model.js";
import { partitionRows, rowsOfColumn } from "./partition-model.js";

/** A column that may be in a better placement, with what it adds to the least cost of any. */
export interface PricedColumn {
  readonly column: Column;
  readonly reducedCost: number;
}

/** The columns that a placement better than the incumbent can be made of. */
export interface Shortlist {
  readonly columns: readonly PricedColumn[];
  /** A placement better than the incumbent costs at least `base` + the reduced cost of any of its columns. */
  readonly base: number;
  /** A placement better than the incumbent costs at least so many tokens. */
  readonly bound: number;
}

/** Options of {@link fixByCuts}. */
export interface CutOptions {
  /** A placement to beat; its columns keep the LP feasible. */
  readonly incumbent: readonly Column[];
  /** Columns at which integer programming takes over. */
  readonly enough: number;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
}

const MOST_ROUNDS = 60;
const CUTS_A_ROUND = 30;
const COLUMNS_A_STEP = 300;
const FIRST_COLUMNS = 2000;
/** A cut must be violated by this much to be worth a row. */
const LEAST_VIOLATION = 0.03;

/**
 * Shortens the list of columns that matter, by subset-row cuts.
 *
 * Of three experts at most one column of a placement can hold two or more: sum of x over such columns <= 1. Where
 * many columns overlap, the LP relaxation of set partitioning breaks these, and its bound is loose. Rounds of the
 * most violated cuts lift the bound; every round drops the columns whose reduced cost shows that no placement with
 * them beats the incumbent. Columns are priced exactly over the list, cuts included, so any duals prove the bound.
 *
 * Source: Jepsen, Petersen, Spoorendonk and Pisinger, Subset-row inequalities applied to the vehicle-routing problem
 * with time windows, Operations Research 56 (2008).
 *
 * @param start Every column that a better placement can have, with its reduced cost.
 */
export async function fixByCuts(
  problem: PlacementProblem,
  start: Shortlist,
  { incumbent, enough, deadline }: CutOptions,
): Promise<Shortlist> {
  const incumbentTokens = sumTokens(incumbent);
  let list = start;
  let cuts: Cut[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (list.columns.length <= enough || performance.now() > deadline) break;
    const active = [...incumbent, ...cheapest(list.columns, FIRST_COLUMNS)];
    const solved = await solveWithCuts(problem, list.columns, { cuts, active, deadline });
    // The LP has the incumbent for a solution: the LP solver is lost, and integer programming goes on without cuts.
    if (!solved) break;
    const slack = incumbentTokens - 1 - solved.base;
    const left = list.columns
      .map(({ column }, index) => ({ column, reducedCost: solved.reducedCosts[index] }))
      .filter(({ reducedCost }) => reducedCost <= slack);
    if (solved.bound > list.bound) list = { columns: left, base: solved.base, bound: solved.bound };
    if (list.bound > incumbentTokens - 1) return { columns: [], base: list.base, bound: incumbentTokens };
    cuts = cuts.filter((_, index) => solved.cutPrices[index] < -1e-9);
    const violated = findViolatedCuts(problem, solved.support, cuts);
    if (violated.length === 0) break;
    cuts.push(...violated);
  }
  return list;
}

/** Experts a < b < c. */
type Cut = readonly [number, number, number];

interface SolvedLp {
  readonly base: number;
  readonly bound: number;
  /** Of every column of the list, at least 0 up to rounding. */
  readonly reducedCosts: Float64Array;
  /** At most 0. Shape [numCuts]. */
  readonly cutPrices: Float64Array;
  /** The LP solution. */
  readonly support: readonly { experts: readonly number[]; value: number }[];
}

/** Solves the LP over the whole list by column generation from the active columns. */
async function solveWithCuts(
  problem: PlacementProblem,
  list: readonly PricedColumn[],
  { cuts, active, deadline }: { cuts: readonly Cut[]; active: readonly Column[]; deadline: number },
): Promise<SolvedLp | undefined> {
  const { numExperts, numChiplets } = problem;
  const rows = partitionRows(problem);
  const firstCut = rows.rowLower.length;
  const session = await createLpSession({
    rowLower: Float64Array.of(...rows.rowLower, ...cuts.map(() => -Infinity)),
    rowUpper: Float64Array.of(...rows.rowUpper, ...cuts.map(() => 1)),
  });
  const columns: Column[] = [];
  const add = (added: readonly Column[]) => {
    session.addColumns(
      columnsOf(added, (experts) => [
        ...rowsOfColumn(problem, experts),
        ...cuts.flatMap((cut, index) => (countShared(cut, experts) >= 2 ? [firstCut + index] : [])),
      ]),
    );
    columns.push(...added);
  };
  try {
    add(active);
    const known = new Set(active);
    for (;;) {
      const lp = session.solve();
      if (!lp) return undefined;
      const cutPrices = lp.rowDuals.slice(firstCut).map((price) => Math.min(0, price));
      const chipletPrice = firstCut > numExperts ? Math.min(0, lp.rowDuals[numExperts]) : 0;
      const expertPrices = lp.rowDuals.subarray(0, numExperts);
      const priceOf = createPricer(numExperts, { expertPrices, chipletPrice, cuts, cutPrices });
      const reducedCosts = Float64Array.from(list, ({ column }) => column.tokens - priceOf(column.experts));
      const entering: PricedColumn[] = [];
      reducedCosts.forEach((reducedCost, index) => {
        const { column } = list[index];
        if (reducedCost < -1e-6 && !known.has(column)) entering.push({ column, reducedCost });
      });
      if (entering.length === 0 || performance.now() > deadline) {
        const least = Math.min(0, minOf(reducedCosts));
        const sum = sumOf(expertPrices) + numChiplets * chipletPrice + sumOf(cutPrices);
        return {
          base: sum + (numChiplets - 1) * least - 1e-6,
          bound: sum + numChiplets * least - 1e-6,
          reducedCosts,
          cutPrices,
          support: columns
            .map(({ experts }, index) => ({ experts, value: lp.values[index] }))
            .filter(({ value }) => value > 1e-7),
        };
      }
      const chosen = cheapest(entering, COLUMNS_A_STEP);
      for (const column of chosen) known.add(column);
      add(chosen);
    }
  } finally {
    session.dispose();
  }
}

/**
 * Makes the function that sums what a column pays: its experts' prices, the chiplet's, and those of the cuts it is in.
 *
 * A cut is seen by each pair of its experts; a column with all three of them pays it once, not thrice, which the
 * table of triples sets right. So a price costs O(slots^3), whatever the number of cuts.
 */
function createPricer(
  numExperts: number,
  duals: { expertPrices: Float64Array; chipletPrice: number; cuts: readonly Cut[]; cutPrices: Float64Array },
): (experts: readonly number[]) => number {
  const { expertPrices, chipletPrice, cuts, cutPrices } = duals;
  const ofPair = new Float64Array(numExperts ** 2);
  const ofTriple = new Map<number, number>();
  cuts.forEach(([a, b, c], index) => {
    const price = cutPrices[index];
    for (const pair of [a * numExperts + b, a * numExperts + c, b * numExperts + c]) ofPair[pair] += price;
    ofTriple.set((a * numExperts + b) * numExperts + c, -2 * price);
  });
  return (experts) => {
    let price = chipletPrice;
    for (let i = 0; i < experts.length; i++) {
      price += expertPrices[experts[i]];
      for (let j = 0; j < i; j++) {
        const pair = experts[j] * numExperts + experts[i];
        if (ofPair[pair] === 0) continue;
        price += ofPair[pair];
        // Triples that end above i are met from their own pairs (j, i) with k above.
        for (let k = i + 1; k < experts.length; k++) {
          price += ofTriple.get(pair * numExperts + experts[k]) ?? 0;
        }
      }
    }
    return price;
  };
}

/** The most violated cuts, at most a few to an expert, so that they differ. */
function findViolatedCuts(
  { numExperts: n }: PlacementProblem,
  support: SolvedLp["support"],
  cuts: readonly Cut[],
): Cut[] {
  const ofPair = new Float64Array(n * n);
  const ofTriple = new Map<number, number>();
  for (const { experts, value } of support) {
    experts.forEach((a, i) => {
      experts.slice(i + 1).forEach((b, j) => {
        ofPair[a * n + b] += value;
        for (const c of experts.slice(i + j + 2)) {
          const triple = (a * n + b) * n + c;
          ofTriple.set(triple, (ofTriple.get(triple) ?? 0) + value);
        }
      });
    });
  }
  const there = new Set(cuts.map(([a, b, c]) => (a * n + b) * n + c));
  const found: { cut: Cut; violation: number }[] = [];
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      for (let c = b + 1; c < n; c++) {
        const pairs = ofPair[a * n + b] + ofPair[a * n + c] + ofPair[b * n + c];
        if (pairs <= 1 + LEAST_VIOLATION) continue;
        const triple = (a * n + b) * n + c;
        const violation = pairs - 2 * (ofTriple.get(triple) ?? 0) - 1;
        if (violation > LEAST_VIOLATION && !there.has(triple)) found.push({ cut: [a, b, c], violation });
      }
    }
  }
  found.sort((one, other) => other.violation - one.violation);
  const uses = new Uint8Array(n);
  const chosen = found.filter(({ cut }) => {
    if (cut.some((expert) => uses[expert] >= 5)) return false;
    for (const expert of cut) uses[expert]++;
    return true;
  });
  return chosen.slice(0, CUTS_A_ROUND).map(({ cut }) => cut);
}

/** Columns of ones, unbounded above: rows imply that. */
function columnsOf(columns: readonly Column[], rowsOf: (experts: readonly number[]) => readonly number[]) {
  return binaryColumns(
    { rowsOf: columns.map(({ experts }) => rowsOf(experts)), cost: columns.map(({ tokens }) => tokens) },
    Infinity,
  );
}

function countShared(cut: Cut, experts: readonly number[]): number {
  return cut.reduce((count, expert) => count + (experts.includes(expert) ? 1 : 0), 0);
}

function cheapest(columns: readonly PricedColumn[], most: number): Column[] {
  return columns
    .toSorted((one, other) => one.reducedCost - other.reducedCost)
    .slice(0, most)
    .map(({ column }) => column);
}

function minOf(values: Float64Array): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
