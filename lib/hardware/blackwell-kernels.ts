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
  networkFloorNs: assumed(25_000, "as H100"),
  networkBytesPerNs: assumed(48, "as H100, whose adapters are the same"),
  networkOverlap: assumed(1, "as H100"),
};

export const b200LowLatency = {
  dispatch: {
    ...b200DeepEp({
      floorNs: 14_200,
      floorNsPerExpert: 27.4,
      linkBytesPerNs: 533,
      tokenNs: 2290,
      tokenNsPerByte: 0.127,
      copyNsPerByte: 0,
      overlap: 1.2,
    }),
    ...asH100,
  },
  combine: {
    ...b200DeepEp({
      floorNs: 15_500,
      floorNsPerExpert: 18.3,
      linkBytesPerNs: 603,
      tokenNs: 0,
      tokenNsPerByte: 0,
      copyNsPerByte: 0.0189,
      overlap: 1.13,
    }),
    ...asH100,
  },
};
export const gb200LowLatency = {
  dispatch: {
    ...gb200DeepEp({
      floorNs: 10_500,
      floorNsPerExpert: 24.9,
      linkBytesPerNs: 483,
      tokenNs: 2060,
      tokenNsPerByte: 0.159,
      copyNsPerByte: 0,
      overlap: 1.25,
    }),
    ...asH100,
  },
  combine: {
    ...gb200DeepEp({
      floorNs: 10_800,
      floorNsPerExpert: 20.2,
      linkBytesPerNs: 613,
      tokenNs: 0,
      tokenNsPerByte: 0,
      copyNsPerByte: 0.0264,
      overlap: 1.13,
    }),
    ...asH100,
  },
};
export const b200Normal = {
  dispatch: b200DeepEp({
    floorNs: 33_100,
    floorNsPerByte: 0.0466,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00311,
    copyNs: 7.88,
    linkBytesPerNs: 900,
    overlap: 0.845,
    fanOut: 0,
    computeUnits: 24,
  }),
  combine: b200DeepEp({
    floorNs: 32_800,
    floorNsPerByte: 0.293,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00425,
    copyNs: 5.28,
    linkBytesPerNs: 900,
    overlap: 0.835,
    fanOut: 0,
    computeUnits: 24,
  }),
};
export const gb200Normal = {
  dispatch: gb200DeepEp({
    floorNs: 32_500,
    floorNsPerByte: 0.0428,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.0022,
    copyNs: 17,
    linkBytesPerNs: 900,
    overlap: 0.992,
    fanOut: 0,
    computeUnits: 24,
  }),
  combine: gb200DeepEp({
    floorNs: 31_300,
    floorNsPerByte: 0.34,
    floorNsPerDoubling: 0,
    tokenNs: 0,
    readNsPerByte: 0.00309,
    copyNs: 17.9,
    linkBytesPerNs: 900,
    overlap: 1.01,
    fanOut: 0,
    computeUnits: 24,
  }),
};
export const b200Collectives = {
  allToAll: nccl({
    shortNs: 8920,
    shortNsPerDoubling: 600,
    shortBytesPerNs: 18.1,
    longNs: 16_500,
    longNsPerDoubling: 215,
    longBytesPerNs: 446,
  }),
  allGather: nccl({
    shortNs: 5150,
    shortNsPerDoubling: 3760,
    shortBytesPerNs: 49.8,
    longNs: 10_300,
    longNsPerDoubling: 2710,
    longBytesPerNs: 454,
  }),
  reduceScatter: nccl({
    shortNs: 5740,
    shortNsPerDoubling: 3480,
    shortBytesPerNs: 220,
    longNs: 23_500,
    longNsPerDoubling: 3370,
    longBytesPerNs: 548,
  }),
};
const fabricKernel = { floorNsPerByte: 0, tokenNs: 0, copyNs: 0, computeUnits: 16 };
export const nvl72OneSided = {
  dispatch: fabric({
    ...fabricKernel,
    floorNs: 11_600,
    floorNsPerDoubling: 1840,
    readNsPerByte: 0,
    linkBytesPerNs: 662,
    overlap: 0.988,
    fanOut: 0.0239,
  }),
  combine: fabric({
    ...fabricKernel,
    floorNs: 6460,
    floorNsPerDoubling: 5650,
    readNsPerByte: 0,
    linkBytesPerNs: 648,
    overlap: 1.2,
    fanOut: 0.0162,
  }),
};
export const nvl72TwoSided = {
  dispatch: fabric({
    ...fabricKernel,
    floorNs: 9930,
    floorNsPerDoubling: 644,
    tokenNs: 36.6,
    readNsPerByte: 0,
    copyNs: 1.26,
    linkBytesPerNs: 609,
    overlap: 0.988,
    fanOut: 0,
  }),
  combine: fabric({
    ...fabricKernel,
    floorNs: 11_100,
    floorNsPerDoubling: 798,
    readNsPerByte: 0.00298,
    linkBytesPerNs: 647,
    overlap: 1.05,
    fanOut: 0.0184,
  }),
  prepare: fabric({
    ...fabricKernel,
    floorNs: 11_000,
    floorNsPerDoubling: 727,
    tokenNs: 6.99,
    readNsPerByte: 0,
    linkBytesPerNs: 900,
    overlap: 1.02,
    fanOut: 0,
  }),
  lowPrecisionCombine: fabric({
    ...fabricKernel,
    floorNs: 13_600,
    floorNsPerDoubling: 1120,
    readNsPerByte: 0.0307,
    linkBytesPerNs: 749,
    overlap: 1.09,
    fanOut: 0.000198,
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
