import type { BothWays, GpuKernels } from "../lib/hardware/kernels.js";

/**
 * What was published of another library on the same machine, one exchange of 128 tokens with one copy an expert: its
 * time on 8 and on 256 dies, and the bytes of a copy.
 *
 * Source: Zuo et al., "Serving Large Language Models on Huawei CloudMatrix384" (arXiv:2506.12708), CANN EP on Ascend 910C.
 */
const CANN: BothWays<{ ns: readonly [eight: number, all: number]; bytesPerCopy: number }> = {
  dispatch: { ns: [116_000, 152_000], bytesPerCopy: 7680 },
  combine: { ns: [118_000, 149_000], bytesPerCopy: 14_336 },
};
const COPIES = 128 * 8;
const DOUBLINGS = Math.log2(256 / 8);
/** A die's own share of the fabric, each direction; the same source. */
const LINK_BYTES_PER_NS = 196;

/**
 * Kernels of an Ascend SuperPOD, whose fabric joins all dies: no table of measurements was found.
 *
 * One copy an expert: what CANN EP takes beyond the fabric's rate, and each doubling of the dies. One copy a die: as an H800,
 * whose links have about the same rate on their sheet, with what a doubling adds to CANN EP.
 */
export function ascendKernels(h800: GpuKernels, numGpus: number): GpuKernels {
  const doublings = Math.max(0, Math.log2(numGpus / 8));
  const lowLatency = (way: keyof BothWays<unknown>) => {
    const { ns, bytesPerCopy } = CANN[way];
    const linkNs = (others: number) => (COPIES * others * bytesPerCopy) / LINK_BYTES_PER_NS;
    const floorNs = ns[0] - linkNs(7 / 8);
    const doublingNs = (ns[1] - linkNs(255 / 256) - floorNs) / DOUBLINGS;
    return {
      ...h800.lowLatency[way],
      floorNs: floorNs + doublings * doublingNs,
      floorNsPerExpert: 0,
      linkBytesPerNs: LINK_BYTES_PER_NS,
      tokenNs: 0,
      tokenNsPerByte: 0,
      copyNsPerByte: 0,
      overlap: 1,
    };
  };
  const normal = (way: keyof BothWays<unknown>) => {
    const [eight, all] = CANN[way].ns;
    return { ...h800.normal[way], fanOut: (all / eight - 1) / DOUBLINGS };
  };
  return {
    ...h800,
    lowLatency: { dispatch: lowLatency("dispatch"), combine: lowLatency("combine") },
    normal: { dispatch: normal("dispatch"), combine: normal("combine") },
  };
}
