import type { Random } from "../../../lib/random.js";
import { EMPTY, type ReplicaSlots, type SlotChange } from "../../../solvers/replicas/replica-slots.js";

/** Experts e on chiplet e % numChiplets, to begin with. */
export function roundRobin(numExperts: number, numChiplets: number): number[][] {
  return Array.from({ length: numChiplets }, (_, chiplet) =>
    Array.from({ length: numExperts }, (__, expert) => expert).filter((e) => e % numChiplets === chiplet),
  );
}

/** A change that leaves every expert a replica and none twice on a chiplet, or none. */
export function drawChange(slots: ReplicaSlots, random: Random): SlotChange[] | undefined {
  const { expertIn, chipletOf, replicasOf } = slots;
  const [slot, other] = [random.below(expertIn.length), random.below(expertIn.length)];
  const [chiplet, otherChiplet] = [chipletOf[slot], chipletOf[other]];
  const [expert, guest] = [expertIn[slot], expertIn[other]];
  const further = random.below(slots.numExperts);
  if ((expert === EMPTY || replicasOf[expert] > 1) && random.next() < 0.5)
    return slots.holds(chiplet, further) ? undefined : [{ slot, expert: further }];
  if (chiplet === otherChiplet || expert === guest) return undefined;
  if (expert !== EMPTY && slots.holds(otherChiplet, expert)) return undefined;
  if (guest !== EMPTY && slots.holds(chiplet, guest)) return undefined;
  return [
    { slot, expert: guest },
    { slot: other, expert },
  ];
}
