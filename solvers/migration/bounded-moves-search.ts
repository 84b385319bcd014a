import type { MigrationBudget } from "../../lib/placement/migration.js";
import { chipletOfExperts, expertsOfChiplets, type Chiplets } from "../../lib/placement/placement.js";
import { timeLeft } from "../../lib/placement/solver.js";
import type { Random } from "../../lib/random.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { createAdmissibility } from "../constraints/violations.js";
import { BoundedMoves } from "./bounded-moves-state.js";
import { keyOf, recombineBoundedMoves, type PlacedColumn } from "./bounded-moves-model.js";

/** Kicks of the search from each start, on up to 64 slots; fewer on more, where a kick takes longer. */
const KICKS = 200;
/** Swaps of a kick for each occupant: enough to leave the valley to which the way back into the budget would lead again. */
const SWAPS_PER_OCCUPANT = 0.2;
/** A kicked and descended placement is gone on from if it costs at most this much more than the best. */
const ACCEPTED_LOSS = 0.01;

/** Options of {@link searchBoundedMoves}. */
export interface BoundedMovesOptions extends MigrationBudget {
  readonly random: Random;
  /** Only descend from every start: a user waits. */
  readonly isHurried: boolean;
  /** When to stop, on the clock of `performance.now()`; every start is gone down from before. */
  readonly deadline: number;
  /** Told of every better placement that is found. */
  readonly onBetter?: (chiplets: Chiplets) => void;
}

/**
 * Searches for the best placement without replicas among those within some moves of a running one.
 *
 * Iterated local search from every start, whose experts first go back for as long as too many are away, those that cost
 * least before others. Then set partitioning over all chiplet columns met on the way.
 *
 * @param options.running Without replicas, within the slots.
 * @param starts Placements within the slots; those that break a limit are left out.
 * @returns Undefined where no start led to an admissible placement within the migration budget.
 */
export async function searchBoundedMoves(
  model: ConstraintModel,
  starts: readonly Chiplets[],
  options: BoundedMovesOptions,
): Promise<Chiplets | undefined> {
  const { running, maxMoves, random, isHurried, deadline, onBetter } = options;
  const isAdmissible = createAdmissibility(model);
  const moves = new BoundedMoves(model, running, maxMoves);
  const numOccupants = model.numChiplets * model.slotsPerChiplet;
  const swapsPerKick = Math.ceil(SWAPS_PER_OCCUPANT * numOccupants);
  const kicks = isHurried ? 0 : Math.ceil(KICKS * Math.min(1, Math.sqrt(64 / numOccupants)));
  const pool = new Map<string, PlacedColumn>();
  let best: PlacedColumn[] | undefined;
  let leastTokenCopies = Infinity;
  const keep = () => {
    const columns = moves.columns();
    for (const column of columns) pool.set(keyOf(column), column);
    if (moves.tokenCopies >= leastTokenCopies) return;
    leastTokenCopies = moves.tokenCopies;
    best = columns;
    onBetter?.(placementOf(model, columns));
  };
  for (const start of starts) {
    const chipletOf = chipletOfExperts(start, model.numExperts);
    if (!isAdmissible(chipletOf)) continue;
    moves.assign(chipletOf);
    if (!moves.retreat()) continue;
    moves.descend();
    keep();
    for (let kick = 0; kick < kicks && performance.now() < deadline; kick++) {
      moves.save();
      moves.kick(random, swapsPerKick);
      if (moves.retreat()) {
        moves.descend();
        keep();
        if (moves.tokenCopies <= leastTokenCopies * (1 + ACCEPTED_LOSS)) continue;
      }
      moves.restore();
    }
  }
  if (!best) return undefined;
  const found = placementOf(model, best);
  if (isHurried || performance.now() >= deadline) return found;
  const chosen = await recombineBoundedMoves(model, [...pool.values()], {
    maxMoves,
    incumbent: best,
    ...timeLeft(deadline),
  });
  const recombined = placementOf(model, chosen);
  // Limits of chiplet groups are not in the model, so the choice may break one; the search keeps them all.
  return isAdmissible(chipletOfExperts(recombined, model.numExperts)) ? recombined : found;
}

function placementOf(
  { numExperts, numChiplets }: ConstraintModel,
  columns: readonly PlacedColumn[],
): Chiplets {
  const chipletOf = new Uint16Array(numExperts);
  for (const { chiplet, experts } of columns) for (const expert of experts) chipletOf[expert] = chiplet;
  return expertsOfChiplets(chipletOf, numChiplets);
}
