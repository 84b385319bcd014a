import { expect } from "chai";
import fc from "fast-check";
import { plainNumbers } from "../../lib/hardware/constant.js";
import type { GpuKernels } from "../../lib/hardware/kernels.js";
import { hardwarePresets } from "../../lib/hardware/presets.js";
import { collectiveNs, copyNs, lowLatencyNs, networkNs } from "../../lib/performance/collective.js";
import { overlapped } from "../../lib/performance/overlapped.js";
import { expectedParts, expectedCopies } from "../../lib/performance/uniform-copies.js";

const machines = hardwarePresets.flatMap(({ name, kernels }) =>
  kernels === undefined ? [] : [{ name, kernels: plainNumbers<GpuKernels>(kernels) }],
);
const kernelsOf = (name: string) => machines.find((machine) => machine.name === name)!.kernels;
const ways = ["dispatch", "combine"] as const;
const share = (model: number, measured: number) => Math.abs(model / measured - 1);

describe("overlapped", () => {
  it("adds at exponent 1 and keeps the longest at a large one", () => {
    expect(overlapped(1, 30, 40)).to.equal(70);
    expect(overlapped(2, 30, 40)).to.be.closeTo(50, 1e-9);
    expect(overlapped(100, 30, 40)).to.be.closeTo(40, 1e-3);
    expect(overlapped(0.8, 0, 0)).to.equal(0);
  });

  it("is about the shortest far below 0", () => {
    expect(overlapped(-8, 30, 300)).to.be.closeTo(30, 1e-6);
    expect(overlapped(-8, 30, 30)).to.be.closeTo(30 / 2 ** (1 / 8), 1e-9);
  });

  it("multiplies powers of 8 out to what they are", () => {
    for (const share of [0, 0.1, 0.5, 0.999, 1]) {
      expect(overlapped(8, 1000, 1000 * share)).to.be.closeTo(1000 * (1 + share ** 8) ** (1 / 8), 1e-9);
    }
  });

  it("is never below its longest part", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        fc.tuple(...[1, 2, 3].map(() => fc.double({ min: 0, max: 1e9, noNaN: true }))),
        (exponent, [a, b, c]) => overlapped(exponent, a, b, c) >= Math.max(a, b, c) * (1 - 1e-12),
      ),
      { seed: 1 },
    );
  });
});

