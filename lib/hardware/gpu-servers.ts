import { assumed, sheet, type Constant, type Sourced } from "./constant.js";
import type { Hardware, RooflineCompute } from "./hardware.js";
import type { GpuKernels } from "./kernels.js";

/** What tells one kind of GPU from another. */
export interface GpuSheet {
  /** Its data sheet, named as the source of every number of it. */
  readonly source: string;
  readonly bf16FlopPerNs: number;
  /** Operations at FP8 for each one at 16 bits. */
  readonly fp8Speedup: number;
  readonly memoryBytes: number;
  readonly memoryBytesPerNs: number;
  readonly cacheBytes: Constant;
  /** To the other GPUs of its server, each direction. */
  readonly linkBytesPerNs: number;
  readonly linkName: string;
  readonly linkLatencyNs: Constant;
  readonly idleWatts: number;
  readonly memoryPjPerBit: Constant;
}

const REACHED = assumed(0.7, "large products reach 60 to 80 % of the peaks of data sheets");

export const HBM3_PJ = assumed(3.9, "HBM3 taken as HBM2: O'Connor et al., MICRO 2017");
export const HBM3E_PJ: Constant = {
  value: 3.44,
  source: "HBM3E: SK hynix, IEDM 2023 15-6 (quoted)",
  trust: "measured",
};
export const LINK_PJ = assumed(1.3, "GRS-class link: Poulton et al., JSSC 2019, 1.17 pJ/bit");

/** Compute of one GPU. */
function gpuCompute(gpu: GpuSheet): RooflineCompute {
  return {
    kind: "roofline",
    flopPerNs: sheet(gpu.bf16FlopPerNs, `${gpu.source}: dense BF16`),
    memoryBytesPerNs: sheet(gpu.memoryBytesPerNs, `${gpu.source}: memory bandwidth`),
    sramBytes: gpu.cacheBytes,
    fp8Speedup: sheet(gpu.fp8Speedup, gpu.source),
    efficiency: REACHED,
  };
}

/** What machines of GPUs have in common: resident weights, a memory a GPU, tokens that start everywhere. */
export function gpuMachine(
  gpu: GpuSheet,
  kernels: Sourced<GpuKernels>,
  { numGpus }: { numGpus: number },
): Pick<
  Hardware,
  "tokensStart" | "chiplet" | "root" | "weights" | "memory" | "rootMemory" | "kernels" | "energy"
> {
  const compute = gpuCompute(gpu);
  const memory = {
    bytes: sheet(gpu.memoryBytes, `${gpu.source}: memory`),
    bytesPerNs: compute.memoryBytesPerNs,
    pjPerBit: gpu.memoryPjPerBit,
  };
  return {
    tokensStart: "everywhere",
    chiplet: compute,
    root: compute,
    weights: "resident",
    memory: { of: "chiplet", forwarding: "at once", ...memory },
    rootMemory: memory,
    kernels,
    energy: {
      macPj: assumed(0.6, "tensor core multiply-accumulate at 4 nm, scaled; no direct source"),
      sramPjPerByte: assumed(2.5, "as 32 kB SRAM at 45 nm, Horowitz, ISSCC 2014; an upper estimate at 4 nm"),
      staticWatts: assumed(numGpus * gpu.idleWatts, `${gpu.idleWatts} W idle a GPU`),
    },
  };
}

/** Servers of 8 GPUs with an adapter of 400 Gb/s each: `h100-8x8` and its kin. */
export function gpuServers(
  gpu: GpuSheet,
  kernels: Sourced<GpuKernels>,
  { name, gpuName }: { name: string; gpuName: string },
): Hardware {
  return {
    name,
    description: `8 servers of 8 ${gpuName} GPUs: ${gpu.linkName} inside a server, 400 Gb/s for every GPU between them`,
    numGroups: 8,
    chipletsPerGroup: 8,
    multicast: true,
    ...gpuMachine(gpu, kernels, { numGpus: 64 }),
    links: {
      root: {
        bytesPerNs: sheet(8 * 50, "8 adapters of 400 Gb/s a server, each direction"),
        latencyNs: assumed(2000, "InfiniBand between GPUs through one switch, order of magnitude"),
        pjPerBit: assumed(15, "adapter, optics and switch, order of magnitude"),
      },
      chiplet: {
        bytesPerNs: sheet(gpu.linkBytesPerNs, `${gpu.source}: ${gpu.linkName}, each direction`),
        latencyNs: gpu.linkLatencyNs,
        pjPerBit: LINK_PJ,
      },
    },
  };
}
