/**
 * A number with the noun that it counts.
 *
 * @example
 * counted(1, "layer"); // "1 layer"
 */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
