import type { Solution, StoppedBy } from "../../lib/placement/placement.js";
import { sumTokens, type Column } from "../columns/column.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { assignGroups, orderChiplets, type GroupOptions } from "./assign-groups.js";

/** What a solver knows of the columns it hands over. */
export interface ColumnsClaim extends GroupOptions {
  readonly stoppedBy: StoppedBy;
  /** Proved: no admissible choice of columns sums to fewer tokens. */
  readonly tokensBound?: number;
}

/**
 * Assigns columns to chiplet groups, and so to chiplets, and answers with what was proved.
 *
 * The groups are chosen for the least C_G within the limits on chiplet groups. It is the placement problem
 * again, with columns for experts and chiplet groups for chiplets: searched, then settled by set partitioning over all
 * groups where these are few enough to enumerate. `groups.bound` is a bound for these columns under those limits; how
 * evenly groups are loaded is free unless `limits.groupLoad` says otherwise.
 *
 * @returns Undecided where no assignment within the limits of chiplet groups was found.
 */
export async function placeColumns(
  model: ConstraintModel,
  columns: readonly Column[],
  { tokensBound, stoppedBy, ...options }: ColumnsClaim,
): Promise<Solution> {
  const { numTokens } = model.patterns;
  const { numChiplets, chipletsPerGroup } = model;
  // Empty chiplets are columns too, once there is a chiplet to choose for them.
  const chipletSets = Array.from({ length: numChiplets }, (_, set) => columns.at(set)?.experts ?? []);
  const tokens = sumTokens(columns);
  // With one chiplet group, or one a chiplet, there is nothing to assign: any chiplet will do.
  const hasGroups = chipletsPerGroup > 1 && chipletsPerGroup < numChiplets;
  const assigned = hasGroups ? await assignGroups(model, chipletSets, options) : undefined;
  if (hasGroups && !assigned) return { status: "undecided", stoppedBy };
  const chiplets = assigned
    ? orderChiplets(model, chipletSets, assigned.groupOf)
    : orderChiplets({ ...model, chipletsPerGroup: numChiplets }, chipletSets, new Uint16Array(numChiplets));
  return {
    status: tokensBound !== undefined && tokensBound >= tokens ? "optimal" : "feasible",
    chiplets,
    cost: tokens / numTokens,
    ...(tokensBound !== undefined && { bound: Math.min(tokensBound, tokens) / numTokens }),
    ...(assigned && { groups: assigned.proved }),
    stoppedBy,
  };
}
