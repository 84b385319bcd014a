/**
 * Time of several things that a kernel does, some of it at once: (sum of t^exponent)^(1 / exponent).
 *
 * Exponent 1 is one after another, and the larger it is the nearer to the longest alone. Below 1 it is longer than one
 * after another: short messages reach less of a link's rate than long ones do, which a floor and a rate alone do not say.
 *
 * @example
 * overlapped(1, 30, 40); // 70
 * overlapped(2, 30, 40); // 50
 */
export function overlapped(exponent: number, ...parts: readonly number[]): number {
  let longest = 0;
  for (const part of parts) if (part > longest) longest = part;
  if (longest === 0) return 0;
  let total = 0;
  for (const part of parts) if (part > 0) total += part === longest ? 1 : (part / longest) ** exponent;
  return longest * total ** (1 / exponent);
}
