import { expect } from "chai";
import fc from "fast-check";
import type { Dataflow, SystolicCompute } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { arrayCycles, gemmNs, type Gemm } from "../../lib/performance/systolic.js";

const mozart = findHardware("mozart-qwen3")!.chiplet as SystolicCompute;
const dataflows: Dataflow[] = ["weight stationary", "input stationary", "output stationary"];
const size = fc.integer({ min: 1, max: 4096 });
const gemms = fc.record({ m: size, k: size, n: size });

describe("arrayCycles", () => {
  /** Total cycles reported by the SCALE-Sim v2 simulator, 16 rows x 24 columns, no memory stalls. */
  const reference: [Dataflow, Gemm, number][] = [
    ["weight stationary", { m: 100, n: 70, k: 130 }, 4157],
    ["weight stationary", { m: 64, n: 128, k: 256 }, 11327],
    ["output stationary", { m: 100, n: 70, k: 130 }, 3527],
    ["output stationary", { m: 64, n: 128, k: 256 }, 7055],
    ["input stationary", { m: 100, n: 70, k: 130 }, 5579],
    ["input stationary", { m: 64, n: 128, k: 256 }, 8735],
  ];
  for (const [dataflow, gemm, cycles] of reference) {
    it(`equals SCALE-Sim v2: ${dataflow}, ${gemm.m} x ${gemm.k} by ${gemm.k} x ${gemm.n}`, () => {
      expect(arrayCycles(gemm, { rows: 16, columns: 24, dataflow })).to.equal(cycles);
    });
  }

  it("takes no time for an empty product", () => {
    for (const dataflow of dataflows) {
      expect(arrayCycles({ m: 0, k: 8, n: 8 }, { rows: 16, columns: 16, dataflow })).to.equal(0);
    }
  });

  it("is never faster than the multiply-accumulators allow", () => {
    fc.assert(
      fc.property(
        gemms,
        fc.constantFrom(...dataflows),
        fc.integer({ min: 1, max: 64 }),
        (gemm, dataflow, n) => {
          const cycles = arrayCycles(gemm, { rows: 16, columns: 24, dataflow, numArrays: n });
          return cycles + 1 >= (gemm.m * gemm.k * gemm.n) / (16 * 24 * n);
        },
      ),
    );
  });

  it("is never slower on more arrays", () => {
    fc.assert(
      fc.property(
        gemms,
        fc.constantFrom(...dataflows),
        fc.integer({ min: 1, max: 500 }),
        (gemm, dataflow, n) => {
          const on = (numArrays: number) => arrayCycles(gemm, { rows: 16, columns: 16, dataflow, numArrays });
          return on(2 * n) <= on(n);
        },
      ),
    );
  });
});

describe("gemmNs", () => {
  const gemm = { m: 1, k: 2048, n: 768 };

  it("makes an expert with one token pay for column its arrays", () => {
    const time = (m: number) => gemmNs({ ...gemm, m }, { ...mozart, sramBytesPerNsPerTile: constant(1e9) });
    expect(time(100) / time(1)).to.be.within(2, 4);
  });

  it("waits for SRAM where that is the slower", () => {
    const bytes = 2 * (2048 + 2048 * 768 + 768);
    expect(gemmNs(gemm, mozart)).to.equal(bytes / (mozart.tiles.value * 32));
  });

  it("halves the bytes at FP8", () => {
    expect(gemmNs(gemm, mozart, "fp8")).to.equal(gemmNs(gemm, mozart, "bf16") / 2);
  });

  it("follows the roofline of a GPU on both sides of its ridge", () => {
    const { chiplet } = findHardware("h100-8x8")!;
    const h100 = { ...chiplet, efficiency: constant(1) };
    expect(gemmNs(gemm, h100)).to.be.closeTo((2 * (2048 + 2048 * 768 + 768)) / 3350, 1e-9);
    const large = { m: 8192, k: 8192, n: 8192 };
    expect(gemmNs(large, h100)).to.be.closeTo((2 * 8192 ** 3) / 989_000, 1e-6);
    expect(gemmNs(large, h100, "fp8")).to.be.closeTo(8192 ** 3 / 989_000, 1e-6);
  });

  it("takes as much longer as the efficiency is below 1", () => {
    expect(gemmNs(gemm, { ...mozart, efficiency: constant(0.25) })).to.equal(4 * gemmNs(gemm, mozart));
  });

  it("never falls when the tokens double", () => {
    fc.assert(
      fc.property(gemms, (gemm) => gemmNs({ ...gemm, m: 2 * gemm.m }, mozart) >= gemmNs(gemm, mozart)),
    );
  });
});

function constant(value: number): SystolicCompute["tiles"] {
  return { value, source: "this test", trust: "given" };
}
