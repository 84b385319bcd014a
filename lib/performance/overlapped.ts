/**
 * Time of several things that a kernel does, some of it at once: (sum of t^exponent)^(1 / exponent).
 *
 * Exponent 1 is one after another, and the larger it is the nearer to the longest alone. Below 1 it is longer than one
 * after another: short messages reach less of a link's rate than long ones do, which a floor and a rate alone do not say. Far below 0
 * it is the shorter of two ways to do the same.
 *
 * @example
 * overlapped(1, 30, 40); // 70
 * overlapped(2, 30, 40); // 50
 */
export function overlapped(exponent: number, a: number, b: number, c = 0): number {
  const longest = Math.max(a, b, c);
  if (longest <= 0) return 0;
  const total = power(a / longest, exponent) + power(b / longest, exponent) + power(c / longest, exponent);
  return longest * (exponent === 8 ? Math.sqrt(Math.sqrt(Math.sqrt(total))) : total ** (1 / exponent));
}

/** A share of the longest to the exponent; searches ask so often that powers of 8, which most are, are multiplied out. */
function power(share: number, exponent: number): number {
  if (share <= 0) return 0;
  if (share === 1) return 1;
  if (exponent !== 8) return share ** exponent;
  const square = share * share;
  const fourth = square * square;
  return fourth * fourth;
}