describe("floors of exchanges", () => {
  it("grow with the GPUs that a token goes to, and hardly with those that it does not", () => {
    const { combine } = kernelsOf("gb200-nvl72").fabric!.oneSided;
    const floorOf = (numGpus: number) =>
      copyNs(combine, {
        tokens: 1,
        copies: Math.min(8, numGpus) * (1 - 1 / numGpus),
        bytesPerCopy: 1,
        numGpus,
      });
    const [four, eight, thirtyTwo] = [4, 8, 32].map(floorOf);
    // Measured: 17.1, 25.3 and 32.4 us.
    expect(share(four, 17_100)).to.be.below(0.05);
    expect(share(eight, 25_300)).to.be.below(0.05);
    expect(share(thirtyTwo, 32_400)).to.be.below(0.08);
  });

  it("over servers: few tokens are sent and forwarded in turn, many at once; no volume more takes less", () => {
    const { dispatch } = kernelsOf("h100-8x8").acrossServers;
    const sizes = { bytesPerCopy: 7392, numGpus: 32, computeUnits: 8 };
    const beyondFloor = (tokens: number, network: number, forwarded: number) =>
      networkNs(dispatch, {
        ...{ ...sizes, tokens },
        networkCopies: network * tokens,
        forwardedCopies: forwarded * tokens,
      }) - dispatch.floorNs;
    for (const [tokens, least, most] of [
      [1, 0.98, 1],
      [65_536, 0.55, 0.65],
    ]) {
      const inTurn = beyondFloor(tokens, 2.7, 0) + beyondFloor(tokens, 0, 6.3);
      expect(beyondFloor(tokens, 2.7, 6.3) / inTurn, String(tokens)).to.be.within(least, most);
    }
    const volume = fc.double({ min: 0, max: 20, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e5 }),
        fc.tuple(volume, volume),
        fc.tuple(volume, volume),
        (tokens, a, b) => {
          const middle = beyondFloor(tokens, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
          const mean = (beyondFloor(tokens, ...a) + beyondFloor(tokens, ...b)) / 2;
          expect(middle).to.be.at.most(mean * (1 + 1e-9) + 1e-6);
          expect(beyondFloor(tokens, a[0] + 1, a[1])).to.be.at.least(beyondFloor(tokens, ...a));
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });

  it("hold one token on one compute unit: a model of few experts is slow from the first token on", () => {
    const { lowLatency, computeUnits } = kernelsOf("h100-8x8");
    const exchange = { tokens: 1, numExperts: 8, numGpus: 8, gpusPerServer: 8, computeUnits };
    const times = [1, 8].map((topK) =>
      lowLatencyNs(lowLatency.combine, { ...exchange, topK, bytesPerCopy: 14_336 }),
    );
    const oneCopyNs = 14_336 * lowLatency.combine.copyNsPerByte;
    expect(times[1] - times[0]).to.be.at.least(7 * oneCopyNs);
  });
});

describe("expectedParts", () => {
  it("gives the copies of the measured tables", () => {
    const copies = expectedParts({ numExperts: 256, topK: 8, numParts: 8 }) * (7 / 8);
    expect(copies).to.be.closeTo(4.633, 0.001);
    const { servers } = expectedCopies({
      numExperts: 256,
      topK: 8,
      numServers: 4,
      gpusPerServer: 8,
      mostServers: 4,
    });
    expect(servers * 0.75).to.be.closeTo(2.7107, 1e-4);
  });

  it("is 1 for one part, and topK where experts are alone", () => {
    expect(expectedParts({ numExperts: 64, topK: 6, numParts: 1 })).to.equal(1);
    expect(expectedParts({ numExperts: 64, topK: 6, numParts: 64 })).to.be.closeTo(6, 1e-9);
  });
});

describe("kernels of every machine of GPUs", () => {
  for (const { name, kernels } of machines) {
    it(`${name}: more tokens, copies or bytes never take less time`, () => {
      const size = fc.integer({ min: 1, max: 20_000 });
      fc.assert(
        fc.property(size, size, fc.constantFrom(...ways), (tokens, more, way) => {
          const bytesPerCopy = 7392;
          const exchange = { bytesPerCopy, numGpus: 8, topK: 8, numExperts: 256, gpusPerServer: 8 };
          const { computeUnits } = kernels;
          const lowLatency = (count: number, numGpus = 8) =>
            lowLatencyNs(kernels.lowLatency[way], { ...exchange, tokens: count, numGpus, computeUnits });
          const normal = (count: number) =>
            copyNs(kernels.normal[way], { ...exchange, tokens: count, copies: 4.6 * count });
          const network = (count: number) =>
            networkNs(kernels.acrossServers[way], {
              ...exchange,
              tokens: count,
              networkCopies: 2.7 * count,
              forwardedCopies: 6 * count,
              computeUnits: 24,
            });
          const times = [lowLatency, (count: number) => lowLatency(count, 32), normal, network];
          return times.every((time) => time(tokens) > 0 && time(tokens + more) >= time(tokens));
        }),
        { seed: 2 },
      );
    });

    it(`${name}: collectives take longer the more GPUs and bytes there are`, () => {
      for (const kernel of Object.values(kernels.collectives)) {
        expect(collectiveNs(kernel, 2 ** 20, 8)).to.be.at.least(collectiveNs(kernel, 2 ** 20, 4));
        expect(collectiveNs(kernel, 2 ** 24, 8)).to.be.above(collectiveNs(kernel, 2 ** 20, 8));
      }
    });
  }

  it("of NCCL are near what was measured of all-gathers between 2, 4 and 8 GPUs, of few bytes and of many", () => {
    const { allGather } = kernelsOf("h100-8x8").collectives;
    const measuredUs = { 512: [5.4, 7.2, 10.4], [2 ** 29]: [1040, 1268, 1399] };
    for (const [bytes, times] of Object.entries(measuredUs)) {
      times.forEach((us, at) => {
        const ns = collectiveNs(allGather, Number(bytes), 2 ** (at + 1));
        expect(share(ns, 1000 * us), `${bytes} bytes`).to.be.below(0.15);
      });
    }
  });

  it("are near single published times", () => {
    const h100 = kernelsOf("h100-8x8");
    // DeepSeek-V3, 128 tokens a GPU on 4 servers, and 4096 tokens on one: tables of NVIDIA AIConfigurator.
    const decode = {
      tokens: 128,
      topK: 8,
      numExperts: 256,
      numGpus: 32,
      gpusPerServer: 8,
      computeUnits: 132,
    };
    expect(
      share(lowLatencyNs(h100.lowLatency.dispatch, { ...decode, bytesPerCopy: 7408 }), 142_970),
    ).to.be.below(0.05);
    expect(
      share(lowLatencyNs(h100.lowLatency.combine, { ...decode, bytesPerCopy: 14_336 }), 263_270),
    ).to.be.below(0.05);
    const prefill = { tokens: 4096, copies: 4096 * 4.633, bytesPerCopy: 7392, numGpus: 8 };
    expect(share(copyNs(h100.normal.dispatch, prefill), 491_240)).to.be.below(0.1);
  });

  it("send as many copies without as with experts chosen at random", () => {
    const { lowLatency, computeUnits } = kernelsOf("h100-8x8");
    const exchange = {
      tokens: 64,
      topK: 8,
      numExperts: 256,
      bytesPerCopy: 7408,
      numGpus: 16,
      gpusPerServer: 8,
      computeUnits,
    };
    expect(
      lowLatencyNs(lowLatency.dispatch, { ...exchange, networkCopies: 256, linkCopies: 224 }),
    ).to.be.closeTo(lowLatencyNs(lowLatency.dispatch, exchange), 1e-6);
  });
});
