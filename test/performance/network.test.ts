import { expect } from "chai";
import fc from "fast-check";
import { transferTime, type Network } from "../../lib/performance/network.js";
import { allToAll, meshNetwork, networkCases, treeNetwork } from "../fixtures/network-cases.js";

const pair: Network = { numRouters: 2, links: [{ between: [0, 1], bytesPerNs: 32, latencyNs: 4 }] };

describe("transferTime", () => {
  it("is bytes over bandwidth and the latency on a single link", () => {
    expect(transferTime(pair, [{ from: 0, to: 1, bytes: 3200 }])).to.deep.equal({
      boundNs: 100,
      pathNs: 4,
      contentionNs: 0,
      totalNs: 104,
    });
  });

  it("lets the two directions of a link work side by side", () => {
    const flows = [
      { from: 0, to: 1, bytes: 3200 },
      { from: 1, to: 0, bytes: 3200 },
    ];
    expect(transferTime(pair, flows).boundNs).to.equal(100);
  });

  it("is nothing where nothing moves", () => {
    expect(transferTime(pair, [{ from: 0, to: 1, bytes: 0 }]).totalNs).to.equal(0);
    expect(transferTime(pair, [{ from: 1, to: 1, bytes: 5 }]).totalNs).to.equal(0);
  });

  it("routes along the row and then the column of a mesh", () => {
    const link = (a: number, b: number) => ({
      between: [a, b] as const,
      bytesPerNs: 1,
      latencyNs: 1,
    });
    const mesh = { numRouters: 4, meshColumns: 2, links: [link(0, 1), link(2, 3), link(0, 2), link(1, 3)] };
    // Both leave over 0-1; along the column first they would not meet.
    const flows = [
      { from: 0, to: 3, bytes: 5 },
      { from: 0, to: 1, bytes: 5 },
    ];
    expect(transferTime(mesh, flows)).to.include({ boundNs: 10, pathNs: 2 });
  });

  it("refuses links that form no tree", () => {
    expect(() => transferTime({ ...pair, numRouters: 3 }, [])).to.throw(/no tree/);
  });
});

describe("transferTime against reference simulators", () => {
  for (const { name, network, flows, boundNs, pathNs, bookSimNs, astraNs } of networkCases) {
    const { contentionNs, ...modelled } = transferTime({ ...network, portBytesPerNs: Infinity }, flows);
    it(`has the bound and the path of ${name}`, () => {
      expect(modelled).to.include({ boundNs, pathNs });
    });

    const isRooted = contentionNs === 0;
    it(`is within 3 % of ASTRA-sim for ${name}${isRooted ? "" : ", contention aside, which it does not model"}`, () => {
      const { boundNs, pathNs } = modelled;
      expect(boundNs + pathNs).to.be.closeTo(astraNs, 0.03 * astraNs);
    });

    if (bookSimNs === undefined) continue;
    const tolerance = isRooted ? 0.03 : network.meshColumns === undefined ? 0.1 : 0.2;
    it(`is within ${100 * tolerance} % of BookSim2 for ${name}`, () => {
      expect(transferTime(network, flows).totalNs).to.be.closeTo(bookSimNs, tolerance * bookSimNs);
    });
  }
});

describe("transferTime of all-to-alls", () => {
  const endpoints = Array.from({ length: 16 }, (_, leaf) => 5 + leaf);
  const network = treeNetwork({ up: 32, leaf: 32 });
  const sizes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 16, maxLength: 16 });

  it("never take longer where any one link, or the ports, are faster", () => {
    const networks = [
      { network, ends: endpoints },
      { network: { ...meshNetwork(4, 4), portBytesPerNs: 8 }, ends: endpoints.map((end) => end - 5) },
    ];
    const speedUp = fc.double({ min: 1, max: 8, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom(...networks), sizes, fc.nat(1000), speedUp, (on, bytes, which, factor) => {
        const { links, portBytesPerNs = Infinity } = on.network;
        const chosen = which % (links.length + 1);
        const faster = {
          ...on.network,
          links: links.map((link, index) =>
            index === chosen ? { ...link, bytesPerNs: factor * link.bytesPerNs } : link,
          ),
          portBytesPerNs: chosen === links.length ? factor * portBytesPerNs : portBytesPerNs,
        };
        const flows = allToAll(on.ends, bytes);
        const before = transferTime(on.network, flows).totalNs;
        expect(transferTime(faster, flows).totalNs).to.be.at.most(before * (1 + 1e-12));
      }),
      { numRuns: 60 },
    );
  });

  it("never take less than the bound, nor less with more bytes everywhere or less bandwidth", () => {
    fc.assert(
      fc.property(sizes, (bytes) => {
        const time = transferTime(network, allToAll(endpoints, bytes));
        const twice = transferTime(
          network,
          allToAll(
            endpoints,
            bytes.map((size) => 2 * size),
          ),
        );
        const slower = transferTime(treeNetwork({ up: 16, leaf: 16 }), allToAll(endpoints, bytes));
        expect(time.contentionNs).to.be.at.least(-1e-9);
        expect(twice.totalNs - twice.pathNs).to.be.closeTo(2 * (time.totalNs - time.pathNs), 1e-6);
        expect(slower.totalNs).to.be.closeTo(twice.totalNs, 1e-6);
      }),
      { numRuns: 30 },
    );
  });
});
