import type { Axis, GpuCase } from "./gpu-case.js";
import { errorsOf, fitKernel } from "./gpu-fit-plans.js";

/** Relative errors, absolute values, on what a fit did not see. */
export interface LeftOut {
  readonly group: string;
  readonly errors: readonly number[];
}

/**
 * Fits a kernel's constants without each group along an axis, and judges them on that group: how the model extrapolates.
 *
 * @param cases Of one kernel and machine.
 * @returns None where all cases are of one group.
 */
export function leftOutErrors(kernel: string, cases: readonly GpuCase[], axis: Axis): LeftOut[] {
  const groups = [...new Set(cases.map(({ groups }) => groups[axis]))];
  if (groups.length < 2) return [];
  return groups.map((group) => {
    const left = cases.filter(({ groups }) => groups[axis] === group);
    const rest = cases.filter(({ groups }) => groups[axis] !== group);
    return { group: group ?? "none", errors: errorsOf(kernel, fitKernel(kernel, rest), left) };
  });
}
