import type { PlacementProblem } from "../../lib/placement/problem.js";
import { expertsOfChiplets } from "../../lib/placement/placement.js";
import type { Random } from "../../lib/random.js";
import { createLimitGauge } from "./violations.js";

/** An expert that goes to another chiplet, in exchange for one of its experts or into an empty slot. */
interface Move {
  readonly expert: number;
  readonly to: number;
  readonly inExchange: number | undefined;
}

/**
 * Changes a placement until it respects pins, separations and every limit.
 *
 * Pinned experts go home first. Then experts leave a chiplet or chiplet group that is above a limit, by the move
 * that lowers the sum of relative excesses most; where none does, a random move opens another way.
 *
 * @param chipletOf Chiplet of every expert, at most `slotsPerChiplet` on each. Shape [numExperts].
 * @param maxMoves Budget.
 * @returns An admissible placement, or undefined where none was found, which proves nothing.
 */
export function repairPlacement(
  problem: PlacementProblem,
  chipletOf: ArrayLike<number>,
  { random, maxMoves = 300 }: { random: Random; maxMoves?: number },
): Uint16Array | undefined {
  const repaired = seatPinned(problem, chipletOf);
  if (!repaired) return undefined;
  const pinned = new Set(problem.pins.map(({ expert }) => expert));
  const gauge = createLimitGauge(problem);
  const { chipletsPerGroup, numChiplets, slotsPerChiplet } = problem;
  const chiplets = expertsOfChiplets(repaired, numChiplets);
  const groupOf = (chiplet: number) => Math.floor(chiplet / chipletsPerGroup);
  const expertsOfGroup = (group: number) =>
    chiplets.slice(group * chipletsPerGroup, (group + 1) * chipletsPerGroup).flat();
  const excessAround = (one: number, other: number) =>
    gauge.chipletExcess(chiplets[one]) +
    gauge.chipletExcess(chiplets[other]) +
    (groupOf(one) === groupOf(other)
      ? 0
      : gauge.groupExcess(expertsOfGroup(groupOf(one))) + gauge.groupExcess(expertsOfGroup(groupOf(other))));
  const apply = ({ expert, to, inExchange }: Move) => {
    const from = repaired[expert];
    chiplets[from] = chiplets[from].filter((other) => other !== expert);
    chiplets[to] = chiplets[to].filter((other) => other !== inExchange);
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
        chiplets.flatMap((seated, to): Move[] => {
          if (to === chiplet) return [];
          const exchanges = seated.filter((other) => !pinned.has(other));
          const moves: Move[] = exchanges.map((inExchange) => ({ expert, to, inExchange }));
          return seated.length < slotsPerChiplet ? [...moves, { expert, to, inExchange: undefined }] : moves;
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
      if (gain <= bestGain + 1e-12) continue;
      best = move;
      bestGain = gain;
    }
    apply(best);
  }
  return undefined;
}

/** Seats pinned experts first, then every other where it was if there is room, or else in the first slot free. */
function seatPinned(problem: PlacementProblem, chipletOf: ArrayLike<number>): Uint16Array | undefined {
  const { numExperts, numChiplets, slotsPerChiplet, pins } = problem;
  const seatedOn = new Uint16Array(numChiplets);
  const seated = new Int32Array(numExperts).fill(-1);
  const seat = (expert: number, chiplet: number) => {
    seated[expert] = chiplet;
    seatedOn[chiplet]++;
  };
  for (const { expert, chiplet } of pins) seat(expert, chiplet);
  if (seatedOn.some((count) => count > slotsPerChiplet)) return undefined;
  for (let expert = 0; expert < numExperts; expert++) {
    if (seated[expert] < 0 && seatedOn[chipletOf[expert]] < slotsPerChiplet) seat(expert, chipletOf[expert]);
  }
  for (let expert = 0; expert < numExperts; expert++) {
    if (seated[expert] < 0)
      seat(
        expert,
        seatedOn.findIndex((count) => count < slotsPerChiplet),
      );
  }
  return Uint16Array.from(seated);
}
