import { assumed, sheet, type Constant } from "./constant.js";
import type { Hardware, RooflineCompute } from "./hardware.js";

/** A mesh of chips with memories of their own: Tenstorrent's Wormhole, 32 of them as in a Galaxy server. */

const SHEET = "docs.tenstorrent.com, Wormhole specifications (n150)";

const chip: RooflineCompute = {
  kind: "roofline",
  flopPerNs: sheet(74_000, `${SHEET}: 74 TFLOPS at FP16`),
  memoryBytesPerNs: sheet(288, `${SHEET}: 12 GB of GDDR6 at 288 GB/s`),
  sramBytes: sheet(108e6, `${SHEET}: 72 cores with 1.5 MB each`),
  fp8Speedup: sheet(262 / 74, `${SHEET}: 262 TFLOPS at FP8`),
  efficiency: assumed(0.5, "large products reach about half of the peaks"),
};
const memory = {
  bytes: sheet(12e9, `${SHEET}: 12 GB of GDDR6`),
  bytesPerNs: chip.memoryBytesPerNs,
  pjPerBit: assumed(7.5, "GDDR6, order of magnitude"),
};
const ethernet: Hardware["links"]["chiplet"] = {
  bytesPerNs: sheet(
    50,
    "docs.tenstorrent.com, Wormhole specifications: 400 Gb/s of Ethernet from chip to chip (n300)",
  ),
  latencyNs: assumed(1000, "Ethernet from chip to chip, order of magnitude"),
  pjPerBit: assumed(5, "Ethernet over a backplane, order of magnitude"),
};

export const wormholeMesh: Hardware = {
  name: "wormhole-8x4",
  description:
    "A mesh of 8 x 4 Wormhole chips joined to their neighbours by Ethernet, routed along rows, then columns",
  numGroups: 1,
  chipletsPerGroup: 32,
  tokensStart: "everywhere",
  multicast: false,
  chiplet: chip,
  root: chip,
  weights: "resident",
  memory: { of: "chiplet", forwarding: "at once", ...memory },
  rootMemory: memory,
  links: { root: ethernet, chiplet: ethernet },
  mesh: { columns: 4, portBytesPerNs: port() },
  energy: {
    macPj: assumed(0.8, "16-bit multiply-accumulate scaled from 45 nm (Horowitz, ISSCC 2014) to 12 nm"),
    sramPjPerByte: assumed(2, "scaled from 45 nm (Horowitz, ISSCC 2014) to 12 nm"),
    staticWatts: assumed(32 * 40, "40 W idle a chip"),
  },
};

/** A chip's own tokens pass the network on the chip between its cores and its links. */
function port(): Constant {
  return assumed(200, "as much as all four sides of a chip take: 16 links of 100 Gb/s");
}
