import { assumed, sheet, type Constant, type Sourced } from "./constant.js";
import { gpuServers, HBM3_PJ, type GpuSheet } from "./gpu-servers.js";
import type { Hardware } from "./hardware.js";
import {
  h100AcrossServers,
  h100Collectives,
  h100LowLatency,
  h100Normal,
  h200Experts,
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

function derivedExpert(kernel: Sourced<ExpertKernel>): Sourced<ExpertKernel> {
  const derived = (value: number): Constant => ({
    value,
    source: `H200, times the ratio to ${mi300x.source}`,
    trust: "derived",
  });
  return {
    ...kernel,
    memoryBytesPerNs: derived((kernel.memoryBytesPerNs.value * 5300) / 4800),
    flopPerNs: derived((kernel.flopPerNs.value * 1_307_000) / 989_000),
  };
}

const mi300xKernels: Sourced<GpuKernels> = {
  computeUnits: sheet(304, mi300x.source),
  adapterBytesPerNs: sheet(50, "ConnectX-7 or Pollara, 400 Gb/s"),
  overlapSlowdown: assumed(1.7, "as on an H800: DeepSeek profile-data, train.json"),
  lowLatency: h100LowLatency,
  normal: h100Normal,
  acrossServers: h100AcrossServers,
  collectives: h100Collectives,
  experts: {
    decode: derivedExpert(h200Experts.decode),
    prefill: derivedExpert(h200Experts.prefill),
    fused: derivedExpert(h200Experts.fused),
  },
};

export const mi300xServers: Hardware = gpuServers(mi300x, mi300xKernels, {
  name: "mi300x-8x8",
  gpuName: "MI300X",
});
