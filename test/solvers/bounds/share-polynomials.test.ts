import { expect } from "chai";
import { sharePolynomials } from "../../../solvers/bounds/share-polynomials.js";

/** By the definition of binomial coefficients. */
function valueAt(coefficients: Float64Array, n: number): number {
  const comb = [1, n, (n * (n - 1)) / 2, (n * (n - 1) * (n - 2)) / 6];
  return coefficients.reduce((sum, coefficient, order) => sum + coefficient * comb[order], 0);
}

describe("sharePolynomials", () => {
  it("lie nowhere above an expert's share of a token copy", () => {
    for (const size of [2, 3, 4]) {
      for (let most = 0; most <= 9; most++) {
        for (const polynomial of sharePolynomials(size, most)) {
          for (let n = 0; n <= most; n++) {
            expect(valueAt(polynomial, n)).to.be.at.most(1 / (1 + n) + 1e-12);
          }
        }
      }
    }
  });

  it("are exact where there is a coefficient for every number of partners", () => {
    const [exact, ...others] = sharePolynomials(4, 3).filter(({ length }) => length === 4);
    expect(others).to.eql([]);
    for (let n = 0; n <= 3; n++) expect(valueAt(exact, n)).to.be.closeTo(1 / (1 + n), 1e-12);
  });

  it("meet every share somewhere", () => {
    for (const size of [2, 3, 4]) {
      for (let n = 0; n <= 7; n++) {
        const largest = Math.max(...sharePolynomials(size, 7).map((polynomial) => valueAt(polynomial, n)));
        expect(largest).to.be.closeTo(1 / (1 + n), 1e-12);
      }
    }
  });
});
