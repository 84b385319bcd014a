import type { Constant, Hardware, SystolicCompute } from "./hardware.js";

/**
 * The three machines of the Mozart paper (arXiv:2603.07006), as printed and, where print leaves a gap, as derived or
 * assumed here. Every gap is marked; docs/performance-model.md says what each is worth.
 */

/** What the paper lets differ from model to model. */
interface MachineOf {
  readonly model: string;
  readonly areaMm2: number;
  readonly powerKw: number;
}

const TABLE_2 = "Mozart, table 2";
/** 16 expert chiplets, the root and 4 switches share the printed area equally. */
const DIES = 21;
const PITCH_MM = 0.05;
const LINK_BYTES_PER_NS = 0.125;

const printed = (value: number, source = TABLE_2): Constant => ({ value, source, trust: "printed" });
const assumed = (value: number, source: string): Constant => ({ value, source, trust: "assumed" });

const LATENCY: Constant = assumed(
  17,
  "not printed; RapidChiplet defaults, 12 cycles die to die and 5 a router",
);
const LINK_ENERGY: Constant = assumed(0.3, "not printed; UCIe-A 2.5D target, 0.25 to 0.3 pJ/bit");
const HBM2_STACK = {
  bytes: printed(8192 * 2 ** 20),
  bytesPerNs: printed(256),
  pjPerBit: {
    value: 3.92,
    source: "HBM2 access: O'Connor et al., Fine-Grained DRAM, MICRO 2017",
    trust: "measured",
  },
} as const;

/** Of every machine, within the printed 36 to 100: one number with which every model's layer fits its SRAM. */
const TILES = 46;
/** Rows and columns of an array: the fewest that are printed. */
const ARRAY_SIZE = 16;

const FIT =
  "the seconds and speed-ups of Qwen3 at sequence 256, with 46 tiles for all machines; within 0.2 % of the least squares that " +
  "`moeplace paper` finds when it fits";
const COPIES_FIT =
  "fitted again by `moeplace paper`: the worst of the nine speed-ups at sequence 256 is as near as it can be, with 54 tiles for all machines";
const TILES_OF_COPIES =
  "one number within the printed 36 to 100 for all machines, chosen by the nine speed-ups at sequence 256";

/** The printed figures hardly determine it: with 0.3 to 1 in its place links can be fitted to a mean error of 2.1 to 2.7 %. */
const ATTENTION_EFFICIENCY = assumed(
  0.4,
  "attention kernels reach 35 % (FlashAttention-2) to 75 % (FlashAttention-3) of an H100: Shah et al., 2024",
);
const CALIBRATION = { rootLinkBytesPerNs: 6.83, chipletLinkBytesPerNs: 27.02 };
/** How many tiles there are decides what is prefetched, and so the quotients: it counts as a fitted number. */
const COPIES = { tiles: 54, rootLinkBytesPerNs: 4.35 };

export const mozartQwen3 = mozartMachine({
  model: "Qwen3-30B-A3B",
  areaMm2: 14175,
  powerKw: 3.34,
});

export const mozartOlmoe = mozartMachine({
  model: "OLMoE-1B-7B",
  areaMm2: 10200,
  powerKw: 3.55,
});

export const mozartDeepseek = mozartMachine({
  model: "DeepSeek-MoE-16B",
  areaMm2: 11230,
  powerKw: 3.19,
});

export const mozartQwen3Calibrated = calibrated(mozartQwen3);
export const mozartOlmoeCalibrated = calibrated(mozartOlmoe);
export const mozartDeepseekCalibrated = calibrated(mozartDeepseek);
export const mozartQwen3Copies = fittedToCopies(mozartQwen3);
export const mozartOlmoeCopies = fittedToCopies(mozartOlmoe);
export const mozartDeepseekCopies = fittedToCopies(mozartDeepseek);

function mozartMachine(machine: MachineOf): Hardware {
  const { model, areaMm2, powerKw } = machine;
  const compute = systolicDie(machine);
  const link = { bytesPerNs: linkBandwidth(areaMm2), latencyNs: LATENCY, pjPerBit: LINK_ENERGY };
  return {
    name: `mozart-${model.split("-")[0].toLowerCase()}`,
    description: `The Mozart wafer for ${model}, constants as printed`,
    numGroups: 4,
    chipletsPerGroup: 4,
    tokensStart: "root",
    multicast: true,
    chiplet: compute,
    root: compute,
    weights: "streamed",
    memory: { ...HBM2_STACK, of: "chiplet group", forwarding: "at once" },
    rootMemory: {
      ...HBM2_STACK,
      bytes: printed(2 * 8192 * 2 ** 20, `${TABLE_2}: two stacks on the root`),
      bytesPerNs: printed(2 * 256, `${TABLE_2}: two stacks on the root`),
    },
    links: { root: link, chiplet: link },
    energy: {
      macPj: assumed(1, "0.8 to 1.2 pJ, scaled from 45 nm (Horowitz, ISSCC 2014) to 28 nm"),
      sramPjPerByte: {
        value: 2.5,
        source: "Horowitz, ISSCC 2014: 20 pJ for 8 bytes from 32 kB at 45 nm",
        trust: "measured",
      },
      staticWatts: assumed(0.1 * powerKw * 1000, `a tenth of the ${powerKw} kW printed in ${TABLE_2}`),
    },
  };
}

