import { LP_FEASIBILITY } from "../../lib/placement/tolerance.js";
import { createLpSession } from "../milp/lp-session.js";
import type { Column } from "./column.js";
import type { PartitionShape } from "./column-model.js";
import { partitionRows, rowsOfColumn, sparseColumns } from "./master-lp.js";
import type { Multipliers } from "./multipliers.js";

/** An optimal solution of a boxed master. */
export interface BoxedSolution {
  readonly multipliers: Multipliers;
  /** How much of each column is chosen, in the order in which they were added. */
  readonly values: Float64Array;
  /** Whether the box does not hold the multipliers back: then they are those of the LP without it. */
  readonly isFree: boolean;
}

/** The LP relaxation of set partitioning with multipliers of experts held near a center. */
export interface BoxedMaster {
  add(columns: readonly Column[]): void;
  /** Solves from the last basis; undefined where the LP solver failed. */
  solve(): BoxedSolution | undefined;
  dispose(): void;
}

/**
 * Makes a master LP whose multipliers of experts are held within `width` of `center`, at a price.
 *
 * Every row gets two slack columns, which cost what the box allows: a multiplier above it is taken by the one, a multiplier below it
 * by the other. Each is used once at most, so that the LP is bounded wherever the box is.
 *
 * Source: du Merle, Villeneuve, Desrosiers and Hansen, Stabilized column generation, Discrete Mathematics 194 (1999).
 *
 * @param box.center Shape [numExperts].
 * @param box.width At least 0. Shape [numExperts].
 */
export async function createBoxedMaster(
  shape: PartitionShape,
  { center, width }: { center: Float64Array; width: Float64Array },
): Promise<BoxedMaster> {
  const { numExperts } = shape;
  const rows = partitionRows(shape);
  const hasChipletRow = rows.rowLower.length > numExperts;
  const session = await createLpSession(rows);
  const numSlacks = 2 * numExperts;
  session.addColumns({
    cost: Float64Array.from({ length: numSlacks }, (_, slack) => {
      const expert = slack >> 1;
      return slack % 2 === 0 ? center[expert] + width[expert] : width[expert] - center[expert];
    }),
    lower: new Float64Array(numSlacks),
    upper: new Float64Array(numSlacks).fill(1),
    starts: Int32Array.from({ length: numSlacks + 1 }, (_, slack) => slack),
    indices: Int32Array.from({ length: numSlacks }, (_, slack) => slack >> 1),
    values: Float64Array.from({ length: numSlacks }, (_, slack) => (slack % 2 === 0 ? 1 : -1)),
  });
  return {
    add(columns) {
      const rowsOf = (experts: readonly number[]) => rowsOfColumn(shape, experts);
      session.addColumns(sparseColumns(columns, { rowsOf, upper: Infinity }));
    },
    solve() {
      const lp = session.solve();
      return (
        lp && {
          multipliers: {
            expert: lp.rowDuals.slice(0, numExperts),
            // A multiplier above 0 of a row with an upper bound can only be rounding.
            chiplet: hasChipletRow ? Math.min(0, lp.rowDuals[numExperts]) : 0,
          },
          values: lp.values.slice(numSlacks),
          isFree: lp.values.subarray(0, numSlacks).every((value) => value <= LP_FEASIBILITY),
        }
      );
    },
    dispose() {
      session.dispose();
    },
  };
}
