/** What the constants of every kernel are fitted from, and the fit. */
import { fitConstants } from "../lib/performance/fit-constants.js";
import type { GpuKernels } from "../lib/hardware/kernels.js";
import { plainKernels } from "./gpu-measured.js";
import type { GpuCase } from "./gpu-case.js";

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
/** Between GPUs of one fabric, which fans out alike whatever the kernel: that is not fitted to each. */
const fabric: FitPlan = {
  start: { floorNs: 10_000, floorNsPerDoubling: 1000, floorNsPerCopy: 500, linkBytesPerNs: 650 },
  bounds: { linkBytesPerNs: [1, 900] },
};
const overlapping: FitPlan = {
  start: { ...fabric.start, overlap: 1.1 },
  bounds: { ...fabric.bounds, overlap },
};
const reading: FitPlan = { ...fabric, start: { ...fabric.start, readNsPerByte: 3e-3 } };
// With few GPUs there is little to send, and handling tokens binds.
const handled: FitPlan = { ...fabric, start: { ...fabric.start, tokenNs: 36, copyNs: 1.3 } };
const network: FitPlan = {
  start: { floorNs: 90_000, networkBytesPerNs: 47, unitBytesPerNs: 10, pipelineTokens: 200 },
  bounds: { networkBytesPerNs: [1, 50] },
};
const collective = (linkBytesPerNs: number): FitPlan => ({
  start: {
    shortNs: 5000,
    shortBytesPerNs: 30,
    longNs: 15_000,
    longBytesPerNs: 0.75 * linkBytesPerNs,
    ownBytesPerNs: 900,
    peerNs: 800,
  },
  bounds: { longBytesPerNs: [1, linkBytesPerNs] },
});

export function planOf(kernel: string, machine: string): FitPlan | undefined {
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
    "fabric.oneSided.combine": overlapping,
    "fabric.twoSided.dispatch": handled,
    "fabric.twoSided.combine": reading,
    "fabric.twoSided.lowPrecisionCombine": { ...reading, start: { ...reading.start, readNsPerByte: 0.03 } },
    "fabric.twoSided.prepare": {
      start: { floorNs: 12_000, floorNsPerDoubling: 800, tokenNs: 7 },
    },
    "collectives.allToAll": collective(sheet),
    "collectives.allGather": collective(sheet),
    "collectives.reduceScatter": collective(sheet),
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

export function fitKernel(kernel: string, cases: readonly GpuCase[]): Record<string, number> {
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

export function errorsOf(
  kernel: string,
  constants: Record<string, number>,
  cases: readonly GpuCase[],
): number[] {
  const kernels = withConstants(plainKernels(cases[0].machine), kernel, constants);
  return cases.map((found) => Math.abs(found.modelNs(kernels) / found.measuredNs - 1));
}
