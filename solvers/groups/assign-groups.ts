import { countTokenCopies } from "../../lib/placement/cost.js";
import {
  chipletOfExperts,
  type Chiplets,
  type Solution,
  type StoppedBy,
} from "../../lib/placement/placement.js";
import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import { constraintsOf, limitsOfScope } from "../../lib/placement/constraints.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { quotientPatterns } from "../../lib/trace/token-patterns.js";
import { regroupByLoad } from "./balance-groups.js";
import { columnModelOf } from "../columns/admissible-columns.js";
import { sumTokens, type Column } from "../columns/column.js";
import { countColumns, createColumnTable } from "../columns/column-table.js";
import { zeroMultipliers } from "../columns/multipliers.js";
import { startSearch, type SearchBudget } from "../search/iterated-local-search.js";
import { swapModelOf } from "../search/swap-model.js";
import { choosePartition } from "../columns/partition-model.js";
import { largest, smallest } from "../../lib/statistics.js";

const GROUP_SEARCH: SearchBudget = { starts: 10, restarts: 2, kicks: 40 };
/** Groups of chiplets that are enumerated for a proof: 4 out of 16 are 1,820. */
const MOST_ENUMERATED = 20_000;
/** Simplex iterations of the integer programme, the budget that makes its answer the same on every machine. */
const MAX_ITERATIONS = 200_000;

/** What a solver knows of the columns it hands over. */
export interface ColumnsClaim extends SolverOptions {
  readonly stoppedBy: StoppedBy;
  /** Proved: no admissible choice of columns sums to fewer tokens. */
  readonly tokensBound?: number;
}

/**
 * Assigns columns to chiplet groups, and so to chiplets, and answers with what was proved.
 *
 * The groups are chosen for the least C_G within the problem's limits on chiplet groups. It is the placement problem
 * again, with columns for experts and chiplet groups for chiplets: searched, then settled by set partitioning over all
 * groups where these are few enough to enumerate. `groups.bound` is a bound for these columns under those limits; how
 * evenly groups are loaded is free unless `limits.groupLoad` says otherwise.
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
  const chipletSets = Array.from({ length: numChiplets }, (_, set) => columns.at(set)?.experts ?? []);
  const tokens = sumTokens(columns);
  // With one chiplet group, or one a chiplet, there is nothing to assign: any chiplet will do.
  const hasGroups = chipletsPerGroup > 1 && chipletsPerGroup < numChiplets;
  const assigned = hasGroups ? await assignGroups(problem, chipletSets, options) : undefined;
  if (hasGroups && !assigned) return { status: "undecided", stoppedBy };
  const chiplets = assigned
    ? orderChiplets(problem, chipletSets, assigned.groupOf)
    : orderChiplets({ ...problem, chipletsPerGroup: numChiplets }, chipletSets, new Uint16Array(numChiplets));
  return {
    status: tokensBound !== undefined && tokensBound >= tokens ? "optimal" : "feasible",
    chiplets,
    cost: tokens / numTokens,
    ...(tokensBound !== undefined && { bound: Math.min(tokensBound, tokens) / numTokens }),
    ...(assigned && { groups: assigned.proved }),
    stoppedBy,
  };
}

/**
 * Assigns the columns of a placement without replicas to chiplet groups anew, for the least C_G among assignments in
 * which no group's load is above `maxOverMean` times the mean, or above that of the most even assignment known.
 *
 * @returns Undefined where none was found that keeps the limits too.
 */
export async function regroupUnderLoad(
  problem: PlacementProblem,
  chiplets: Chiplets,
  { maxOverMean, ...options }: SolverOptions & { readonly maxOverMean: number },
): Promise<Chiplets | undefined> {
  const { chipletsPerGroup, limits } = problem;
  const even = regroupByLoad(problem, chiplets).map((experts) => sumOf(problem.load, experts));
  const groupLoads = new Float64Array(problem.numChiplets / chipletsPerGroup);
  even.forEach((load, chiplet) => (groupLoads[groupOfChiplet(chiplet, chipletsPerGroup)] += load));
  const mean = sumOf(groupLoads, groupLoads.keys()) / groupLoads.length;
  const groupLoad = Math.min(limits.groupLoad, largest(groupLoads, maxOverMean * mean));
  const capped = { ...problem, limits: { ...limits, groupLoad } };
  const assigned = await assignGroups(capped, chiplets, options);
  return assigned && orderChiplets(problem, chiplets, assigned.groupOf);
}

interface GroupAssignment {
  /** Chiplet group of every chiplet set. Shape [numChiplets]. */
  readonly groupOf: ArrayLike<number>;
  readonly proved: {
    readonly status: "optimal" | "feasible";
    readonly cost: number;
    readonly bound?: number;
  };
}

