import { assumed, sheet, type Sourced } from "./constant.js";
import {
  b200Collectives,
  b200LowLatency,
  b200Normal,
  gb200Fused,
  gb200LowLatency,
  gb200Normal,
  nvl72OneSided,
  nvl72TwoSided,
} from "./blackwell-kernels.js";
import { gpuMachine, gpuServers, HBM3E_PJ, LINK_PJ, type GpuSheet } from "./gpu-servers.js";
import type { Hardware } from "./hardware.js";
import { h100AcrossServers, h200Experts, hopperUnitShare } from "./hopper-kernels.js";
import type { ExpertKernel, GpuKernels } from "./kernels.js";

/** Servers and racks of NVIDIA's Blackwell GPUs. */

const b200: GpuSheet = {
  source: "NVIDIA HGX B200 data sheet",
  bf16FlopPerNs: 2_250_000,
  fp8Speedup: 2,
  memoryBytes: 180e9,
  memoryBytesPerNs: 7750,
  cacheBytes: assumed(126e6, "L2 of B200, as reported in reviews"),
  linkBytesPerNs: 900,
  linkName: "NVLink",
  linkLatencyNs: assumed(500, "NVLink through one NVSwitch, order of magnitude"),
  idleWatts: 150,
  memoryPjPerBit: HBM3E_PJ,
};
const gb200: GpuSheet = {
  ...b200,
  source: "NVIDIA GB200 NVL72 data sheet",
  bf16FlopPerNs: 2_500_000,
  memoryBytes: 186e9,
  memoryBytesPerNs: 8000,
};

/** DeepGEMM as on an H200, with the rates of another data sheet. */
function derivedExperts(gpu: GpuSheet): Pick<Sourced<GpuKernels["experts"]>, "decode" | "prefill"> {
  const source = `H200, times the ratio to ${gpu.source}`;
  const faster = (kernel: Sourced<ExpertKernel>): Sourced<ExpertKernel> => ({
    ...kernel,
    memoryBytesPerNs: {
      value: (kernel.memoryBytesPerNs.value * gpu.memoryBytesPerNs) / 4800,
      source,
      trust: "derived",
    },
    flopPerNs: { value: (kernel.flopPerNs.value * gpu.bf16FlopPerNs) / 989_000, source, trust: "derived" },
  });
  return { decode: faster(h200Experts.decode), prefill: faster(h200Experts.prefill) };
}

/** Cutlass NVFP4 as measured, without what its floor has of sorting rows: these come sorted, as to DeepGEMM. */
const fourBit: Sourced<ExpertKernel> = {
  ...gb200Fused,
  floorNs: assumed(h200Experts.decode.floorNs.value, "as the grouped products of DeepGEMM on an H200"),
};

const common = {
  adapterBytesPerNs: sheet(50, "ConnectX-7, 400 Gb/s"),
  overlapSlowdown: assumed(1.7, "as on an H800: DeepSeek profile-data, train.json"),
  unitShare: {
    normal: assumed(hopperUnitShare.normal.value, "as on an H800: DeepGEMM README and DeepSeek profile-data"),
    lowLatency: assumed(hopperUnitShare.lowLatency.value, "as on an H100: LMSYS, DeepSeek on 96 H100 GPUs"),
  },
  acrossServers: h100AcrossServers,
  collectives: b200Collectives,
};

const b200Kernels: Sourced<GpuKernels> = {
  ...common,
  computeUnits: sheet(148, "NVIDIA B200: 148 SMs"),
  lowLatency: b200LowLatency,
  normal: b200Normal,
  experts: { ...derivedExperts(b200), fused: gb200Fused, fourBit },
};

const gb200Kernels: Sourced<GpuKernels> = {
  ...common,
  computeUnits: sheet(152, "NVIDIA GB200: 152 SMs"),
  lowLatency: gb200LowLatency,
  normal: gb200Normal,
  fabric: { oneSided: nvl72OneSided, twoSided: nvl72TwoSided },
  experts: { ...derivedExperts(gb200), fused: gb200Fused, fourBit },
};

export const b200Servers: Hardware = gpuServers(b200, b200Kernels, { name: "b200-8x8", gpuName: "B200" });

export const gb200Rack: Hardware = {
  name: "gb200-nvl72",
  description: "One NVL72 rack: 72 Blackwell GPUs on one NVLink fabric, in 18 trays of 4",
  numGroups: 18,
  chipletsPerGroup: 4,
  // All GPUs hang on the same fabric: a tray has no link of its own on which one copy could serve several GPUs.
  multicast: false,
  ...gpuMachine(gb200, gb200Kernels, { numGpus: 72 }),
  links: {
    root: {
      bytesPerNs: sheet(
        4 * 900,
        `${gb200.source}: 1.8 TB/s NVLink a GPU, half in each direction, 4 GPUs a tray`,
      ),
      latencyNs: assumed(250, "half of NVLink through one NVSwitch, order of magnitude"),
      pjPerBit: LINK_PJ,
    },
    chiplet: {
      bytesPerNs: sheet(900, `${gb200.source}: 1.8 TB/s NVLink a GPU, half in each direction`),
      latencyNs: assumed(250, "half of NVLink through one NVSwitch, order of magnitude"),
      pjPerBit: LINK_PJ,
    },
  },
};
