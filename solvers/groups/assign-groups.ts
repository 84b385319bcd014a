import { countTokenCopies } from "../../lib/placement/cost.js";
import { chipletOfExperts, type Solution, type StoppedBy } from "../../lib/placement/placement.js";
import { NO_LIMITS } from "../../lib/placement/constraints.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { quotientPatterns } from "../../lib/trace/token-patterns.js";
import { balanceLoads } from "./partition-loads.js";
import { columnModelOf } from "../columns/admissible-columns.js";
import { sumTokens, type Column } from "../columns/column.js";
import { countColumns, createColumnTable } from "../columns/column-table.js";
import { zeroMultipliers } from "../columns/multipliers.js";
import { startSearch, type SearchBudget } from "../search/iterated-local-search.js";
import { swapModelOf } from "../search/swap-model.js";
import { choosePartition } from "../columns/partition-model.js";

/** Load of a chiplet group over the mean that a smaller C_G may cost. */
const GROUP_LOAD_MAX_OVER_MEAN = 1.1;
const GROUP_SEARCH: SearchBudget = { starts: 10, restarts: 2, kicks: 40 };
/** Groups of chiplets that are enumerated for a proof: 4 out of 16 are 1,820. */
const MOST_ENUMERATED = 20_000;
/** A net under javascript-lp-solver, which may never come back; what it is given here takes it a second at worst. */
const GROUP_TIME_LIMIT_MS = 20_000;

/** What a solver knows of the columns it hands over. */
export interface ColumnsClaim extends SolverOptions {
  readonly stoppedBy: StoppedBy;
  /** Proved: no admissible choice of columns sums to fewer tokens. */
  readonly tokensBound?: number;
}

/**
 * Assigns columns to chiplet groups, and so to chiplets, and answers with what was proved.
 *
 * The groups are chosen for the least C_G among assignments in which no group's load is above 1.1 times the mean, or
 * above that of the most balanced assignment where this is more. It is the placement problem again, with columns for
 * experts and chiplet groups for chiplets: searched, then settled by set partitioning over all groups where these are
 * few enough to enumerate. `groups.bound` is a bound for these columns under that cap.
 *
 * @returns Undecided where no assignment within the limits of chiplet groups was found.
 */
export async function placeColumns(
  problem: PlacementProblem,
  columns: readonly Column[],
  { tokensBound, stoppedBy, ...options }: ColumnsClaim,
): Promise<Solution> {
  const { numTokens } = problem.patterns;
  const { numChiplets, chipletsPerGroup } = problem;
  // Empty chiplets are columns too, once there is a chiplet to choose for them.
  const units = Array.from({ length: numChiplets }, (_, unit) => columns.at(unit)?.experts ?? []);
  const tokens = sumTokens(columns);
  // With one chiplet group, or one a chiplet, there is nothing to assign: any chiplet will do.
  const hasGroups = chipletsPerGroup > 1 && chipletsPerGroup < numChiplets;
  const assigned = hasGroups ? await assignGroups(problem, units, options) : undefined;
  if (hasGroups && !assigned) return { status: "undecided", stoppedBy };
  const chiplets = assigned
    ? orderChiplets(problem, units, assigned.groupOf)
    : orderChiplets({ ...problem, chipletsPerGroup: numChiplets }, units, new Uint16Array(numChiplets));
  return {
    status: tokensBound !== undefined && tokensBound >= tokens ? "optimal" : "feasible",
    chiplets,
    cost: tokens / numTokens,
    ...(tokensBound !== undefined && { bound: Math.min(tokensBound, tokens) / numTokens }),
    ...(assigned && { groups: assigned.proved }),
    stoppedBy,
  };
}

interface GroupAssignment {
  /** Chiplet group of every unit. Shape [numChiplets]. */
  readonly groupOf: ArrayLike<number>;
  readonly proved: {
    readonly status: "optimal" | "feasible";
    readonly cost: number;
    readonly bound?: number;
  };
}

