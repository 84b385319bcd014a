import type { Constant, Hardware, SystolicCompute } from "./hardware.js";

const target = (value: number, source: string): Constant => ({ value, source, trust: "spec target" });
const assumed = (value: number, source: string): Constant => ({ value, source, trust: "assumed" });

const EDGE_MM = 20;
const UCIE_A = "UCIe-A at 45 um pitch: UCIe 1.0 key performance indicators";

const die: SystolicCompute = {
  kind: "systolic",
  tiles: assumed(64, "as Mozart, table 2: 36 to 100"),
  arraysPerTile: assumed(16, "as Mozart, table 2"),
  rows: assumed(16, "as Mozart, table 2"),
  columns: assumed(16, "as Mozart, table 2"),
  clockGhz: assumed(1.5, "7 nm class logic"),
  dataflow: "weight stationary",
  sramBytesPerTile: assumed(2.265e6, "as Mozart, table 2"),
  sramBytesPerNsPerTile: assumed(768, "16 arrays of 16 rows, 2 bytes each, at 1.5 GHz: arrays never wait"),
  efficiency: assumed(1, "the modelled rate is reached"),
  fp8Speedup: assumed(2, "two FP8 operands in the place of one at 16 bits"),
};

/** The Mozart topology with links and memory of today, to see which conclusions outlive the paper's constants. */
export const ucieWafer: Hardware = {
  name: "ucie-a-hbm3",
  description: "A wafer with Mozart's topology, UCIe-A links along one die edge and HBM3 stacks",
  numGroups: 4,
  chipletsPerGroup: 4,
  tokensStart: "root",
  multicast: true,
  chiplet: die,
  root: die,
  weights: "streamed",
  memory: {
    of: "chiplet group",
    forwarding: "at once",
    bytes: target(24e9, "HBM3 stack, JESD238: 24 GB"),
    bytesPerNs: target(819, "HBM3 stack, JESD238: 6.4 Gb/s on 1024 pins"),
    pjPerBit: { value: 3.44, source: "HBM3E: SK hynix, IEDM 2023 15-6 (quoted)", trust: "measured" },
  },
  rootMemory: {
    bytes: target(48e9, "two HBM3 stacks, JESD238"),
    bytesPerNs: target(1638, "two HBM3 stacks, JESD238"),
    pjPerBit: { value: 3.44, source: "HBM3E: SK hynix, IEDM 2023 15-6 (quoted)", trust: "measured" },
  },
  links: {
    root: uciLink(),
    chiplet: uciLink(),
  },
  energy: {
    macPj: assumed(0.3, "16-bit multiply-accumulate scaled from 45 nm (Horowitz, ISSCC 2014) to 7 nm"),
    sramPjPerByte: assumed(1, "scaled from 45 nm (Horowitz, ISSCC 2014) to 7 nm"),
    staticWatts: assumed(300, "a tenth of the power of a Mozart wafer"),
  },
};

function uciLink(): Hardware["links"]["root"] {
  return {
    // The density counts both directions, and a switch shares its edge between its neighbours.
    bytesPerNs: target(
      (658 * EDGE_MM) / 2 / 4,
      `${UCIE_A}, 658 GB/s/mm; a quarter of a ${EDGE_MM} mm edge, half each way`,
    ),
    latencyNs: assumed(7, "UCIe 2 ns transmit and receive, and 5 ns of router (RapidChiplet default)"),
    pjPerBit: target(0.3, `${UCIE_A}, 0.25 to 0.3 pJ/bit`),
  };
}
