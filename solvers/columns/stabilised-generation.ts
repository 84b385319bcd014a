import { LP_FEASIBILITY, TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import { costSharesOf } from "../bounds/cost-shares.js";
import { createBoxedMaster, type BoxedMaster } from "./boxed-master.js";
import { cheapestColumns, type Column, type PricedColumn } from "./column.js";
import type { ColumnModel } from "./column-model.js";
import type { ColumnPool } from "./column-pool.js";
import { createColumnPricer, type ColumnPricer } from "./heuristic-pricing.js";
import { reducedCostOf, type Multipliers } from "./multipliers.js";

/** Half the width of the box, as part of an expert's multiplier. */
const BOX = 0.1;
/** LPs solved at most before the box moves. */
const ROUNDS_A_BOX = 15;
/** Columns that each round begins to improve from. */
const STARTS = 60;
const MOST_NEW_COLUMNS = 300;
/** Columns that a new box begins with at most. */
const FIRST_COLUMNS = 1500;

/** Multipliers under which no known column has a negative reduced cost, and the LP solution that goes with them. */
export interface ConvergedLp {
  readonly multipliers: Multipliers;
  /** The columns that the LP chooses, and how much of each. */
  readonly support: readonly { experts: readonly number[]; weight: number }[];
  /** Whether the LP over the columns known is solved; else boxes were not enough, or the solver failed. */
  readonly isOptimal: boolean;
}

/** Column generation that can be told of more columns and goes on. */
export interface StabilisedGeneration {
  /** The columns known: whoever has others adds them. */
  readonly pool: ColumnPool;
  /** Moves the box up to so many times, or until it holds nothing back. */
  converge(mostBoxes: number, deadline: number): Promise<ConvergedLp>;
}

/**
 * Finds multipliers that (nearly) solve the LP relaxation of set partitioning, where columns are priced by search.
 *
 * Multipliers begin as the cost shares in a good placement and are held in a box around them; when no column is found
 * any more, the box is moved to where they are. Without it the duals of first LPs are any of very many, and most columns that
 * they ask for are of no use: of 256 experts, ten boxes come within 0.01 % of the LP where duals that are only smoothed have
 * not begun to lower it.
 *
 * Source of moving boxes: Marsten, Hogan and Blankenship, The boxstep method for large-scale optimization, Operations Research 23 (1975).
 *
 * @param options.pool Columns to begin with, among them those of the placement; those found are added.
 * @param options.chipletOf Chiplet of every expert in a good placement. Shape [numExperts].
 */
export function startGeneration(
  model: ColumnModel,
  { pool, chipletOf }: { pool: ColumnPool; chipletOf: ArrayLike<number> },
): StabilisedGeneration {
  const pricer = createColumnPricer(model);
  const seeds = [...model.isPinned.keys()].filter((expert) => !model.isPinned[expert]);
  let converged: ConvergedLp = {
    multipliers: { expert: costSharesOf(model.patterns, chipletOf), chiplet: 0 },
    support: [],
    isOptimal: false,
  };
  return {
    pool,
    async converge(mostBoxes, deadline) {
      for (let box = 0; box < mostBoxes; box++) {
        const center = converged.multipliers.expert;
        const width = center.map((multiplier) => BOX * Math.abs(multiplier) + 1);
        const master = await createBoxedMaster(model, { center, width });
        try {
          converged = solveInBox(master, { pool, pricer, seeds, converged, deadline });
        } finally {
          master.dispose();
        }
        if (converged.isOptimal || performance.now() >= deadline) break;
      }
      return converged;
    },
  };
}

interface BoxState {
  readonly pool: ColumnPool;
  readonly pricer: ColumnPricer;
  /** Experts from which columns can be grown. */
  readonly seeds: readonly number[];
  readonly converged: ConvergedLp;
  readonly deadline: number;
}

/** Adds columns until no more are found. */
function solveInBox(
  master: BoxedMaster,
  { pool, pricer, seeds, converged, deadline }: BoxState,
): ConvergedLp {
  const columns: Column[] = [];
  const known = new Set<Column>();
  const add = (added: readonly Column[]) => {
    master.add(added);
    for (const column of added) {
      columns.push(column);
      known.add(column);
    }
  };
  add(cheapestColumns(price(pool.columns, converged.multipliers), FIRST_COLUMNS));
  let latest = converged;
  for (let round = 0; round < ROUNDS_A_BOX; round++) {
    const lp = master.solve();
    if (!lp) return latest;
    const { multipliers, values } = lp;
    const priced = price(pool.columns, multipliers);
    const enter = (found: Column) => {
      if (pool.add(found)) priced.push({ column: found, reducedCost: reducedCostOf(found, multipliers) });
    };
    const listEntering = () =>
      priced.filter(({ column, reducedCost }) => reducedCost < -TOKEN_ROUNDING && !known.has(column));
    for (const column of cheapestColumns(priced, STARTS)) enter(pricer.improve(column, multipliers));
    let entering = listEntering();
    // What is improved is near what the LP has; where that yields nothing, columns are grown from every expert.
    if (entering.length === 0) {
      for (const expert of seeds) enter(pricer.grow(expert, multipliers));
      entering = listEntering();
    }
    latest = {
      multipliers,
      support: columns.flatMap(({ experts }, index) =>
        values[index] > LP_FEASIBILITY ? [{ experts, weight: values[index] }] : [],
      ),
      isOptimal: lp.isFree && entering.length === 0,
    };
    if (entering.length === 0 || performance.now() >= deadline) break;
    add(cheapestColumns(entering, MOST_NEW_COLUMNS));
  }
  return latest;
}

function price(columns: readonly Column[], multipliers: Multipliers): PricedColumn[] {
  return columns.map((column) => ({ column, reducedCost: reducedCostOf(column, multipliers) }));
}
