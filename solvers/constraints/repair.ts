import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { ROUNDING } from "../../lib/placement/tolerance.js";
import type { Random } from "../../lib/random.js";
import type { ConstraintModel } from "./constraint-model.js";
import { createLimitGauge, exchanged, type Tally } from "./violations.js";

/** Where an expert may go to: another chiplet, in exchange for one of its experts or into an empty slot. */
interface Target {
  readonly to: number;
  readonly inExchange: number | undefined;
}

/**
 * Changes a placement until it respects pins and every constraint.
 *
 * Pinned experts go where they are pinned first. Then experts leave a chiplet or chiplet group that is above a limit, by the move
 * that lowers the sum of relative excesses most; where none does, a random move opens another way.
 *
 * @param chipletOf Chiplet of every expert, at most `slotsPerChiplet` on each. Shape [numExperts].
 * @param maxMoves Budget.
 * @returns An admissible placement, or undefined where none was found, which proves nothing.
 */
export function repairPlacement(
  model: ConstraintModel,
  chipletOf: ArrayLike<number>,
  { random, maxMoves = 300 }: { random: Random; maxMoves?: number },
): Uint16Array | undefined {
  const repaired = placePinned(model, chipletOf);
  if (!repaired) return undefined;
  const pinned = new Set(model.pins.map(({ expert }) => expert));
  const gauge = createLimitGauge(model);
  const { chipletsPerGroup, numChiplets, slotsPerChiplet } = model;
  const chiplets = expertsOfChiplets(repaired, numChiplets);
  const groupOf = (chiplet: number) => groupOfChiplet(chiplet, chipletsPerGroup);
  const expertsOfGroup = (group: number) =>
    chiplets.slice(group * chipletsPerGroup, (group + 1) * chipletsPerGroup).flat();
  const limitsGroups = model.constraints.some(({ scope }) => scope === "group");
  const groups = Array.from({ length: limitsGroups ? numChiplets / chipletsPerGroup : 0 }, (_, group) =>
    expertsOfGroup(group),
  );
  const tallies = {
    ofChiplets: chiplets.map((experts) => gauge.tallyChiplet(experts)),
    ofGroups: groups.map((experts) => gauge.tallyGroup(experts)),
  };
  /** By how much a move lowers the sum of excesses: only those of two chiplets and their groups change. */
  const gainOf = (expert: number, { to, inExchange }: Target) => {
    const from = repaired[expert];
    const ofChiplets =
      loweredBy(tallies.ofChiplets[from], expert, inExchange) +
      loweredBy(tallies.ofChiplets[to], inExchange, expert);
    if (!limitsGroups || groupOf(from) === groupOf(to)) return ofChiplets;
    return (
      ofChiplets +
      loweredBy(tallies.ofGroups[groupOf(from)], expert, inExchange) +
      loweredBy(tallies.ofGroups[groupOf(to)], inExchange, expert)
    );
  };
  const apply = (expert: number, { to, inExchange }: Target) => {
    const from = repaired[expert];
    chiplets[from] = exchanged(chiplets[from], expert, inExchange);
    chiplets[to] = exchanged(chiplets[to], inExchange, expert);
    repaired[expert] = to;
    if (inExchange !== undefined) repaired[inExchange] = from;
    for (const chiplet of [from, to]) {
      tallies.ofChiplets[chiplet] = gauge.tallyChiplet(chiplets[chiplet]);
      const group = groupOf(chiplet);
      if (!limitsGroups) continue;
      groups[group] = expertsOfGroup(group);
      tallies.ofGroups[group] = gauge.tallyGroup(groups[group]);
    }
  };
  const freeOn = (chiplet: number) => chiplets[chiplet].filter((expert) => !pinned.has(expert));
  const targetsFrom = (chiplet: number) =>
    chiplets.flatMap((experts, to): Target[] => {
      if (to === chiplet) return [];
      const exchanges: Target[] = freeOn(to).map((inExchange) => ({ to, inExchange }));
      return experts.length < slotsPerChiplet ? [...exchanges, { to, inExchange: undefined }] : exchanges;
    });
  const isAbove = (chiplet: number) =>
    tallies.ofChiplets[chiplet].excess > 0 || (limitsGroups && tallies.ofGroups[groupOf(chiplet)].excess > 0);

  for (let count = 0; count <= maxMoves; count++) {
    const above = chiplets.map((_, chiplet) => chiplet).filter(isAbove);
    if (above.length === 0) return repaired;
    const chiplet = above[random.below(above.length)];
    const [leaving, targets] = [freeOn(chiplet), targetsFrom(chiplet)];
    const numMoves = leaving.length * targets.length;
    if (numMoves === 0) continue;
    const drawn = random.below(numMoves);
    let best = leaving[Math.floor(drawn / targets.length)];
    let target = targets[drawn % targets.length];
    let bestGain = 0;
    for (const expert of leaving) {
      for (const candidate of targets) {
        const gain = gainOf(expert, candidate);
        if (gain <= bestGain + ROUNDING) continue;
        best = expert;
        target = candidate;
        bestGain = gain;
      }
    }
    apply(best, target);
  }
  return undefined;
}

/** By how much an exchange lowers the excess of a set. */
function loweredBy(tally: Tally, leaving: number | undefined, entering: number | undefined): number {
  return tally.excess - tally.excessAfter(leaving, entering);
}

/** Places pinned experts first, then every other where it was if there is room, or else in the first slot free. */
function placePinned(
  { numExperts, numChiplets, slotsPerChiplet, pins }: ConstraintModel,
  chipletOf: ArrayLike<number>,
): Uint16Array | undefined {
  const countOn = new Uint16Array(numChiplets);
  const placed = new Int32Array(numExperts).fill(-1);
  const place = (expert: number, chiplet: number) => {
    placed[expert] = chiplet;
    countOn[chiplet]++;
  };
  for (const { expert, chiplet } of pins) place(expert, chiplet);
  if (countOn.some((count) => count > slotsPerChiplet)) return undefined;
  for (let expert = 0; expert < numExperts; expert++) {
    if (placed[expert] < 0 && countOn[chipletOf[expert]] < slotsPerChiplet) place(expert, chipletOf[expert]);
  }
  const firstFree = () => countOn.findIndex((count) => count < slotsPerChiplet);
  for (let expert = 0; expert < numExperts; expert++) if (placed[expert] < 0) place(expert, firstFree());
  return Uint16Array.from(placed);
}
