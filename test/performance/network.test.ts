import { expect } from "chai";
import { transferTime, type Network } from "../../lib/performance/network.js";

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
    const link = (one: number, other: number) => ({
      between: [one, other] as const,
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
