import { sourced, type Sourced } from "./constant.js";
import type { GpuKernels } from "./kernels.js";

const DEEPEP = "DeepEP on H100";
const TABLES = "tables of NVIDIA AIConfigurator (Apache-2.0), fitted by bench/gpu-fit.ts";
const deepEp = <T extends object>(numbers: T) => sourced(numbers, `${DEEPEP}: ${TABLES}`, "fitted");
const nccl = <T extends object>(numbers: T) => sourced(numbers, `NCCL on H100: ${TABLES}`, "fitted");

/** What experts and attention lose to kernels that run beside them. */
export const hopperUnitShare = {
  normal: {
    value: 1 - 2223 / 3086,
    source:
      "grouped products of 4 x 8192 rows of DeepSeek-V3: 2223 us alone (DeepGEMM README, H800), " +
      "3086 us beside dispatch and combine (DeepSeek profile-data, train.json)",
    trust: "measured",
  },
  lowLatency: {
    value: 0.06 / 0.17,
    source:
      "LMSYS, DeepSeek on 96 H100 GPUs: dispatch takes 0.17 ms in a step of decode, 0.06 ms of it on the SMs",
    trust: "measured",
  },
} satisfies Sourced<NonNullable<GpuKernels["unitShare"]>>;

export const h100LowLatency = {
  dispatch: deepEp({
    floorNs: 6740,
    floorNsPerExpert: 14.8,
    linkBytesPerNs: 260,
    tokenNs: 1350,
    tokenNsPerByte: 0.186,
    copyNsPerByte: 0,
    overlap: 1.15,
    networkFloorNs: 19_000,
    networkBytesPerNs: 48.2,
    networkOverlap: 1.01,
  }),
  combine: deepEp({
    floorNs: 10_200,
    floorNsPerExpert: 3.5,
    linkBytesPerNs: 211,
    tokenNs: 0,
    tokenNsPerByte: 0,
    copyNsPerByte: 0.0191,
    overlap: 1.17,
    networkFloorNs: 21_400,
    networkBytesPerNs: 47.2,
    networkOverlap: 0.926,
  }),
};
export const h100Normal = {
  dispatch: deepEp({
    floorNs: 24_000,
    floorNsPerByte: 0.0556,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00169,
    copyNs: 3.24,
    linkBytesPerNs: 450,
    overlap: 0.822,
    fanOut: 0,
    computeUnits: 24,
  }),
  combine: deepEp({
    floorNs: 26_100,
    floorNsPerByte: 0.263,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00377,
    copyNs: 1.03,
    linkBytesPerNs: 450,
    overlap: 0.844,
    fanOut: 0,
    computeUnits: 24,
  }),
};
export const h100AcrossServers = {
  dispatch: deepEp({
    floorNs: 87_600,
    networkBytesPerNs: 47.6,
    unitBytesPerNs: 10.2,
    forwardBytesPerNs: 290,
    pipelineTokens: 232,
  }),
  combine: deepEp({
    floorNs: 111_000,
    networkBytesPerNs: 47.5,
    unitBytesPerNs: 7.92,
    forwardBytesPerNs: 310,
    pipelineTokens: 287,
  }),
};
export const h100Collectives = {
  allToAll: nccl({
    shortNs: 6580,
    shortBytesPerNs: 11.9,
    longNs: 12_900,
    longBytesPerNs: 306,
    ownBytesPerNs: 1800,
    peerNs: 91.5,
  }),
  allGather: nccl({
    shortNs: 5270,
    shortBytesPerNs: 118,
    longNs: 22_000,
    longBytesPerNs: 352,
    ownBytesPerNs: 875,
    peerNs: 801,
  }),
  reduceScatter: nccl({
    shortNs: 5340,
    shortBytesPerNs: 139,
    longNs: 17_700,
    longBytesPerNs: 355,
    ownBytesPerNs: 600,
    peerNs: 756,
  }),
};
export const h200Experts = {
  decode: sourced(
    {
      floorNs: 22_300,
      hostNs: 0,
      idleExpertNs: 5650,
      idleExponent: 0.5,
      memoryBytesPerNs: 4800,
      flopPerNs: 1_400_000,
      tileRows: 64,
      overlap: 1.31,
      tokenNsPerByte: 0,
      rowNsPerByte: 0,
    },
    `DeepGEMM FP8 on H200: ${TABLES}`,
    "fitted",
  ),
  prefill: sourced(
    {
      floorNs: 157_000,
      hostNs: 341_000,
      idleExpertNs: 0,
      memoryBytesPerNs: 3080,
      flopPerNs: 1_400_000,
      tileRows: 128,
      overlap: 3.43,
      tokenNsPerByte: 0.00084,
      rowNsPerByte: 0.000976,
    },
    `DeepGEMM FP8 on H200: ${TABLES}`,
    "fitted",
  ),
  fused: sourced(
    {
      floorNs: 35_300,
      hostNs: 0,
      idleExpertNs: 227,
      memoryBytesPerNs: 4800,
      flopPerNs: 1_980_000,
      tileRows: 64,
      overlap: 1,
      tokenNsPerByte: 0.00486,
      rowNsPerByte: 0.0122,
    },
    `TensorRT-LLM Cutlass FP8 on H200: ${TABLES}`,
    "fitted",
  ),
};
