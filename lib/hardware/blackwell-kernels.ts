import { assumed, sourced } from "./constant.js";

const TABLES = "tables of NVIDIA AIConfigurator (Apache-2.0), fitted by bench/gpu-fit.ts";
const from =
  (what: string) =>
  <T extends object>(numbers: T) =>
    sourced(numbers, `${what}: ${TABLES}`, "fitted");
const b200DeepEp = from("DeepEP on B200");
const gb200DeepEp = from("DeepEP on GB200");
const nccl = from("NCCL on B200");
const fabric = from("TensorRT-LLM all-to-all on GB200 NVL72");

/** No table has B200 over several servers: as an H100, whose adapters are the same. */
const asH100 = {
  networkFloorNs: assumed(20_000, "as H100"),
  networkBytesPerNs: assumed(48, "as H100, whose adapters are the same"),
  networkOverlap: assumed(1, "as H100"),
};

export const b200LowLatency = {
  dispatch: {
    ...b200DeepEp({
      floorNs: 11_300,
      floorNsPerExpert: 27.2,
      linkBytesPerNs: 534,
      tokenNs: 2240,
      tokenNsPerByte: 0.136,
      copyNsPerByte: 0,
      overlap: 1.2,
    }),
    ...asH100,
  },
  combine: {
    ...b200DeepEp({
      floorNs: 15_200,
      floorNsPerExpert: 15,
      linkBytesPerNs: 603,
      tokenNs: 0,
      tokenNsPerByte: 0,
      copyNsPerByte: 0.0192,
      overlap: 1.14,
    }),
    ...asH100,
  },
};
export const gb200LowLatency = {
  dispatch: {
    ...gb200DeepEp({
      floorNs: 7650,
      floorNsPerExpert: 24.7,
      linkBytesPerNs: 483,
      tokenNs: 2210,
      tokenNsPerByte: 0.129,
      copyNsPerByte: 0,
      overlap: 1.25,
    }),
    ...asH100,
  },
  combine: {
    ...gb200DeepEp({
      floorNs: 10_400,
      floorNsPerExpert: 15.2,
      linkBytesPerNs: 613,
      tokenNs: 0,
      tokenNsPerByte: 0,
      copyNsPerByte: 0.0261,
      overlap: 1.13,
    }),
    ...asH100,
  },
};
export const b200Normal = {
  dispatch: b200DeepEp({
    floorNs: 32_700,
    floorNsPerByte: 0.064,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00207,
    copyNs: 7.21,
    linkBytesPerNs: 900,
    overlap: 0.844,
    fanOut: 0,
    computeUnits: 24,
  }),
  combine: b200DeepEp({
    floorNs: 32_500,
    floorNsPerByte: 0.298,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00389,
    copyNs: 4.87,
    linkBytesPerNs: 900,
    overlap: 0.835,
    fanOut: 0,
    computeUnits: 24,
  }),
};
export const gb200Normal = {
  dispatch: gb200DeepEp({
    floorNs: 31_800,
    floorNsPerByte: 0.0877,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.000525,
    copyNs: 14.2,
    linkBytesPerNs: 900,
    overlap: 0.991,
    fanOut: 0,
    computeUnits: 24,
  }),
  combine: gb200DeepEp({
    floorNs: 30_800,
    floorNsPerByte: 0.358,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00223,
    copyNs: 14.8,
    linkBytesPerNs: 900,
    overlap: 1.01,
    fanOut: 0,
    computeUnits: 24,
  }),
};
export const b200Collectives = {
  allToAll: nccl({
    shortNs: 9240,
    shortBytesPerNs: 13.4,
    longNs: 16_000,
    longBytesPerNs: 577,
    ownBytesPerNs: 777,
    peerNs: 225,
  }),
  allGather: nccl({
    shortNs: 8200,
    shortBytesPerNs: 216,
    longNs: 28_800,
    longBytesPerNs: 686,
    ownBytesPerNs: 1630,
    peerNs: 1260,
  }),
  reduceScatter: nccl({
    shortNs: 8210,
    shortBytesPerNs: 237,
    longNs: 30_400,
    longBytesPerNs: 683,
    ownBytesPerNs: 1120,
    peerNs: 1240,
  }),
};
const fabricKernel = {
  floorNsPerByte: 0,
  tokenNs: 0,
  readNsPerByte: 0,
  copyNs: 0,
  overlap: 1,
  fanOut: 0.024,
  computeUnits: 16,
};
export const nvl72OneSided = {
  dispatch: fabric({
    ...fabricKernel,
    floorNs: 11_500,
    floorNsPerCopy: 386,
    floorNsPerDoubling: 1220,
    linkBytesPerNs: 660,
  }),
  combine: fabric({
    ...fabricKernel,
    floorNs: 6760,
    floorNsPerCopy: 956,
    floorNsPerDoubling: 3950,
    linkBytesPerNs: 649,
    overlap: 1.23,
  }),
};
export const nvl72TwoSided = {
  dispatch: fabric({
    ...fabricKernel,
    floorNs: 9850,
    floorNsPerCopy: 290,
    floorNsPerDoubling: 175,
    tokenNs: 37.3,
    copyNs: 1.05,
    linkBytesPerNs: 621,
  }),
  combine: fabric({
    ...fabricKernel,
    floorNs: 10_800,
    floorNsPerCopy: 333,
    floorNsPerDoubling: 208,
    readNsPerByte: 0.00298,
    linkBytesPerNs: 656,
  }),
  prepare: fabric({
    ...fabricKernel,
    floorNs: 11_000,
    floorNsPerDoubling: 725,
    tokenNs: 6.9,
    linkBytesPerNs: 900,
  }),
  lowPrecisionCombine: fabric({
    ...fabricKernel,
    floorNs: 12_700,
    floorNsPerCopy: 579,
    floorNsPerDoubling: 139,
    readNsPerByte: 0.0307,
    linkBytesPerNs: 843,
  }),
};
export const gb200Fused = from("TensorRT-LLM Cutlass NVFP4 on GB200")({
  floorNs: 46_700,
  hostNs: 0,
  idleExpertNs: 58.1,
  memoryBytesPerNs: 8000,
  flopPerNs: 10_000_000,
  tileRows: 128,
  overlap: 1.18,
  tokenNsPerByte: 0.00404,
  rowNsPerByte: 0.00259,
});
