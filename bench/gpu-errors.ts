import type { GpuCase } from "./gpu-case.js";
import type { GpuCases } from "./gpu-cases.js";
import { plainKernels } from "./gpu-measured.js";
import { sum } from "../lib/statistics.js";

/** Relative errors of some measurements, absolute values. */
export interface ErrorSummary {
  readonly meanError: number;
  readonly p95Error: number;
  readonly worstError: number;
}

/** Error of one file: `used` of its `rows` could be modelled; errors are null where none could. */
export type FileErrors = { readonly rows: number; readonly used: number } & (
  ErrorSummary | Readonly<Record<keyof ErrorSummary, null>>
);

/** A case with what the model says of it. */
export interface JudgedCase extends GpuCase {
  readonly error: number;
}

/** The cases that the presets' constants can model, with the relative error of each, absolute value. */
export function judge(cases: readonly GpuCase[]): JudgedCase[] {
  return cases
    .map((found) => ({ ...found, error: Math.abs(modelledNs(found) / found.measuredNs - 1) }))
    .filter(({ error }) => Number.isFinite(error));
}

/** NaN where numbers are missing, which no model takes. */
function modelledNs(found: GpuCase): number {
  try {
    return found.modelNs(plainKernels(found.machine));
  } catch {
    return NaN;
  }
}

/** Errors of one file, as `bench:gpu --json` prints them. */
export function fileErrors({ rows, cases }: GpuCases): FileErrors {
  const judged = judge(cases);
  const used = new Set(judged.map(({ row }) => row)).size;
  const none = { meanError: null, p95Error: null, worstError: null };
  return { rows, used, ...(summarise(judged.map(({ error }) => error)) ?? none) };
}

/** Mean, 95th percentile and largest; undefined where there are none. */
export function summarise(errors: readonly number[]): ErrorSummary | undefined {
  if (errors.length === 0) return undefined;
  const sorted = [...errors].sort((left, right) => left - right);
  return {
    meanError: sum(sorted) / sorted.length,
    p95Error: sorted[Math.ceil(0.95 * sorted.length) - 1],
    worstError: sorted[sorted.length - 1],
  };
}
