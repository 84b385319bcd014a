/**
 * Entries by number, where their names are numbers, or the same word and a number: what sorts names as text puts 10 before 2.
 *
 * @returns As they came where any name is another.
 *
 * @example
 * byNumber([["token_10", 1], ["token_2", 0]]); // [["token_2", 0], ["token_10", 1]]
 */
export function byNumber<T>(entries: readonly (readonly [unknown, T])[]): readonly (readonly [unknown, T])[] {
  const named = entries.map((entry) => ({ entry, name: NUMBERED.exec(String(entry[0])) }));
  const [first] = named;
  if (!named.every(({ name }) => name !== null && name[1] === first.name?.[1])) return entries;
  return named.sort((a, b) => Number(a.name?.[2]) - Number(b.name?.[2])).map(({ entry }) => entry);
}

/** A word or none, and digits. */
const NUMBERED = /^(\D*)(\d+)$/;
