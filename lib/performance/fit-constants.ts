import { Matrix, solve } from "ml-matrix";

/** What a fit is made of: constants by name, and what they are to explain. */
export interface FitOptions {
  /** Constants to begin with, all above 0; those fitted keep their sign, as they are fitted by their logarithm. */
  readonly start: Readonly<Record<string, number>>;
  /** The least and largest value of some constants: a link is no faster than its data sheet. */
  readonly bounds?: Readonly<Record<string, readonly [number, number]>>;
  /** Model of every measurement for given constants. */
  readonly model: (constants: Readonly<Record<string, number>>) => ArrayLike<number>;
  /** What was measured, above 0. */
  readonly measured: ArrayLike<number>;
}

/** Beyond this relative error a measurement pulls no harder: the odd one out is not worth all the others. */
const OUTLIER = 0.05;
const MOST_ROUNDS = 60;
/** Step of the logarithm of a constant by which slopes are measured. */
const SLOPE_STEP = 1e-4;
/** A fit ends where a round takes a smaller share off the loss. */
const CONVERGED = 1e-6;
const FIRST_DAMPING = 1e-2;
/** What keeps the equations solvable where a constant matters to no measurement. */
const RIDGE = 1e-12;

/**
 * Fits constants so that the model's relative errors are small.
 *
 * Levenberg-Marquardt on the logarithms of constants and of model / measured, every residual weighted with
 * 1 / (1 + (residual / 5 %)^2)^(1/2), that is the smooth absolute value; the same start gives the same answer.
 * Time O(rounds * constants * time of the model).
 *
 * @example
 * const bytes = [1e5, 1e6, 1e7];
 * const model = ({ floor, rate }) => bytes.map((size) => floor + size / rate);
 * fitConstants({ start: { floor: 1e3, rate: 10 }, model, measured: [12_000, 30_000, 210_000] }); // { floor: 10_000, rate: 50 }
 */
export function fitConstants(options: FitOptions): Record<string, number> {
  const { start, bounds = {}, model, measured } = options;
  const names = Object.keys(start);
  const constantsOf = (logs: readonly number[]) =>
    Object.fromEntries(names.map((name, index) => [name, clamp(Math.exp(logs[index]), bounds[name])]));
  const residualsOf = (logs: readonly number[]) =>
    Array.from(model(constantsOf(logs)), (ns, index) => Math.log(ns / measured[index]));
  let logs = names.map((name) => Math.log(start[name]));
  let residuals = residualsOf(logs);
  let damping = FIRST_DAMPING;
  for (let round = 0; round < MOST_ROUNDS && damping < 1e8; round++) {
    const slopes = names.map((_, constant) => {
      const moved = residualsOf(logs.map((log, index) => (index === constant ? log + SLOPE_STEP : log)));
      return moved.map((value, index) => (value - residuals[index]) / SLOPE_STEP);
    });
    const before = lossOf(residuals);
    let better = false;
    while (!better && damping < 1e8) {
      const tried = step(logs, slopes, residuals, damping);
      const triedResiduals = residualsOf(tried);
      better = lossOf(triedResiduals) < before;
      damping *= better ? 0.3 : 4;
      if (better) [logs, residuals] = [tried, triedResiduals];
    }
    if (before - lossOf(residuals) < CONVERGED * before) break;
  }
  return constantsOf(logs);
}

function step(
  logs: readonly number[],
  slopes: readonly (readonly number[])[],
  residuals: readonly number[],
  damping: number,
): number[] {
  const weights = residuals.map((residual) => 1 / Math.sqrt(1 + (residual / OUTLIER) ** 2));
  const dot = (left: readonly number[], right: readonly number[]) =>
    left.reduce((sum, value, index) => sum + weights[index] * value * right[index], 0);
  const normal = new Matrix(slopes.map((left) => slopes.map((right) => dot(left, right))));
  slopes.forEach((_, index) => {
    normal.set(index, index, normal.get(index, index) * (1 + damping) + RIDGE);
  });
  const wanted = Matrix.columnVector(slopes.map((slope) => -dot(slope, residuals)));
  const change = solve(normal, wanted, true).getColumn(0);
  // A constant that hardly matters must not run away in one step.
  return logs.map((log, index) => log + Math.max(-1, Math.min(1, change[index])));
}

function lossOf(residuals: readonly number[]): number {
  return residuals.reduce(
    (sum, residual) => sum + OUTLIER ** 2 * (Math.sqrt(1 + (residual / OUTLIER) ** 2) - 1),
    0,
  );
}

function clamp(value: number, [least, most]: readonly [number, number] = [0, Infinity]): number {
  return Math.max(least, Math.min(most, value));
}
