import { assumed, type Constant, type Sourced } from "./constant.js";
import { gpuServers, HBM3_PJ, HBM3E_PJ, type GpuSheet } from "./gpu-servers.js";
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

/** Servers of NVIDIA's Hopper GPUs. */

const h100: GpuSheet = {
  source: "NVIDIA H100 SXM data sheet",
  bf16FlopPerNs: 989_000,
  fp8Speedup: 2,
  memoryBytes: 80e9,
  memoryBytesPerNs: 3350,
  cacheBytes: { value: 50 * 2 ** 20, source: "NVIDIA H100 SXM data sheet: 50 MB L2", trust: "data sheet" },
  linkBytesPerNs: 450,
  linkName: "NVLink",
  linkLatencyNs: assumed(500, "NVLink through one NVSwitch, order of magnitude"),
  idleWatts: 100,
  memoryPjPerBit: HBM3_PJ,
};
const h200: GpuSheet = {
  ...h100,
  source: "NVIDIA H200 SXM data sheet",
  memoryBytes: 141e9,
  memoryBytesPerNs: 4800,
  memoryPjPerBit: HBM3E_PJ,
};
const h800: GpuSheet = { ...h100, source: "NVIDIA H800 SXM data sheet", linkBytesPerNs: 200 };

/** Experts of a GPU that differs from the H200 in its memory alone. */
function expertsWithMemory(share: number): Sourced<GpuKernels["experts"]> {
  const slower = (kernel: Sourced<ExpertKernel>): Sourced<ExpertKernel> => ({
    ...kernel,
    memoryBytesPerNs: {
      value: kernel.memoryBytesPerNs.value * share,
      source: "H200, times the ratio of memory bandwidths in the data sheets",
      trust: "derived",
    },
  });
  const { decode, prefill, fused } = h200Experts;
  return { decode: slower(decode), prefill: slower(prefill), fused: slower(fused) };
}

const common = {
  computeUnits: { value: 132, source: "NVIDIA H100 SXM data sheet: 132 SMs", trust: "data sheet" },
  adapterBytesPerNs: { value: 50, source: "ConnectX-7, 400 Gb/s", trust: "data sheet" },
  overlapSlowdown: {
    value: 1.7,
    source:
      "DeepSeek profile-data, train.json (H800): normal kernels beside compute take 1.4 to 2.0 times as long",
    trust: "measured",
  },
  unitShare: hopperUnitShare,
} as const;

const h100Kernels: Sourced<GpuKernels> = {
  ...common,
  lowLatency: h100LowLatency,
  normal: h100Normal,
  acrossServers: h100AcrossServers,
  collectives: h100Collectives,
  experts: expertsWithMemory(3350 / 4800),
};

export const h100Servers: Hardware = gpuServers(h100, h100Kernels, { name: "h100-8x8", gpuName: "H100" });
export const h200Servers: Hardware = gpuServers(
  h200,
  { ...h100Kernels, experts: h200Experts },
  { name: "h200-8x8", gpuName: "H200" },
);
export const h800Servers: Hardware = gpuServers(
  h800,
  { ...h100Kernels, ...slowerLinks() },
  { name: "h800-8x8", gpuName: "H800" },
);

/** NVLink of the H800 is cut to 200 GB/s each direction, of which DeepEP reaches 160; the rest is an H100. */
function slowerLinks(): Pick<Sourced<GpuKernels>, "lowLatency" | "normal" | "acrossServers"> {
  const reached: Constant = {
    value: 160,
    source: "deepseek-ai/DeepEP, docs/legacy.md: NVLink of the H800 reaches about 160 GB/s",
    trust: "measured",
  };
  const link = <T extends { linkBytesPerNs: Constant }>(kernel: T) => ({
    ...kernel,
    linkBytesPerNs: reached,
  });
  // Printed with a GPU's own share, which does not travel: an eighth of all.
  const forward = <T extends { forwardBytesPerNs: Constant }>(kernel: T, printed: number) => ({
    ...kernel,
    forwardBytesPerNs: {
      value: (printed * 7) / 8,
      source: `deepseek-ai/DeepEP, docs/legacy.md: 8 GPUs of an H800 exchange at ${printed} GB/s`,
      trust: "measured",
    } satisfies Constant,
  });
  const both = <T, U>({ dispatch, combine }: { dispatch: T; combine: T }, change: (kernel: T) => U) => ({
    dispatch: change(dispatch),
    combine: change(combine),
  });
  return {
    lowLatency: both(h100LowLatency, link),
    normal: both(h100Normal, link),
    acrossServers: {
      dispatch: forward(h100AcrossServers.dispatch, 153),
      combine: forward(h100AcrossServers.combine, 158),
    },
  };
}
