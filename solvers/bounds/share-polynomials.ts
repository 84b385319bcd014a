import { ROUNDING } from "../../lib/placement/tolerance.js";
/**
 * Lists polynomials of n that lie nowhere above 1 / (1 + n) on the integers [0, most] and meet it in 2 to `size` of them.
 *
 * If n partners of an expert on its chiplet were chosen by a token too, its cost share of the copy is 1 / (1 + n). A
 * polynomial of degree size - 1 in n is linear in the numbers of sets of 1 to size - 1 of these partners: comb(n, i).
 * One that meets `most` + 1 integers is exact; others are of use where these numbers contradict one another.
 *
 * @param size At least 2.
 * @param most At least 0.
 * @returns Of each, the coefficients of comb(n, 0), comb(n, 1), ..., as many as integers that it meets.
 *
 * @example
 * sharePolynomials(2, 1); // [[1, -0.5]], 1 alone and 1/2 with a partner
 */
export function sharePolynomials(size: number, most: number): readonly Float64Array[] {
  const integers = Array.from({ length: most + 1 }, (_, n) => n);
  const fewest = Math.min(2, integers.length);
  return Array.from({ length: Math.min(size, integers.length) - fewest + 1 }, (_, more) =>
    choose(integers, fewest + more),
  )
    .flat()
    .map(meetingShareAt)
    .filter((coefficients) => integers.every((n) => valueAt(coefficients, n) <= 1 / (1 + n) + ROUNDING));
}

function choose(values: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return values.flatMap((value, at) =>
    choose(values.slice(at + 1), count - 1).map((rest) => [value, ...rest]),
  );
}

/** The polynomial through 1 / (1 + n) at the nodes; its differences at 0 are its coefficients. */
function meetingShareAt(nodes: readonly number[]): Float64Array {
  const differences = Float64Array.from(nodes, (_, n) =>
    nodes.reduce((sum, node) => {
      const factors = nodes.filter((zero) => zero !== node);
      return sum + factors.reduce((product, zero) => (product * (n - zero)) / (node - zero), 1 / (1 + node));
    }, 0),
  );
  for (let order = 1; order < differences.length; order++) {
    for (let n = differences.length - 1; n >= order; n--) differences[n] -= differences[n - 1];
  }
  return differences;
}

function valueAt(coefficients: Float64Array, n: number): number {
  let comb = 1;
  return coefficients.reduce((sum, coefficient, order) => {
    if (order > 0) comb *= (n - order + 1) / order;
    return sum + coefficient * comb;
  }, 0);
}
