import { countMoves } from "../../lib/placement/migration.js";
import type { Chiplets } from "../../lib/placement/placement.js";

/** More moves than that are not looked at one by one: pairs of them are tried. */
const MOST_MOVES = 40;

/**
 * Takes back moves of a placement for as long as it stays as good: a slot that was filled from elsewhere holds again an expert that
 * ran there, and what it held goes to the slot that this one comes from, or, where it has other replicas, nowhere.
 *
 * Time O(moves^2) tests for each that is taken back; a placement of more than 40 moves stays as it is.
 *
 * @param running What the moves are counted from, on as many chiplets.
 * @param isAsGood Whether a placement may be answered in place of `chiplets`; no expert is twice on a chiplet, and each is somewhere.
 * @returns A placement of as few moves as taking back one after the other leads to, lists in any order.
 *
 * @example
 * withFewerMoves([[0, 1], [2, 3]], [[2, 3], [0, 1]], () => true); // [[0, 1], [2, 3]] in some order
 */
export function withFewerMoves(
  running: Chiplets,
  chiplets: Chiplets,
  isAsGood: (chiplets: Chiplets) => boolean,
): Chiplets {
  let kept = chiplets;
  let moves = countMoves(running, kept);
  for (let isDone = moves > MOST_MOVES; !isDone;) {
    isDone = true;
    for (const next of takenBack(running, kept)) {
      const left = countMoves(running, next);
      if (left >= moves || !isAsGood(next)) continue;
      [kept, moves, isDone] = [next, left, false];
      break;
    }
  }
  return kept;
}

/** All placements in which one more slot holds again what it runs. */
function* takenBack(running: Chiplets, chiplets: Chiplets): Generator<Chiplets> {
  const isNew = (chiplet: number, expert: number) => !running[chiplet].includes(expert);
  for (const [here, held] of chiplets.entries()) {
    const guests = held.filter((expert) => isNew(here, expert));
    for (const returning of running[here].filter((expert) => !held.includes(expert))) {
      /** Other chiplets to which it came. */
      const lenders = [...chiplets.keys()].filter(
        (there) => there !== here && chiplets[there].includes(returning) && isNew(there, returning),
      );
      for (const guest of guests) {
        const exchanged = replace(chiplets, here, [guest], [returning]);
        for (const there of lenders)
          if (!chiplets[there].includes(guest)) yield replace(exchanged, there, [returning], [guest]);
        if (chiplets.some((others, there) => there !== here && others.includes(guest))) yield exchanged;
      }
      // A slot that is free takes back who left it.
      if (held.length < running[here].length)
        for (const there of lenders)
          yield replace(replace(chiplets, here, [], [returning]), there, [returning], []);
    }
  }
}

/** The placement with some experts on a chiplet in place of others. */
function replace(
  chiplets: Chiplets,
  chiplet: number,
  left: readonly number[],
  taken: readonly number[],
): Chiplets {
  return chiplets.map((experts, index) =>
    index === chiplet ? [...experts.filter((expert) => !left.includes(expert)), ...taken] : experts,
  );
}
