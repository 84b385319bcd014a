import { expect } from "chai";
import fc from "fast-check";
import { plainNumbers } from "../../lib/hardware/constant.js";
import type { GpuKernels } from "../../lib/hardware/kernels.js";
import { findHardware, hardwarePresets } from "../../lib/hardware/presets.js";
import { sum } from "../../lib/statistics.js";
import { createExpertNs, expertComputeNs, leastReplicatedNs } from "../../lib/performance/expert-compute.js";

const { experts } = plainNumbers<GpuKernels>(findHardware("h200-8x8")!.kernels!);
const deepseek = { hiddenSize: 7168, expertWidth: 2048, bytesPerWeight: 1 };
const local = { ...deepseek, expertsPerGpu: 8 };

describe("expertComputeNs", () => {
  it("takes the floor and the idle experts where no token comes", () => {
    const { floorNs, idleExpertNs, idleExponent = 0 } = experts.decode;
    const idle = { ...experts.decode, hostNs: 0 };
    expect(expertComputeNs(idle, { ...deepseek, rows: [0, 0, 0, 0] })).to.be.closeTo(
      floorNs + (4 * idleExpertNs) / 4 ** idleExponent,
      1,
    );
  });

  it("takes no longer for an expert without rows than for one with a row", () => {
    const small = { hiddenSize: 512, expertWidth: 128, bytesPerWeight: 1 };
    const ns = (rows: number[]) => expertComputeNs({ ...experts.decode, hostNs: 0 }, { ...small, rows });
    expect(ns([0])).to.be.at.most(ns([1]));
    expect(ns([0, 0, 0, 0])).to.be.above(ns([0]));
  });

  it("is near single published times", () => {
    const share = (model: number, measured: number) => Math.abs(model / measured - 1);
    // H200, DeepGEMM FP8, uniform: EP 8 with 32 experts of one row each, and EP 128 with 2 of 4.
    const eight = { ...deepseek, rows: new Float64Array(32).fill(1) };
    expect(share(expertComputeNs(experts.decode, eight), 384_000)).to.be.below(0.06);
    const many = { ...deepseek, rows: [4, 4] };
    expect(share(expertComputeNs(experts.decode, many), 44_200)).to.be.below(0.06);
    const prefill = { ...deepseek, rows: new Float64Array(32).fill(2048), tokens: 65_536 };
    expect(share(expertComputeNs(experts.prefill, prefill), 4_924_000)).to.be.below(0.1);
  });

  it("costs nothing more for skew while memory binds, and more once rows do", () => {
    const even = expertComputeNs(experts.decode, { ...deepseek, rows: [8, 8, 8, 8] });
    const skewed = expertComputeNs(experts.decode, { ...deepseek, rows: [29, 1, 1, 1] });
    expect(skewed).to.be.closeTo(even, 1e-6 * even);
    const busy = expertComputeNs(experts.decode, { ...deepseek, rows: [3000, 1, 1, 1] });
    expect(busy).to.be.above(2 * even);
  });

  it("reads the weights of an expert with the chance that it has a row", () => {
    const ns = (rows: number) =>
      expertComputeNs({ ...experts.decode, hostNs: 0 }, { ...deepseek, rows: [rows] });
    expect(ns(0.25) - ns(0)).to.be.closeTo((ns(1) - ns(0)) / 4, 1);
  });

  it("never takes less for more rows", () => {
    const rows = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(rows, fc.nat(15), fc.integer({ min: 1, max: 500 }), (before, at, more) => {
        const after = before.map((row, expert) => (expert === at % before.length ? row + more : row));
        return Object.values(experts).every(
          (kernel) =>
            expertComputeNs(kernel, { ...deepseek, rows: after }) >=
            expertComputeNs(kernel, { ...deepseek, rows: before }) - 1e-6,
        );
      }),
      { seed: 3 },
    );
  });
});

describe("leastReplicatedNs", () => {
  const kernels = hardwarePresets.flatMap(({ kernels: found }) =>
    found === undefined ? [] : [plainNumbers<GpuKernels>(found).experts],
  );

  it("is no more than what replicas take, whichever experts have them and however they share the rows", () => {
    const mostReplicas = 8;
    const expert = fc.record({
      rows: fc.oneof(
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 2000, noNaN: true }),
      ),
      parts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: mostReplicas }),
    });
    fc.assert(
      fc.property(
        fc.array(expert, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(0, 1 / mostReplicas),
        (layer, leastShare) => {
          // Shares of at least so much, the rest in proportion to the parts.
          const rowsOf = layer.map(({ rows, parts }) => {
            const rest = 1 - parts.length * leastShare;
            const all = sum(parts);
            return parts.map(
              (part) => rows * (leastShare + rest * (all > 0 ? part / all : 1 / parts.length)),
            );
          });
          for (const { decode, prefill, fourBit } of kernels) {
            for (const kernel of [decode, prefill, ...(fourBit ? [fourBit] : [])]) {
              const nsOf = createExpertNs(kernel, local);
              const ns = sum(rowsOf.flat().map(nsOf));
              const least = leastReplicatedNs(kernel, local, {
                rows: layer.map(({ rows }) => rows),
                numReplicas: rowsOf.flat().length - layer.length,
                mostReplicas,
                leastShare,
              });
              expect(least).to.be.at.most(ns * (1 + 1e-9));
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is what experts take, where there are no replicas and none is idle", () => {
    const rows = [3, 200, 1000];
    const nsOf = createExpertNs({ ...experts.decode, overlap: 8 }, local);
    const asked = { rows, numReplicas: 0, mostReplicas: 8, leastShare: 0 };
    expect(leastReplicatedNs({ ...experts.decode, overlap: 8 }, local, asked)).to.be.closeTo(
      sum(rows.map(nsOf)),
      1,
    );
  });
});
