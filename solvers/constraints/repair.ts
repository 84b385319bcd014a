import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { ROUNDING } from "../../lib/placement/tolerance.js";
import type { Random } from "../../lib/random.js";
import type { ConstraintModel } from "./constraint-model.js";
import { createLimitGauge } from "./violations.js";

/** An expert that goes to another chiplet, in exchange for one of its experts or into an empty slot. */
interface Move {
  readonly expert: number;
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
  const excess = {
    ofChiplets: chiplets.map((experts) => gauge.chipletExcess(experts)),
    ofGroups: groups.map((experts) => gauge.groupExcess(experts)),
  };
  /** By how much a move lowers the sum of excesses: only those of two chiplets and their groups change. */
  const gainOf = ({ expert, to, inExchange }: Move) => {
    const from = repaired[expert];
    const ofChiplets =
      excess.ofChiplets[from] +
      excess.ofChiplets[to] -
      gauge.chipletExcess(exchanged(chiplets[from], expert, inExchange)) -
      gauge.chipletExcess(exchanged(chiplets[to], inExchange, expert));
    if (!limitsGroups || groupOf(from) === groupOf(to)) return ofChiplets;
    return (
      ofChiplets +
      excess.ofGroups[groupOf(from)] +
      excess.ofGroups[groupOf(to)] -
      gauge.groupExcess(exchanged(groups[groupOf(from)], expert, inExchange)) -
      gauge.groupExcess(exchanged(groups[groupOf(to)], inExchange, expert))
    );
  };
  const apply = ({ expert, to, inExchange }: Move) => {
    const from = repaired[expert];
    chiplets[from] = exchanged(chiplets[from], expert, inExchange);
    chiplets[to] = exchanged(chiplets[to], inExchange, expert);
    repaired[expert] = to;
    if (inExchange !== undefined) repaired[inExchange] = from;
    for (const chiplet of [from, to]) {
      excess.ofChiplets[chiplet] = gauge.chipletExcess(chiplets[chiplet]);
      const group = groupOf(chiplet);
      if (!limitsGroups) continue;
      groups[group] = expertsOfGroup(group);
      excess.ofGroups[group] = gauge.groupExcess(groups[group]);
    }
  };
  const movesFrom = (chiplet: number): Move[] =>
    chiplets[chiplet]
      .filter((expert) => !pinned.has(expert))
      .flatMap((expert) =>
        chiplets.flatMap((experts, to): Move[] => {
          if (to === chiplet) return [];
          const exchanges = experts.filter((guest) => !pinned.has(guest));
          const moves: Move[] = exchanges.map((inExchange) => ({ expert, to, inExchange }));
          return experts.length < slotsPerChiplet ? [...moves, { expert, to, inExchange: undefined }] : moves;
        }),
      );
  const isAbove = (chiplet: number) =>
    excess.ofChiplets[chiplet] > 0 || (limitsGroups && excess.ofGroups[groupOf(chiplet)] > 0);

  for (let count = 0; count <= maxMoves; count++) {
    const above = chiplets.map((_, chiplet) => chiplet).filter(isAbove);
    if (above.length === 0) return repaired;
    const moves = movesFrom(above[random.below(above.length)]);
    if (moves.length === 0) continue;
    let best = moves[random.below(moves.length)];
    let bestGain = 0;
    for (const move of moves) {
      const gain = gainOf(move);
      if (gain <= bestGain + ROUNDING) continue;
      best = move;
      bestGain = gain;
    }
    apply(best);
  }
  return undefined;
}

/** Experts without the one that leaves, and with the one that enters; either may be none. */
function exchanged(
  experts: readonly number[],
  leaving: number | undefined,
  entering: number | undefined,
): number[] {
  const changed: number[] = [];
  for (const expert of experts) if (expert !== leaving) changed.push(expert);
  if (entering !== undefined) changed.push(entering);
  return changed;
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