function systolicDie({ areaMm2 }: MachineOf): SystolicCompute {
  return {
    kind: "systolic",
    tiles: assumed(
      TILES,
      `${TABLE_2} prints 36 to 100, not for which model: one number for all; a tile has ` +
        `${(areaMm2 / DIES / TILES).toFixed(1)} mm2 of the printed area`,
    ),
    arraysPerTile: printed(16),
    rows: assumed(ARRAY_SIZE, `${TABLE_2} prints 256 to 576 PEs an array; not printed for which model`),
    columns: assumed(ARRAY_SIZE, `${TABLE_2} prints 256 to 576 PEs an array; not printed for which model`),
    clockGhz: printed(1),
    dataflow: "weight stationary",
    sramBytesPerTile: printed(2.265e6),
    sramBytesPerNsPerTile: printed(32),
    fp8Speedup: assumed(1, "FP16 arrays take FP8 operands at the same rate"),
    efficiency: assumed(1, "not printed: the modelled rate is reached"),
  };
}

/** One side of a square die full of 2.5D links, half of them in each direction. */
function linkBandwidth(areaMm2: number): Constant {
  const edgeMm = Math.sqrt(areaMm2 / DIES);
  return {
    value: (edgeMm / PITCH_MM / 2) * LINK_BYTES_PER_NS,
    source:
      `${TABLE_2}: 0.125 GB/s a link, 50 um pitch; one side of ${edgeMm.toFixed(1)} mm ` +
      `(${areaMm2} mm2 over ${DIES} dies), half the links in each direction`,
    trust: "derived",
  };
}

/**
 * The machine with what the paper's own seconds say of it: two fitted links, the same for all models. Right to seconds, at
 * any sequence length, and blind to what C gains over B.
 *
 * Weights and links in turn: the printed seconds with SSDs in the place of HBM2 differ by what the SSDs take, on top
 * of what HBM2 already takes, so the memory does not work while the link forwards.
 */
function calibrated(machine: Hardware): Hardware {
  const fitted = (value: number): Constant => ({ value, source: FIT, trust: "fitted" });
  return {
    ...machine,
    name: `${machine.name}-calibrated`,
    description: `${machine.description}, but for two links that are fitted to its seconds`,
    root: { ...machine.root, efficiency: ATTENTION_EFFICIENCY },
    memory: { ...machine.memory, forwarding: "in turn" },
    links: {
      root: { ...machine.links.root, bytesPerNs: fitted(CALIBRATION.rootLinkBytesPerNs) },
      chiplet: { ...machine.links.chiplet, bytesPerNs: fitted(CALIBRATION.chipletLinkBytesPerNs) },
    },
  };
}

/**
 * The machine with what the paper's gains from fewer copies say of it: one fitted link and one number of tiles for all models,
 * no multicast, and weights that pass memory and link in turn. Right to C over B at sequence 256, a quarter off at 512.
 *
 * docs/performance-model.md proves that no model that is convex in tokens and copies has both.
 */
function fittedToCopies(machine: Hardware): Hardware {
  if (machine.chiplet.kind !== "systolic") throw new Error(`${machine.name} is made of no systolic arrays`);
  const fitted = (value: number): Constant => ({ value, source: COPIES_FIT, trust: "fitted" });
  const tiles: Constant = { value: COPIES.tiles, source: TILES_OF_COPIES, trust: "fitted" };
  const die: SystolicCompute = { ...machine.chiplet, tiles };
  return {
    ...machine,
    name: `${machine.name}-copies`,
    description: `${machine.description}, but for a root link and tiles that are fitted to its gains from fewer copies`,
    multicast: false,
    chiplet: die,
    root: die,
    memory: { ...machine.memory, forwarding: "in turn" },
    links: {
      ...machine.links,
      root: { ...machine.links.root, bytesPerNs: fitted(COPIES.rootLinkBytesPerNs) },
    },
  };
}
