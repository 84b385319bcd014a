/**
 * `npm run fit:gpu`: fits the constants of GPU kernels to published measurements and prints them, kernel by
 * kernel and machine by machine, as they stand in lib/hardware; then the error on what was left out of a fit, along every
 * axis that measurements differ in: hidden sizes, top-k, numbers of GPUs and compute units, regimes of tokens and so on.
 *
 * Reads the folder in MOEPLACE_MEASURED. `npm run fit:gpu -- experts h200` fits kernels and machines whose names begin so.
 */
import { readMeasured } from "./gpu-measured.js";
import { AXES, type Axis, type GpuCase } from "./gpu-case.js";
import { errorsOf, fitKernel, planOf } from "./gpu-fit-plans.js";
import { leftOutErrors } from "./gpu-left-out.js";
import { mean } from "../lib/statistics.js";

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Most groups that are told one by one; of more the worst is. */
const FEW_GROUPS = 6;

function leftOutLine(kernel: string, cases: readonly GpuCase[], axis: Axis): string | undefined {
  const groups = leftOutErrors(kernel, cases, axis);
  if (groups.length === 0) return undefined;
  const named = groups.map(({ group, errors }) => ({ group, error: mean(errors) }));
  const told =
    groups.length > FEW_GROUPS
      ? [named.reduce((worst, next) => (next.error > worst.error ? next : worst))]
      : named;
  const each = told.map(({ group, error }) => `${group} ${percent(error)}`).join(", ");
  const howMany = groups.length > FEW_GROUPS ? `worst of ${groups.length}: ` : "";
  return `${axis} ${percent(mean(groups.flatMap(({ errors }) => errors)))} (${howMany}${each})`;
}

const [wanted = "", machines = ""] = process.argv.slice(2);
const byKernel = new Map<string, GpuCase[]>();
for (const found of readMeasured().flatMap(({ cases }) => cases)) {
  const name = `${found.machine} ${found.kernel}`;
  byKernel.set(name, [...(byKernel.get(name) ?? []), found]);
}
for (const [name, cases] of byKernel) {
  const { kernel } = cases[0];
  if (
    !kernel.startsWith(wanted) ||
    !cases[0].machine.startsWith(machines) ||
    planOf(kernel, cases[0].machine) === undefined
  )
    continue;
  const constants = fitKernel(kernel, cases);
  const shown = Object.entries(constants).map(([key, value]) => `${key}: ${Number(value.toPrecision(3))}`);
  console.log(
    `${name}: ${cases.length} times, mean error ${percent(mean(errorsOf(kernel, constants, cases)))}`,
  );
  console.log(`  { ${shown.join(", ")} }`);
  for (const axis of AXES) {
    const line = leftOutLine(kernel, cases, axis);
    if (line !== undefined) console.log(`  left out: ${line}`);
  }
}
