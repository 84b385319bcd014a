/**
 * `npm run fit:gpu`: fits the constants of GPU kernels to published measurements and prints them, kernel by
 * kernel and machine by machine, as they stand in lib/hardware; then the error on shapes and EP sizes that were left out.
 *
 * Reads the folder in MOEPLACE_MEASURED. `npm run fit:gpu -- experts h200` fits kernels and machines whose names begin so.
 */
import { fitConstants } from "../lib/performance/fit-constants.js";
import type { GpuKernels } from "../lib/hardware/kernels.js";
import { plainKernels, readMeasured } from "./gpu-measured.js";
import type { GpuCase } from "./gpu-case.js";
import { mean } from "../lib/statistics.js";

/** Where a fit begins, and between what it must stay. */
interface FitPlan {
  readonly start: Readonly<Record<string, number>>;
  readonly bounds?: Readonly<Record<string, readonly [number, number]>>;
}

const overlap = [0.7, 8] as const;
const lowLatency: FitPlan = {
  start: {
    floorNs: 12_000,
    floorNsPerExpert: 15,
    linkBytesPerNs: 250,
    tokenNs: 1000,
    tokenNsPerByte: 0.2,
    overlap: 1.1,
  },
  bounds: { overlap },
};
const lowLatencyCombine: FitPlan = {
  start: { floorNs: 12_000, floorNsPerExpert: 10, linkBytesPerNs: 250, copyNsPerByte: 0.02, overlap: 1.1 },
  bounds: { overlap },
};
const across: FitPlan = {
  start: { networkFloorNs: 25_000, networkBytesPerNs: 46, networkOverlap: 1 },
  bounds: { networkBytesPerNs: [1, 50], networkOverlap: overlap },
};
const copies = (linkBytesPerNs: number): FitPlan => ({
  start: {
    floorNs: 25_000,
    floorNsPerByte: 0.2,
    readNsPerByte: 3e-3,
    copyNs: 4,
    linkBytesPerNs,
    overlap: 0.9,
  },
  bounds: { linkBytesPerNs: [1, linkBytesPerNs], overlap },
});
const fabric: FitPlan = {
  start: {
    floorNs: 10_000,
    floorNsPerDoubling: 2000,
    readNsPerByte: 1e-4,
    linkBytesPerNs: 700,
    overlap: 1,
    fanOut: 0.04,
  },
  bounds: { linkBytesPerNs: [1, 900], overlap, fanOut: [0, 0.2] },
};
// With few GPUs there is little to send, and handling tokens binds.
const handled: FitPlan = {
  start: {
    floorNs: 10_000,
    floorNsPerDoubling: 700,
    tokenNs: 36,
    copyNs: 1.3,
    linkBytesPerNs: 610,
    overlap: 1,
  },
  bounds: { linkBytesPerNs: [1, 900], overlap },
};
// The floor and telling what will come are one time in the tables' sums: their parts keep to what the tables print apart.
const network: FitPlan = {
  start: {
    floorNs: 38_000,
    networkBytesPerNs: 47,
    unitBytesPerNs: 10,
    overlap: 0.8,
    notifyNs: 52_000,
    notifyShare: 0.01,
  },
  bounds: {
    floorNs: [30_000, 60_000],
    networkBytesPerNs: [1, 49.5],
    overlap,
    notifyNs: [48_000, 60_000],
    notifyShare: [1e-4, 0.015],
  },
};
const collective: FitPlan = {
  start: {
    shortNs: 5000,
    shortNsPerDoubling: 1000,
    shortBytesPerNs: 20,
    longNs: 12_000,
    longNsPerDoubling: 1000,
    longBytesPerNs: 330,
  },
};

