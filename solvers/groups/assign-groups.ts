import { countTokenCopies } from "../../lib/placement/cost.js";
import { chipletOfExperts } from "../../lib/placement/placement.js";
import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { smallest } from "../../lib/statistics.js";
import { quotientPatterns } from "../../lib/trace/token-patterns.js";
import { columnModelOf } from "../columns/admissible-columns.js";
import type { Column } from "../columns/column.js";
import { countColumns, createColumnTable } from "../columns/column-table.js";
import { zeroMultipliers } from "../columns/multipliers.js";
import { choosePartition } from "../columns/partition-model.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { startSearch, type SearchBudget } from "../search/iterated-local-search.js";
import { swapModelOf } from "../search/swap-model.js";

const GROUP_SEARCH: SearchBudget = { starts: 10, restarts: 2, kicks: 40 };
/** Groups of chiplets that are enumerated for a proof: 4 out of 16 are 1,820. */
const MOST_ENUMERATED = 20_000;
/** Simplex iterations of the integer programme, the budget that makes its answer the same on every machine. */
const MAX_ITERATIONS = 200_000;

/** What of a solver's options concerns the assignment of groups. */
export interface GroupOptions extends Pick<SolverOptions, "seed" | "backends"> {
  /** Keeps the random numbers of layers apart. */
  readonly layer: number;
  readonly timeLimitMs?: number | undefined;
}

/** An assignment of chiplet sets to chiplet groups. */
export interface GroupAssignment {
  /** Chiplet group of every chiplet set. Shape [numChiplets]. */
  readonly groupOf: ArrayLike<number>;
  readonly proved: {
    readonly status: "optimal" | "feasible";
    readonly cost: number;
    readonly bound?: number;
  };
}

/**
 * Assigns sets of experts, a chiplet each, to chiplet groups for the least C_G within the constraints on groups.
 *
 * @returns Undefined where none was found.
 */
export async function assignGroups(
  model: ConstraintModel,
  chipletSets: readonly (readonly number[])[],
  { seed, layer, backends, timeLimitMs }: GroupOptions,
): Promise<GroupAssignment | undefined> {
  const quotient = poseGroups(model, chipletSets);
  const search = startSearch(swapModelOf(quotient, layer), {
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
  const columnModel = columnModelOf(quotient);
  const all: Column[] = [];
  createColumnTable(columnModel).walk(zeroMultipliers(columnModel), Infinity, (group, tokens) => {
    all.push({ experts: [...group], tokens });
  });
  const choice = await choosePartition(columnModel, all, {
    backend: backends.groups,
    incumbent: best && search.columnsOf(best),
    maxIterations: MAX_ITERATIONS,
    timeLimitMs,
  });
  if (!choice) return undefined;
  const groups = choice.columns.map(({ experts }) => experts);
  return answer(groupsInOrder(quotient, groups), choice.bound !== undefined);
}

/** Poses the assignment of chiplet sets to chiplet groups as a placement of its own: what groups keep, its chiplets keep. */
function poseGroups(
  { patterns, numExperts, numChiplets, chipletsPerGroup, pins, constraints }: ConstraintModel,
  chipletSets: readonly (readonly number[])[],
): ConstraintModel {
  const setOf = chipletOfExperts(chipletSets, numExperts);
  const pinnedTo = new Map(
    pins.map(({ expert, chiplet }) => [setOf[expert], groupOfChiplet(chiplet, chipletsPerGroup)]),
  );
  return {
    numExperts: numChiplets,
    numChiplets: numChiplets / chipletsPerGroup,
    chipletsPerGroup: 1,
    slotsPerChiplet: chipletsPerGroup,
    patterns: quotientPatterns(patterns, setOf, numChiplets),
    pins: [...pinnedTo].map(([expert, chiplet]) => ({ expert, chiplet })),
    constraints: constraints
      .filter(({ scope }) => scope === "group")
      .map((constraint) => ({
        ...constraint,
        weight: Float64Array.from(chipletSets, (experts) => sumOf(constraint.weight, experts)),
      })),
  };
}

/** Numbers chosen groups: those with pinned chiplet sets as pinned, the others by their first set. */
function groupsInOrder(
  { numExperts, numChiplets, pins }: ConstraintModel,
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
export function orderChiplets(
  { numChiplets, chipletsPerGroup, pins }: Pick<ConstraintModel, "numChiplets" | "chipletsPerGroup" | "pins">,
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
