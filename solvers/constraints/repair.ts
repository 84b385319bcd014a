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
  const excessAround = (from: number, to: number) =>
    gauge.chipletExcess(chiplets[from]) +
    gauge.chipletExcess(chiplets[to]) +
    (groupOf(from) === groupOf(to)
      ? 0
      : gauge.groupExcess(expertsOfGroup(groupOf(from))) + gauge.groupExcess(expertsOfGroup(groupOf(to))));
  const apply = ({ expert, to, inExchange }: Move) => {
    const from = repaired[expert];
    chiplets[from] = chiplets[from].filter((member) => member !== expert);
    chiplets[to] = chiplets[to].filter((member) => member !== inExchange);
    chiplets[to].push(expert);
    repaired[expert] = to;
    if (inExchange !== undefined) {
      chiplets[from].push(inExchange);
      repaired[inExchange] = from;
    }
    return { expert, to: from, inExchange };
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
    gauge.chipletExcess(chiplets[chiplet]) > 0 || gauge.groupExcess(expertsOfGroup(groupOf(chiplet))) > 0;

  for (let count = 0; count <= maxMoves; count++) {
    const above = chiplets.map((_, chiplet) => chiplet).filter(isAbove);
    if (above.length === 0) return repaired;
    const moves = movesFrom(above[random.below(above.length)]);
    if (moves.length === 0) continue;
    let best = moves[random.below(moves.length)];
    let bestGain = 0;
    for (const move of moves) {
      const before = excessAround(repaired[move.expert], move.to);
      const from = repaired[move.expert];
      const back = apply(move);
      const gain = before - excessAround(from, move.to);
      apply(back);
      if (gain <= bestGain + ROUNDING) continue;
      best = move;
      bestGain = gain;
    }
    apply(best);
  }
  return undefined;
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