async function assignGroups(
  problem: PlacementProblem,
  chipletSets: readonly (readonly number[])[],
  { seed, backends, timeLimitMs }: SolverOptions,
): Promise<GroupAssignment | undefined> {
  const quotient = poseGroups(problem, chipletSets);
  const search = startSearch(swapModelOf(quotient), {
    seed,
    ...(timeLimitMs !== undefined && { timeLimitMs }),
  });
  const best = search.run(GROUP_SEARCH);
  const answer = (groupOf: ArrayLike<number>, isProved: boolean) => {
    const cost = countTokenCopies(quotient.patterns, groupOf) / quotient.patterns.numTokens;
    const proved = isProved
      ? { status: "optimal" as const, cost, bound: cost }
      : { status: "feasible" as const, cost };
    return { groupOf, proved };
  };
  if (countColumns(quotient) > MOST_ENUMERATED) return best && answer(best, false);
  const model = columnModelOf(quotient);
  const all: Column[] = [];
  createColumnTable(model).walk(zeroMultipliers(model), Infinity, (group, tokens) => {
    all.push({ experts: [...group], tokens });
  });
  const choice = await choosePartition(model, all, {
    backend: backends.groups,
    incumbent: best && search.columnsOf(best),
    maxIterations: MAX_ITERATIONS,
    timeLimitMs,
  });
  if (!choice) return undefined;
  const groups = choice.columns.map(({ experts }) => experts);
  return answer(groupsInOrder(quotient, groups), choice.bound !== undefined);
}

/** Poses the assignment of chiplet sets to chiplet groups as a placement problem of its own: what groups keep, its chiplets keep. */
function poseGroups(
  problem: PlacementProblem,
  chipletSets: readonly (readonly number[])[],
): PlacementProblem {
  const { numExperts, numChiplets, chipletsPerGroup, pins } = problem;
  const setOf = chipletOfExperts(chipletSets, numExperts);
  const pinnedTo = new Map(
    pins.map(({ expert, chiplet }) => [setOf[expert], groupOfChiplet(chiplet, chipletsPerGroup)]),
  );
  const summed = (weight: Float64Array) =>
    Float64Array.from(chipletSets, (experts) => sumOf(weight, experts));
  const limits = limitsOfScope(problem.limits, "group");
  return {
    ...problem,
    numExperts: numChiplets,
    numChiplets: numChiplets / chipletsPerGroup,
    chipletsPerGroup: 1,
    slotsPerChiplet: chipletsPerGroup,
    patterns: quotientPatterns(problem.patterns, setOf, numChiplets),
    load: summed(problem.load),
    expertBytes: summed(problem.expertBytes),
    weights: Object.fromEntries(
      constraintsOf({ ...problem, limits, antiAffinity: [] }).map(({ name, weight }) => [
        name,
        summed(weight),
      ]),
    ),
    limits,
    pins: [...pinnedTo].map(([expert, chiplet]) => ({ expert, chiplet })),
    antiAffinity: [],
  };
}

/** Numbers chosen groups: those with pinned chiplet sets as pinned, the others by their first set. */
function groupsInOrder(
  { numExperts, numChiplets, pins }: PlacementProblem,
  groups: readonly (readonly number[])[],
) {
  const groupOf = new Uint16Array(numExperts);
  const pinnedTo = groups.map(
    (chipletSets) => pins.find(({ expert }) => chipletSets.includes(expert))?.chiplet,
  );
  const free = [...Array(numChiplets).keys()].filter((group) => !pinnedTo.includes(group));
  groups.forEach((chipletSets, index) => {
    const number = pinnedTo[index] ?? free.shift() ?? 0;
    for (const set of chipletSets) groupOf[set] = number;
  });
  return groupOf;
}

/** Gives every chiplet set a chiplet of its chiplet group: the pinned ones theirs, the others by their first expert. */
function orderChiplets(
  { numChiplets, chipletsPerGroup, pins }: PlacementProblem,
  chipletSets: readonly (readonly number[])[],
  groupOf: ArrayLike<number>,
): number[][] {
  const chiplets = Array.from({ length: numChiplets }, (): number[] | undefined => undefined);
  const place = (experts: readonly number[], chiplet: number) => {
    chiplets[chiplet] = [...experts].sort((a, b) => a - b);
  };
  const isFree = chipletSets.map((experts) => {
    const pin = pins.find(({ expert }) => experts.includes(expert));
    if (pin) place(experts, pin.chiplet);
    return pin === undefined;
  });
  const firstOf = (set: number) => smallest(chipletSets[set], Infinity);
  const inOrder = [...chipletSets.keys()].sort((a, b) => firstOf(a) - firstOf(b) || a - b);
  for (const set of inOrder) {
    if (!isFree[set]) continue;
    let chiplet = groupOf[set] * chipletsPerGroup;
    while (chiplets[chiplet]) chiplet++;
    place(chipletSets[set], chiplet);
  }
  return chiplets.map((experts) => experts ?? []);
}

function sumOf(values: Float64Array, indices: Iterable<number>): number {
  let sum = 0;
  for (const index of indices) sum += values[index];
  return sum;
}
