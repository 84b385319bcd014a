import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import type { Random } from "../../lib/random.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { createLimitGauge } from "../constraints/violations.js";
import { EMPTY, type ReplicaSlots, type SlotChange } from "./replica-slots.js";

/** Orders of the experts that are tried. */
const MOST_TRIES = 50;

/** Options of {@link separateReplicas}. */
export interface SeparationOptions {
  /** Fewest chiplet groups in which each expert is to be. */
  readonly groupsPerExpert: number;
  /** Shape [numExperts]. */
  readonly load: Float64Array;
  readonly random: Random;
}

/**
 * Gives experts further replicas until each is in as many chiplet groups as `groupsPerExpert` asks for.
 *
 * Each goes to the group with most free slots that lacks it, on the chiplet with most free slots that keeps what chiplets
 * and groups may hold; heaviest experts first, then in other orders.
 *
 * @param begun Holds every expert, and respects pins and all constraints on what is held.
 * @returns Undefined where no order led to one, which proves nothing.
 */
export function separateReplicas(
  model: ConstraintModel,
  begun: Chiplets,
  { groupsPerExpert, load, random }: SeparationOptions,
): Chiplets | undefined {
  const heaviestFirst = Uint16Array.from({ length: model.numExperts }, (_, expert) => expert).sort(
    (a, b) => load[b] - load[a] || a - b,
  );
  let order = heaviestFirst;
  for (let tried = 0; tried < MOST_TRIES; tried++) {
    const separated = separateInOrder(model, begun, { order, groupsPerExpert });
    if (separated) return separated;
    order = random.shuffle(order.slice());
  }
  return undefined;
}

function separateInOrder(
  model: ConstraintModel,
  begun: Chiplets,
  { order, groupsPerExpert }: { order: ArrayLike<number>; groupsPerExpert: number },
): number[][] | undefined {
  const { chipletsPerGroup, slotsPerChiplet } = model;
  const chiplets = begun.map((experts) => [...experts]);
  const keepsHeld = createHeldTest(model, chiplets);
  const groupOf = (chiplet: number) => groupOfChiplet(chiplet, chipletsPerGroup);
  const freeOn = (chiplet: number) => slotsPerChiplet - chiplets[chiplet].length;
  const freeIn = (group: number) =>
    chiplets.reduce((sum, _, chiplet) => sum + (groupOf(chiplet) === group ? freeOn(chiplet) : 0), 0);
  for (const expert of Array.from(order)) {
    const groups = new Set(
      [...chiplets.keys()].filter((chiplet) => chiplets[chiplet].includes(expert)).map(groupOf),
    );
    while (groups.size < groupsPerExpert) {
      const best = [...chiplets.keys()]
        .filter(
          (chiplet) => !groups.has(groupOf(chiplet)) && freeOn(chiplet) > 0 && keepsHeld(chiplet, expert),
        )
        .sort((a, b) => freeIn(groupOf(b)) - freeIn(groupOf(a)) || freeOn(b) - freeOn(a) || a - b)
        .at(0);
      if (best === undefined) return undefined;
      chiplets[best].push(expert);
      groups.add(groupOf(best));
    }
  }
  return chiplets.map((experts) => experts.sort((a, b) => a - b));
}

/** Makes the test whether a chiplet, and its group, may hold a further expert. */
function createHeldTest(
  { patterns, chipletsPerGroup, constraints }: ConstraintModel,
  chiplets: readonly number[][],
) {
  const held = constraints.filter(({ measure }) => measure === "held");
  if (held.length === 0) return () => true;
  const gauge = createLimitGauge({ patterns, constraints: held });
  return (chiplet: number, expert: number) => {
    const first = chiplet - (chiplet % chipletsPerGroup);
    const group = chiplets.slice(first, first + chipletsPerGroup).flat();
    return (
      gauge.chipletExcess([...chiplets[chiplet], expert]) === 0 && gauge.groupExcess([...group, expert]) === 0
    );
  };
}

/** Makes the test whether a change of slots leaves its experts in as many chiplet groups as they have to be in. */
export function createSeparationTest(
  { groupsPerExpert, chipletsPerGroup }: { groupsPerExpert: number; chipletsPerGroup: number },
  { expertIn, chipletOf, replicasOf, slotsOf, numChiplets }: ReplicaSlots,
): (changes: readonly SlotChange[]) => boolean {
  if (groupsPerExpert === 1) return () => true;
  const groupOf = (slot: number) => groupOfChiplet(chipletOf[slot], chipletsPerGroup);
  return (changes) =>
    changes.every(({ slot: left }) => {
      const expert = expertIn[left];
      if (expert === EMPTY) return true;
      const groups = new Set<number>();
      const first = expert * numChiplets;
      for (const slot of slotsOf.subarray(first, first + replicasOf[expert]))
        if (slot !== left) groups.add(groupOf(slot));
      for (const { slot, expert: entering } of changes) if (entering === expert) groups.add(groupOf(slot));
      return groups.size >= groupsPerExpert;
    });
}
