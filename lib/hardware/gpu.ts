import type { Constant, Hardware, RooflineCompute } from "./hardware.js";

/** Clusters of GPUs: a GPU is a chiplet, the GPUs of a server (or a rack on one NVLink fabric) a chiplet group. */

const sheet = (value: number, source: string): Constant => ({ value, source, trust: "data sheet" });
const assumed = (value: number, source: string): Constant => ({ value, source, trust: "assumed" });

const H100 = "NVIDIA H100 SXM data sheet";
const GB200 = "NVIDIA GB200 NVL72 data sheet";

const REACHED = assumed(0.7, "large products reach 60 to 80 % of the peaks of data sheets");

const h100Compute: RooflineCompute = {
  kind: "roofline",
  flopPerNs: sheet(989_000, `${H100}: 989 TFLOP/s BF16 dense`),
  memoryBytesPerNs: sheet(3350, `${H100}: 3.35 TB/s HBM3`),
  sramBytes: sheet(50 * 2 ** 20, `${H100}: 50 MB L2`),
  fp8Speedup: sheet(2, H100),
  efficiency: REACHED,
};

const gpuEnergy = (watts: number, source: string): Hardware["energy"] => ({
  macPj: assumed(0.6, "tensor core multiply-accumulate at 4 nm, scaled; no direct source"),
  sramPjPerByte: assumed(2.5, "as 32 kB SRAM at 45 nm, Horowitz, ISSCC 2014; an upper estimate at 4 nm"),
  staticWatts: assumed(watts, source),
});

export const h100Servers: Hardware = {
  name: "h100-8x8",
  description:
    "8 servers of 8 H100 GPUs: NVLink inside a server, 400 Gb/s InfiniBand for every GPU between them",
  numGroups: 8,
  chipletsPerGroup: 8,
  tokensStart: "everywhere",
  multicast: true,
  chiplet: h100Compute,
  root: h100Compute,
  weights: "resident",
  memory: {
    of: "chiplet",
    forwarding: "at once",
    bytes: sheet(80e9, `${H100}: 80 GB`),
    bytesPerNs: h100Compute.memoryBytesPerNs,
    pjPerBit: assumed(3.9, "HBM3 taken as HBM2: O'Connor et al., MICRO 2017"),
  },
  rootMemory: {
    bytes: sheet(80e9, `${H100}: 80 GB`),
    bytesPerNs: h100Compute.memoryBytesPerNs,
    pjPerBit: assumed(3.9, "HBM3 taken as HBM2: O'Connor et al., MICRO 2017"),
  },
  links: {
    root: {
      bytesPerNs: sheet(8 * 50, "8 ConnectX-7 adapters of 400 Gb/s a server, each direction"),
      latencyNs: assumed(2000, "InfiniBand between GPUs through one switch, order of magnitude"),
      pjPerBit: assumed(15, "adapter, optics and switch, order of magnitude"),
    },
    chiplet: {
      bytesPerNs: sheet(450, `${H100}: NVLink 900 GB/s, half in each direction`),
      latencyNs: assumed(500, "NVLink through one NVSwitch, order of magnitude"),
      pjPerBit: assumed(1.3, "GRS-class link: Poulton et al., JSSC 2019, 1.17 pJ/bit"),
    },
  },
  energy: gpuEnergy(64 * 100, "100 W idle for each of 64 GPUs"),
};

const gb200Compute: RooflineCompute = {
  kind: "roofline",
  flopPerNs: sheet(2_500_000, `${GB200}: 180 PFLOP/s BF16 dense over 72 GPUs`),
  memoryBytesPerNs: sheet(8000, `${GB200}: 576 TB/s over 72 GPUs`),
  sramBytes: assumed(126e6, "L2 of B200, as reported in reviews"),
  fp8Speedup: sheet(2, GB200),
  efficiency: REACHED,
};

export const gb200Rack: Hardware = {
  name: "gb200-nvl72",
  description: "One NVL72 rack: 72 Blackwell GPUs on one NVLink fabric, in 18 trays of 4",
  numGroups: 18,
  chipletsPerGroup: 4,
  tokensStart: "everywhere",
  // All GPUs hang on the same fabric: a tray has no link of its own on which one copy could serve several GPUs.
  multicast: false,
  chiplet: gb200Compute,
  root: gb200Compute,
  weights: "resident",
  memory: {
    of: "chiplet",
    forwarding: "at once",
    bytes: sheet(186e9, `${GB200}: 13.4 TB over 72 GPUs`),
    bytesPerNs: gb200Compute.memoryBytesPerNs,
    pjPerBit: { value: 3.44, source: "HBM3E: SK hynix, IEDM 2023 15-6 (quoted)", trust: "measured" },
  },
  rootMemory: {
    bytes: sheet(186e9, `${GB200}: 13.4 TB over 72 GPUs`),
    bytesPerNs: gb200Compute.memoryBytesPerNs,
    pjPerBit: { value: 3.44, source: "HBM3E: SK hynix, IEDM 2023 15-6 (quoted)", trust: "measured" },
  },
  links: {
    root: {
      bytesPerNs: sheet(4 * 900, `${GB200}: 1.8 TB/s NVLink a GPU, half in each direction, 4 GPUs a tray`),
      latencyNs: assumed(250, "half of NVLink through one NVSwitch, order of magnitude"),
      pjPerBit: assumed(1.3, "GRS-class link: Poulton et al., JSSC 2019, 1.17 pJ/bit"),
    },
    chiplet: {
      bytesPerNs: sheet(900, `${GB200}: 1.8 TB/s NVLink a GPU, half in each direction`),
      latencyNs: assumed(250, "half of NVLink through one NVSwitch, order of magnitude"),
      pjPerBit: assumed(1.3, "GRS-class link: Poulton et al., JSSC 2019, 1.17 pJ/bit"),
    },
  },
  energy: gpuEnergy(72 * 150, "150 W idle for each of 72 GPUs"),
};
