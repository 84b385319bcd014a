import { expect } from "chai";
import fc from "fast-check";
import { findHardware } from "../../lib/hardware/presets.js";
import { withChiplets, type Hardware } from "../../lib/hardware/hardware.js";
import { createAllToAll } from "../../lib/performance/all-to-all.js";
import { createLinkTimer, leastLinkTimes, linkLoads, linkTimes } from "../../lib/performance/link-loads.js";
import { hopsToEach, leastMeshNs, machineNetwork } from "../../lib/performance/machine-network.js";
import { transferTime, type Network } from "../../lib/performance/network.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import { sum } from "../../lib/statistics.js";
import { allToAll, meshNetwork, networkCases, treeNetwork } from "../fixtures/network-cases.js";

const range = (length: number, first = 0) => Array.from({ length }, (_, index) => first + index);
const wormhole = findHardware("wormhole-8x4")!;
/** Trees whose root links are as wide as their chiplet links, four times as wide, and half as wide; one group; meshes. */
const networks: readonly (readonly [string, Network, readonly number[]])[] = [
  ["tree 32/32", treeNetwork({ up: 32, leaf: 32 }), range(16, 5)],
  ["tree 64/16", treeNetwork({ up: 64, leaf: 16 }), range(16, 5)],
  ["tree 128/32", treeNetwork({ up: 128, leaf: 32 }), range(16, 5)],
  ["tree 16/32", treeNetwork({ up: 16, leaf: 32 }), range(16, 5)],
  ["star", treeNetwork({ up: 32, leaf: 32, switches: 1, leavesEach: 8 }), range(8, 2)],
  ["mesh 4 x 4", meshNetwork(4, 4), range(16)],
  ["mesh 2 x 5", meshNetwork(2, 5), range(10)],
  ["mesh 4 x 4 without ports", { ...meshNetwork(4, 4), portBytesPerNs: Infinity }, range(16)],
];

describe("createAllToAll", () => {
  for (const [name, network, endpoints] of networks) {
    it(`is the time of all flows that transferTime lists: ${name}`, () => {
      const timeOf = createAllToAll(network, endpoints);
      const amount = fc.oneof(fc.constant(0), fc.constant(700), fc.integer({ min: 1, max: 10_000 }));
      fc.assert(
        fc.property(
          fc.array(amount, { minLength: endpoints.length, maxLength: endpoints.length }),
          (bytes) => {
            const listed = transferTime(network, allToAll(endpoints, bytes));
            const { boundNs, contentionNs } = timeOf({ bytes });
            expect(boundNs).to.be.closeTo(listed.boundNs, 1e-9 * listed.boundNs);
            expect(contentionNs).to.be.closeTo(listed.contentionNs, 1e-9 * listed.boundNs);
          },
        ),
        { numRuns: 40 },
      );
    });
  }

  it("is near what a flit-level simulator sees of every all-to-all", () => {
    const simulated = networkCases.filter(
      ({ name, bookSimNs }) => name.includes("all-to-all") && bookSimNs !== undefined,
    );
    expect(simulated).to.have.length(2);
    for (const { network, flows, bookSimNs = 0, pathNs } of simulated) {
      const endpoints = network.meshColumns === undefined ? range(16, 5) : range(16);
      const bytes = endpoints.map((to) => flows.find((flow) => flow.to === to)!.bytes);
      const { boundNs, contentionNs } = createAllToAll(network, endpoints)({ bytes });
      expect(boundNs + pathNs + contentionNs).to.be.closeTo(bookSimNs, 0.05 * bookSimNs);
    }
  });
});

/** Where a token's k experts are is told by tokens a chiplet alone. */
function trafficOf(copies: readonly number[], chipletsPerGroup: number): LayerTraffic {
  const groups = range(copies.length / chipletsPerGroup).map((group) =>
    Math.max(...copies.slice(group * chipletsPerGroup, (group + 1) * chipletsPerGroup)),
  );
  return {
    numTokens: 1000,
    numChiplets: copies.length,
    chipletsPerGroup,
    chipletLoad: Float64Array.from(copies),
    chipletTokens: Float64Array.from(copies),
    groupTokens: Float64Array.from(groups),
    expertLoad: copies.map((load) => [load]),
  };
}

