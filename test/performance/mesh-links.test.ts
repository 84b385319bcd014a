import { expect } from "chai";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { linkLoads } from "../../lib/performance/link-loads.js";
import { meshLinkShares } from "../../lib/performance/mesh-links.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";

const mesh = withChiplets(findHardware("wormhole-8x4")!, { numChiplets: 16 });

/** Tokens a chiplet, and nothing else that a mesh looks at. */
function trafficOf(tokens: readonly number[]): LayerTraffic {
  return {
    numTokens: 1000,
    numChiplets: tokens.length,
    chipletsPerGroup: tokens.length,
    chipletLoad: Float64Array.from(tokens),
    chipletTokens: Float64Array.from(tokens),
    groupTokens: Float64Array.of(1000),
    expertLoad: tokens.map((load) => [load]),
  };
}

const sharesOf = (tokens: readonly number[]) =>
  meshLinkShares(linkLoads(trafficOf(tokens), mesh, "per-chiplet"), mesh)!;

describe("meshLinkShares", () => {
  it("has every link with its own share, as many as there are neighbours", () => {
    const { columns } = mesh.mesh!;
    const rows = 16 / columns;
    const { right, below } = sharesOf(new Array<number>(16).fill(500));
    const used = (shares: Float64Array) => shares.filter((share) => share > 0).length;
    expect([used(right), used(below)]).to.deep.equal([rows * (columns - 1), (rows - 1) * columns]);
    expect(Math.max(...right, ...below)).to.be.within(0.3, 1);
    expect(right[columns - 1]).to.equal(0);
  });

  it("is hottest beside the chiplet that most tokens visit, and nothing moves where none do", () => {
    const { columns } = mesh.mesh!;
    const hot = columns + 1;
    const { right, below } = sharesOf(
      Array.from({ length: 16 }, (_, chiplet) => (chiplet === hot ? 900 : 10)),
    );
    const beside = [right[hot - 1], right[hot], below[hot - columns], below[hot]];
    expect(Math.max(...right, ...below)).to.equal(Math.max(...beside));
    const idle = sharesOf(new Array<number>(16).fill(0));
    expect(Math.max(...idle.right, ...idle.below)).to.equal(0);
  });

  it("is of meshes alone", () => {
    const servers = withChiplets(findHardware("h100-8x8")!, { numChiplets: 16 });
    const loads = linkLoads(trafficOf(new Array<number>(16).fill(1)), mesh, "per-chiplet");
    expect(meshLinkShares(loads, servers)).to.equal(undefined);
  });
});
