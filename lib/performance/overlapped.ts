import { largest } from "../statistics.js";
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
  const longest = largest(parts);
  if (longest === 0) return 0;
  const sum = parts.reduce((total, part) => total + (part / longest) ** exponent, 0);
  return longest * sum ** (1 / exponent);
}