function planOf(kernel: string, machine: string): FitPlan | undefined {
  const [sheet, memory, flops] = machine.includes("b200") ? [900, 8000, 1e7] : [450, 4800, 1.979e6];
  const plans: Record<string, FitPlan> = {
    "lowLatency.dispatch": lowLatency,
    "lowLatency.combine": lowLatencyCombine,
    "lowLatency.dispatch.across": across,
    "lowLatency.combine.across": across,
    "normal.dispatch": copies(sheet),
    "normal.combine": copies(sheet),
    "acrossServers.dispatch": network,
    "acrossServers.combine": network,
    "fabric.oneSided.dispatch": fabric,
    "fabric.oneSided.combine": fabric,
    "fabric.twoSided.dispatch": handled,
    "fabric.twoSided.combine": fabric,
    "fabric.twoSided.lowPrecisionCombine": { ...fabric, start: { ...fabric.start, readNsPerByte: 0.03 } },
    "fabric.twoSided.prepare": {
      start: { floorNs: 12_000, floorNsPerDoubling: 800, tokenNs: 7, overlap: 1 },
      bounds: { overlap },
    },
    "collectives.allToAll": collective,
    "collectives.allGather": collective,
    "collectives.reduceScatter": collective,
    "experts.decode": {
      start: { floorNs: 22_000, idleExpertNs: 5000, memoryBytesPerNs: 4200, overlap: 1.5 },
      bounds: { overlap: [1, 8], memoryBytesPerNs: [100, 4800] },
    },
    "experts.prefill": {
      start: {
        floorNs: 150_000,
        hostNs: 342_000,
        memoryBytesPerNs: 3000,
        flopPerNs: 1.4e6,
        tokenNsPerByte: 9e-4,
        rowNsPerByte: 1e-3,
        overlap: 3,
      },
      bounds: { overlap: [1, 8], memoryBytesPerNs: [100, 4800] },
    },
    "experts.fused": {
      start: {
        floorNs: 40_000,
        idleExpertNs: 300,
        memoryBytesPerNs: 3800,
        flopPerNs: 2e6,
        tokenNsPerByte: 3e-3,
        rowNsPerByte: 1e-3,
        overlap: 3,
      },
      bounds: { overlap: [1, 8], memoryBytesPerNs: [100, memory], flopPerNs: [1e5, flops] },
    },
  };
  return plans[kernel];
}

/** The kernels with some constants of one of them changed; `.across` is a part of its kernel's own constants. */
function withConstants(kernels: GpuKernels, kernel: string, constants: Record<string, number>): GpuKernels {
  const changed = structuredClone(kernels);
  const path = kernel.replace(".across", "").split(".");
  const found = path.reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], changed);
  Object.assign(found as Record<string, number>, constants);
  return changed;
}

function fitKernel(kernel: string, cases: readonly GpuCase[]): Record<string, number> {
  const { machine } = cases[0];
  const plan = planOf(kernel, machine);
  if (plan === undefined) return {};
  const kernels = plainKernels(machine);
  return fitConstants({
    ...plan,
    measured: cases.map(({ measuredNs }) => measuredNs),
    model: (constants) => {
      const changed = withConstants(kernels, kernel, constants);
      return cases.map((found) => found.modelNs(changed));
    },
  });
}

function errorsOf(kernel: string, constants: Record<string, number>, cases: readonly GpuCase[]): number[] {
  const kernels = withConstants(plainKernels(cases[0].machine), kernel, constants);
  return cases.map((found) => Math.abs(found.modelNs(kernels) / found.measuredNs - 1));
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Most groups that are told one by one. */
const FEW_GROUPS = 6;

/** Error on each group when the constants are fitted without it: the mean, and of few groups each. */
function leaveOut(kernel: string, cases: readonly GpuCase[], by: "shape" | "ep"): string {
  const groups = [...new Set(cases.map(({ groups }) => groups[by]))];
  if (groups.length < 2) return "-";
  const errors = groups.map((group) => {
    const left = cases.filter(({ groups }) => groups[by] === group);
    const rest = cases.filter(({ groups }) => groups[by] !== group);
    return errorsOf(kernel, fitKernel(kernel, rest), left);
  });
  const each = groups.map((group, index) => `${group}: ${percent(mean(errors[index]))}`).join(", ");
  return `${percent(mean(errors.flat()))} (${groups.length > FEW_GROUPS ? groups.length : each})`;
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
  const shapes = leaveOut(kernel, cases, "shape");
  const sizes = leaveOut(kernel, cases, "ep");
  console.log(
    `${name}: ${cases.length} times, mean error ${percent(mean(errorsOf(kernel, constants, cases)))}`,
  );
  console.log(`  { ${shown.join(", ")} }`);
  console.log(`  left out: a shape ${shapes}, an EP size ${sizes}`);
}
