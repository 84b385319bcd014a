import { DUAL_ROUNDING, LP_FEASIBILITY, TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { cheapestColumns, sumTokens, type Column, type PricedColumn } from "./column.js";
import type { PartitionShape } from "./column-model.js";
import { createMasterLp, type Cut } from "./master-lp.js";
import { lagrangianBound, reducedCostOf, type LagrangianBound } from "./multipliers.js";
import { smallest, sum } from "../../lib/statistics.js";

/** The columns that a placement better than the incumbent can be made of, and what such a placement costs at least. */
export interface Shortlist extends LagrangianBound {
  readonly columns: readonly PricedColumn[];
}

/** Options of {@link fixByCuts}. */
export interface CutOptions {
  /** A placement to beat; its columns keep the LP feasible. */
  readonly incumbent: readonly Column[];
  /** Columns few enough for integer programming, at which cutting stops. */
  readonly fewColumns: number;
  /** Clock of `performance.now()` at which to stop. */
  readonly deadline: number;
  /** Told if the LP solver failed, which ends cutting early. */
  readonly onNote?: ((note: string) => void) | undefined;
}

const MOST_ROUNDS = 60;
const CUTS_A_ROUND = 30;
const COLUMNS_A_STEP = 300;
const FIRST_COLUMNS = 2000;
/** A cut must be violated by this much to be worth a row. */
const LEAST_VIOLATION = 0.03;

/**
 * Shortens the list of columns that matter: reduced-cost fixing under subset-row cuts.
 *
 * Of three experts at most one column of a placement can hold two or more: sum of x over such columns <= 1. Where
 * many columns overlap, the LP relaxation of set partitioning breaks these, and its bound is loose. Rounds of the
 * most violated cuts lift the bound; every round drops the columns whose reduced cost shows that no placement with
 * them beats the incumbent. Columns are priced exactly over the list, cuts included, so any multipliers prove the bound.
 *
 * Source: Jepsen, Petersen, Spoorendonk and Pisinger, Subset-row inequalities applied to the vehicle-routing problem
 * with time windows, Operations Research 56 (2008).
 *
 * @param start Every column that a better placement can have, with its reduced cost.
 */
export async function fixByCuts(
  shape: PartitionShape,
  start: Shortlist,
  { incumbent, fewColumns, deadline, onNote }: CutOptions,
): Promise<Shortlist> {
  // Costs are integers: a better placement has at least one token less.
  const cutoff = sumTokens(incumbent) - 1;
  let list = start;
  let cuts: Cut[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (list.columns.length <= fewColumns || performance.now() > deadline) break;
    const active = [...incumbent, ...cheapestColumns(list.columns, FIRST_COLUMNS)];
    const solved = await solveWithCuts(shape, list.columns, { cuts, active, deadline });
    if (!solved) {
      // The incumbent solves the LP, so the failure is numerical; integer programming goes on without more cuts.
      onNote?.(`cutting stopped after ${round} rounds: the LP with ${cuts.length} cuts failed numerically`);
      break;
    }
    const left = list.columns
      .map(({ column }, index) => ({ column, reducedCost: solved.reducedCosts[index] }))
      .filter(({ reducedCost }) => reducedCost <= cutoff - solved.base);
    if (solved.bound > list.bound) list = { columns: left, base: solved.base, bound: solved.bound };
    if (list.bound > cutoff) return { columns: [], base: list.base, bound: cutoff + 1 };
    cuts = cuts.filter((_, index) => solved.cutMultipliers[index] < -DUAL_ROUNDING);
    const violated = findViolatedCuts(shape, solved.support, cuts);
    if (violated.length === 0) break;
    for (const added of violated) cuts.push(added);
  }
  return list;
}

interface SolvedLp extends LagrangianBound {
  /** Of every column of the list, at least 0 up to rounding. */
  readonly reducedCosts: Float64Array;
  /** At most 0. Shape [numCuts]. */
  readonly cutMultipliers: Float64Array;
  /** The LP solution. */
  readonly support: readonly { experts: readonly number[]; value: number }[];
}

/** Solves the LP over the whole list by column generation from the active columns. */
async function solveWithCuts(
  shape: PartitionShape,
  list: readonly PricedColumn[],
  { cuts, active, deadline }: { cuts: readonly Cut[]; active: readonly Column[]; deadline: number },
): Promise<SolvedLp | undefined> {
  const master = await createMasterLp(shape, cuts);
  try {
    master.add(active);
    const known = new Set(active);
    for (;;) {
      const lp = master.solve();
      if (!lp) return undefined;
      const { multipliers, cutMultipliers } = lp;
      const cutTermOf = createCutTerm(shape, cuts, cutMultipliers);
      const reducedCosts = Float64Array.from(
        list,
        ({ column }) => reducedCostOf(column, multipliers) - cutTermOf(column.experts),
      );
      const entering: PricedColumn[] = [];
      reducedCosts.forEach((reducedCost, index) => {
        const { column } = list[index];
        if (reducedCost < -TOKEN_ROUNDING && !known.has(column)) entering.push({ column, reducedCost });
      });
      if (entering.length === 0 || performance.now() > deadline) {
        const least = smallest(reducedCosts, Infinity);
        const sumOfCuts = sum(cutMultipliers);
        return {
          ...lagrangianBound(multipliers, shape, { least, cuts: sumOfCuts }),
          reducedCosts,
          cutMultipliers,
          support: master.columns
            .map(({ experts }, index) => ({ experts, value: lp.values[index] }))
            .filter(({ value }) => value > LP_FEASIBILITY),
        };
      }
      const chosen = cheapestColumns(entering, COLUMNS_A_STEP);
      for (const column of chosen) known.add(column);
      master.add(chosen);
    }
  } finally {
    master.dispose();
  }
}

/**
 * Makes the function that sums the multipliers of the cuts that a column is in.
 *
 * A cut is seen by each pair of its experts; a column with all three of them is in it once, not thrice, which the
 * table of triples sets right. So a term costs O(slots^3), whatever the number of cuts.
 */
function createCutTerm(
  { numExperts }: PartitionShape,
  cuts: readonly Cut[],
  cutMultipliers: Float64Array,
): (experts: readonly number[]) => number {
  const ofPair = new Float64Array(numExperts ** 2);
  const ofTriple = new Map<number, number>();
  cuts.forEach(([a, b, c], index) => {
    const multiplier = cutMultipliers[index];
    for (const pair of [a * numExperts + b, a * numExperts + c, b * numExperts + c])
      ofPair[pair] += multiplier;
    ofTriple.set((a * numExperts + b) * numExperts + c, -2 * multiplier);
  });
  return (experts) => {
    let term = 0;
    for (let i = 0; i < experts.length; i++) {
      for (let j = 0; j < i; j++) {
        const pair = experts[j] * numExperts + experts[i];
        if (ofPair[pair] === 0) continue;
        term += ofPair[pair];
        // Triples that end above i are met from their own pairs (j, i) with k above.
        for (let k = i + 1; k < experts.length; k++) {
          term += ofTriple.get(pair * numExperts + experts[k]) ?? 0;
        }
      }
    }
    return term;
  };
}

/** The most violated cuts, at most a few to an expert, so that they differ. */
function findViolatedCuts(
  { numExperts: n }: PartitionShape,
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
  const known = new Set(cuts.map(([a, b, c]) => (a * n + b) * n + c));
  const violated: { cut: Cut; violation: number }[] = [];
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      for (let c = b + 1; c < n; c++) {
        const pairs = ofPair[a * n + b] + ofPair[a * n + c] + ofPair[b * n + c];
        if (pairs <= 1 + LEAST_VIOLATION) continue;
        const triple = (a * n + b) * n + c;
        const violation = pairs - 2 * (ofTriple.get(triple) ?? 0) - 1;
        if (violation > LEAST_VIOLATION && !known.has(triple)) violated.push({ cut: [a, b, c], violation });
      }
    }
  }
  violated.sort((a, b) => b.violation - a.violation);
  const uses = new Uint8Array(n);
  const chosen = violated.filter(({ cut }) => {
    if (cut.some((expert) => uses[expert] >= 5)) return false;
    for (const expert of cut) uses[expert]++;
    return true;
  });
  return chosen.slice(0, CUTS_A_ROUND).map(({ cut }) => cut);
}