/** Servers of GPUs as of no known kernels, whose root links are `up` times as wide as their chiplet links. */
function tree(up: number): Hardware {
  const { kernels, ...servers } = withChiplets(findHardware("h100-8x8")!, { numChiplets: 16, numGroups: 4 });
  expect(kernels).to.not.equal(undefined);
  const { root, chiplet } = servers.links;
  const bytesPerNs = { ...root.bytesPerNs, value: up * chiplet.bytesPerNs.value };
  return { ...servers, links: { root: { ...root, bytesPerNs }, chiplet } };
}

const arrivals = (numChiplets: number) =>
  fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: numChiplets, maxLength: numChiplets });

describe("linkTimes where tokens start everywhere", () => {
  const machines: readonly (readonly [string, Hardware])[] = [
    ["tree, 4 : 1", tree(4)],
    ["tree, 1 : 1", tree(1)],
    ["tree, 1 : 2", tree(0.5)],
    ["mesh", withChiplets(wormhole, { numChiplets: 16 })],
  ];
  for (const [name, hardware] of machines) {
    it(`are those of the validated network function: ${name}`, () => {
      const { network, routerOf } = machineNetwork(hardware);
      fc.assert(
        fc.property(arrivals(16), (copies) => {
          const loads = linkLoads(trafficOf(copies, hardware.chipletsPerGroup), hardware, "per-chiplet");
          const { rootNs, chipletNs, latencyNs } = linkTimes(loads, hardware, 4096);
          const bytes = copies.map((count) => (count * 4096) / 16);
          const { boundNs, contentionNs, pathNs } = transferTime(network, allToAll([...routerOf], bytes));
          const expected = boundNs + contentionNs;
          expect(Math.max(...rootNs, ...chipletNs)).to.be.closeTo(expected, 1e-9 * expected);
          expect(latencyNs).to.be.at.least(pathNs);
        }),
        { numRuns: 30 },
      );
    });

    it(`are never below what even traffic takes at least: ${name}`, () => {
      const timer = createLinkTimer(hardware);
      fc.assert(
        fc.property(arrivals(16), fc.constantFrom("per-chiplet", "per-group"), (copies, transport) => {
          const timesOf = (counts: readonly number[]) =>
            linkLoads(trafficOf(counts, hardware.chipletsPerGroup), hardware, transport);
          const even = timesOf(range(16).map(() => sum(copies) / 16));
          const least = leastLinkTimes(even, hardware, 4096);
          const found = timer(timesOf(copies))(4096);
          const mean = (values: Float64Array) => sum(values) / values.length;
          expect(mean(found.chipletNs)).to.be.at.least(mean(least.chipletNs) * (1 - 1e-12));
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe("a mesh of chips", () => {
  const mesh = withChiplets(wormhole, { numChiplets: 16 });

  it("counts every link of the way", () => {
    // On a 2 x 2 mesh a chip is one link from two others and two from the third.
    const small = { ...mesh, chipletsPerGroup: 4, mesh: { ...mesh.mesh!, columns: 2 } };
    expect([...hopsToEach(machineNetwork(small))]).to.deep.equal([4, 4, 4, 4]);
  });

  it("takes even traffic no longer than its middle cut says, contention aside", () => {
    const loads = linkLoads(trafficOf(new Array<number>(16).fill(100), 16), mesh, "per-chiplet");
    const bytes = new Array<number>(16).fill((100 * 4096) / 16);
    const { network, routerOf } = machineNetwork(mesh);
    const { boundNs } = transferTime(network, allToAll([...routerOf], bytes));
    expect(Math.max(...leastLinkTimes(loads, mesh, 4096).chipletNs)).to.be.closeTo(boundNs, 1e-9 * boundNs);
    expect(1600 * leastMeshNs(mesh, 4096)).to.be.closeTo(boundNs, 1e-9 * boundNs);
  });
});