async function assignGroups(
  problem: PlacementProblem,
  units: readonly (readonly number[])[],
  options: SolverOptions,
): Promise<GroupAssignment | undefined> {
  const { chipletsPerGroup } = problem;
  const balanced = balanceLoads(
    units.map((experts) => sumOf(problem.load, experts)),
    chipletsPerGroup,
  );
  const capped = groupProblem(problem, units, balanced);
  const answer = (quotient: PlacementProblem, groupOf: ArrayLike<number>, isProved: boolean) => {
    const cost = countTokenCopies(quotient.patterns, groupOf) / quotient.patterns.numTokens;
    const proved = isProved
      ? { status: "optimal" as const, cost, bound: cost }
      : { status: "feasible" as const, cost };
    return { groupOf, proved };
  };
  const uncapped = { ...capped, limits: { ...capped.limits, chipletLoad: Infinity } };
  for (const quotient of [capped, uncapped]) {
    const search = startSearch(swapModelOf(quotient), { seed: options.seed });
    const best = search.run(GROUP_SEARCH);
    if (!best) continue;
    if (countColumns(quotient) > MOST_ENUMERATED) return answer(quotient, best, false);
    const model = columnModelOf(quotient);
    const all: Column[] = [];
    createColumnTable(model).walk(zeroMultipliers(model), Infinity, (group, tokens) => {
      all.push({ experts: [...group], tokens });
    });
    const choice = await choosePartition(model, all, {
      backend: options.backends.groups,
      incumbent: search.columnsOf(best),
      timeLimitMs: Math.min(GROUP_TIME_LIMIT_MS, options.timeLimitMs ?? Infinity),
    });
    const groups = (choice?.columns ?? search.columnsOf(best)).map(({ experts }) => experts);
    return answer(quotient, groupsInOrder(quotient, groups), choice?.bound !== undefined);
  }
  return undefined;
}

/** Poses the assignment of units to chiplet groups as a placement problem of its own. */
function groupProblem(
  problem: PlacementProblem,
  units: readonly (readonly number[])[],
  balanced: readonly (readonly number[])[],
): PlacementProblem {
  const { numExperts, numChiplets, chipletsPerGroup, limits, load, expertBytes, pins } = problem;
  const unitOf = chipletOfExperts(units, numExperts);
  const unitLoad = Float64Array.from(units, (experts) => sumOf(load, experts));
  const mean = sumOf(unitLoad, units.keys()) / balanced.length;
  const balancedLoad = Math.max(...balanced.map((members) => sumOf(unitLoad, members)));
  return {
    layer: problem.layer,
    numExperts: numChiplets,
    numChiplets: numChiplets / chipletsPerGroup,
    chipletsPerGroup: 1,
    slotsPerChiplet: chipletsPerGroup,
    numReplicas: 0,
    dispatch: problem.dispatch,
    patterns: quotientPatterns(problem.patterns, unitOf, numChiplets),
    load: unitLoad,
    expertBytes: Float64Array.from(units, (experts) => sumOf(expertBytes, experts)),
    limits: {
      ...NO_LIMITS,
      groupBytes: limits.groupBytes,
      chipletTokens: limits.groupTokens,
      chipletLoad: Math.max(balancedLoad, GROUP_LOAD_MAX_OVER_MEAN * mean),
    },
    pins: pins.map(({ expert, chiplet }) => ({
      expert: unitOf[expert],
      chiplet: Math.floor(chiplet / chipletsPerGroup),
    })),
    antiAffinity: [],
  };
}

/** Numbers chosen groups: those with pinned units as pinned, the others by their first unit. */
function groupsInOrder(
  { numExperts, numChiplets, pins }: PlacementProblem,
  groups: readonly (readonly number[])[],
) {
  const groupOf = new Uint16Array(numExperts);
  const incumbents = groups.map((units) => pins.find(({ expert }) => units.includes(expert))?.chiplet);
  const free = [...Array(numChiplets).keys()].filter((group) => !incumbents.includes(group));
  groups.forEach((units, index) => {
    const home = incumbents[index] ?? free.shift() ?? 0;
    for (const unit of units) groupOf[unit] = home;
  });
  return groupOf;
}

/** Gives every unit a chiplet of its chiplet group: the pinned ones theirs, the others by their first expert. */
function orderChiplets(
  { numChiplets, chipletsPerGroup, pins }: PlacementProblem,
  units: readonly (readonly number[])[],
  groupOf: ArrayLike<number>,
): number[][] {
  const chiplets = Array.from({ length: numChiplets }, (): number[] | undefined => undefined);
  const seat = (experts: readonly number[], chiplet: number) => {
    chiplets[chiplet] = [...experts].sort((one, other) => one - other);
  };
  const isFree = units.map((experts) => {
    const pin = pins.find(({ expert }) => experts.includes(expert));
    if (pin) seat(experts, pin.chiplet);
    return pin === undefined;
  });
  const firstOf = (unit: number) => Math.min(Infinity, ...units[unit]);
  const inOrder = [...units.keys()].sort((one, other) => firstOf(one) - firstOf(other) || one - other);
  for (const unit of inOrder) {
    if (!isFree[unit]) continue;
    let chiplet = groupOf[unit] * chipletsPerGroup;
    while (chiplets[chiplet]) chiplet++;
    seat(units[unit], chiplet);
  }
  return chiplets.map((experts) => experts ?? []);
}

function sumOf(values: Float64Array, indices: Iterable<number>): number {
  let sum = 0;
  for (const index of indices) sum += values[index];
  return sum;
}
