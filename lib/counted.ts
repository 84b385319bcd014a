/**
 * A number with the noun that it counts.
 *
 * @example
 * counted(1, "layer"); // "1 layer"
 * counted(2, "batch"); // "2 batches"
 */
export function counted(count: number, noun: string): string {
  if (count === 1) return `${count} ${noun}`;
  if (/[^aeiou]y$/.test(noun)) return `${count} ${noun.slice(0, -1)}ies`;
  return `${count} ${noun}${/ch$/.test(noun) ? "es" : "s"}`;
}
