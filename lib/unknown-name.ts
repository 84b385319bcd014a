import { InputError } from "./errors.js";

/**
 * The error of a name that nobody has, with the one it is likely to stand for.
 *
 * @param what Field or option that names it.
 *
 * @example
 * unknownName("solver", { found: "exat", known: ["exact", "ilp"] }).advice; // "Maybe you mean exact."
 */
export function unknownName(
  what: string,
  {
    found,
    known,
    or = "",
    advice,
  }: {
    readonly found: string;
    /** Names there are. */
    readonly known: readonly string[];
    /** What may be given besides a name: ", or a config.json". */
    readonly or?: string;
    /** Said where no known name is near. */
    readonly advice?: string;
  },
): InputError {
  const near = nearestName(found, known);
  return new InputError(
    `${what}: found ${found}, expected one of ${known.join(", ")}${or}`,
    near === undefined ? advice : `Maybe you mean ${near}.`,
  );
}

/**
 * The known name that takes fewest edits, a third of its letters at most, or else the shortest that begins so; undefined where
 * none is near.
 */
export function nearestName(found: string, known: readonly string[]): string | undefined {
  const lower = found.toLowerCase();
  const near = known
    .map((name) => ({ name, edits: countEdits(lower, name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(1, name.length / 3))
    .sort((a, b) => a.edits - b.edits);
  const longer = known
    .filter((name) => lower.length >= FEWEST_LETTERS && name.toLowerCase().startsWith(lower))
    .sort((a, b) => a.length - b.length);
  return near.at(0)?.name ?? longer.at(0);
}

/** Fewer letters begin many a name. */
const FEWEST_LETTERS = 3;

/** Letters to insert, drop or change: the distance of Levenshtein. O(length of one times length of the other). */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of Array.from(from.slice(0, 100)).entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column++) {
      const changed = row[column - 1] + Number(to[column - 1] !== letter);
      next.push(Math.min(changed, row[column] + 1, next[column - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}
