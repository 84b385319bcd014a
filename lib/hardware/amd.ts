import { assumed, isConstant, sheet, type Constant, type Sourced } from "./constant.js";
import { gpuServers, HBM3_PJ, type GpuSheet } from "./gpu-servers.js";
import type { Hardware } from "./hardware.js";
import {
  h100AcrossServers,
  h100Collectives,
  h100LowLatency,
  h100Normal,
  h200Experts,
  hopperUnitShare,
} from "./hopper-kernels.js";
import type { ExpertKernel, GpuKernels } from "./kernels.js";

/** Servers of AMD's Instinct GPUs; no table of measurements was found, so kernels are those of an H100 at other rates. */

const mi300x: GpuSheet = {
  source: "AMD Instinct MI300X data sheet",
  bf16FlopPerNs: 1_307_000,
  fp8Speedup: 2,
  memoryBytes: 192e9,
  memoryBytesPerNs: 5300,
  cacheBytes: sheet(256 * 2 ** 20, "AMD Instinct MI300X data sheet: 256 MB Infinity Cache"),
  linkBytesPerNs: 448,
  linkName: "Infinity Fabric, 7 links of 64 GB/s",
  linkLatencyNs: assumed(700, "Infinity Fabric between two GPUs, order of magnitude"),
  idleWatts: 140,
  memoryPjPerBit: HBM3_PJ,
};

/** The same numbers, as those of another machine that nobody measured with them. */
function borrowed<T extends object>(kernels: T): T {
  const entries = Object.entries(kernels).map(([name, part]: [string, object]) => [
    name,
    isConstant(part)
      ? assumed(part.value, `not measured on an MI300X, taken from: ${part.source}`)
      : borrowed(part),
  ]);
  return Object.fromEntries(entries) as T;
}

/** DeepGEMM and Cutlass as on an H200, at the rates of the data sheet. */
function borrowedExpert(kernel: Sourced<ExpertKernel>): Sourced<ExpertKernel> {
  const scaled = ({ value }: Constant, rate: number, hopperRate: number) =>
    assumed(
      (value * rate) / hopperRate,
      `not measured on an MI300X: H200, times the ratio to ${mi300x.source}`,
    );
  return {
    ...borrowed(kernel),
    memoryBytesPerNs: scaled(kernel.memoryBytesPerNs, mi300x.memoryBytesPerNs, 4800),
    flopPerNs: scaled(kernel.flopPerNs, mi300x.bf16FlopPerNs, 989_000),
  };
}

const mi300xKernels: Sourced<GpuKernels> = {
  computeUnits: sheet(304, mi300x.source),
  adapterBytesPerNs: sheet(50, "ConnectX-7 or Pollara, 400 Gb/s"),
  overlapSlowdown: assumed(1.7, "as on an H800: DeepSeek profile-data, train.json"),
  unitShare: borrowed(hopperUnitShare),
  lowLatency: borrowed(h100LowLatency),
  normal: borrowed(h100Normal),
  acrossServers: borrowed(h100AcrossServers),
  collectives: borrowed(h100Collectives),
  experts: {
    decode: borrowedExpert(h200Experts.decode),
    prefill: borrowedExpert(h200Experts.prefill),
    fused: borrowedExpert(h200Experts.fused),
  },
};

export const mi300xServers: Hardware = gpuServers(mi300x, mi300xKernels, {
  name: "mi300x-8x8",
  gpuName: "MI300X",
});
