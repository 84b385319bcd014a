import { expect } from "chai";
import fc from "fast-check";
import { expertsOfChiplets, type Chiplets } from "../../lib/placement/placement.js";
import { countServerTraffic, meanServerTraffic } from "../../lib/placement/server-traffic.js";
import { countTraffic } from "../../lib/placement/traffic.js";
import { patternsOf } from "../solvers/arbitrary-problem.js";

describe("countServerTraffic", () => {
  it("counts the copies that sending every token from every GPU makes", () => {
    fc.assert(
      fc.property(clusters, ({ tokens, numExperts, chiplets, chipletsPerGroup }) => {
        const patterns = patternsOf(tokens, numExperts);
        const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup });
        const { direct, forwarded } = countServerTraffic(patterns, chiplets, traffic);
        const slow = sendAll(tokens, chiplets, chipletsPerGroup);
        for (const [found, sent] of [[direct, slow.direct] as const, [forwarded, slow.forwarded] as const]) {
          expect(found.betweenServers).to.be.closeTo(sent.betweenServers, 1e-12);
          expect(found.insideServers).to.be.closeTo(sent.insideServers, 1e-12);
        }
      }),
    );
  });

  it("counts the servers that every token visits", () => {
    const patterns = patternsOf(
      [
        [0, 1],
        [0, 2],
        [0, 4],
        [1, 3],
      ],
      6,
    );
    const chiplets = [[0], [1], [2], [3], [4], [5]];
    const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup: 2 });
    expect(countServerTraffic(patterns, chiplets, traffic).tokensByServers).to.deep.equal([0, 0.25, 0.75, 0]);
  });

  it("counts the fewest servers that can serve a token, where experts have replicas", () => {
    const patterns = patternsOf(
      [
        [0, 3],
        [1, 2],
        [2, 3],
      ],
      4,
    );
    const chiplets = [
      [0, 1],
      [2, 3],
      [0, 2],
    ];
    const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup: 1 });
    expect(countServerTraffic(patterns, chiplets, traffic).tokensByServers).to.deep.equal([
      0,
      1 / 3,
      2 / 3,
      0,
    ]);
  });

  it("sends nothing where there is one GPU, and nothing between servers where there is one", () => {
    const patterns = patternsOf(
      [
        [0, 1],
        [0, 2],
      ],
      3,
    );
    for (const chiplets of [[[0, 1, 2]], [[0], [1, 2]]]) {
      const traffic = countTraffic(patterns, chiplets, { chipletsPerGroup: chiplets.length });
      const { direct, forwarded } = countServerTraffic(patterns, chiplets, traffic);
      expect([direct.betweenServers, forwarded.betweenServers]).to.deep.equal([0, 0]);
      expect(direct.insideServers > 0).to.equal(chiplets.length > 1);
    }
  });

  it("has a mean over layers", () => {
    const layer = (copies: number, tokensByServers: number[]) => ({
      direct: { betweenServers: copies, insideServers: 2 * copies },
      forwarded: { betweenServers: 3 * copies, insideServers: 4 * copies },
      tokensByServers,
    });
    expect(meanServerTraffic([layer(1, [0, 1]), layer(3, [0.5, 0.5])])).to.deep.equal(layer(2, [0.25, 0.75]));
  });
});

interface Cluster {
  tokens: number[][];
  numExperts: number;
  chiplets: Chiplets;
  chipletsPerGroup: number;
}

const clusters: fc.Arbitrary<Cluster> = fc
  .record({
    numGroups: fc.integer({ min: 1, max: 3 }),
    chipletsPerGroup: fc.integer({ min: 1, max: 3 }),
    numExperts: fc.integer({ min: 3, max: 8 }),
  })
  .chain(({ numGroups, chipletsPerGroup, numExperts }) => {
    const numChiplets = numGroups * chipletsPerGroup;
    const token = fc.uniqueArray(fc.nat(numExperts - 1), { minLength: 3, maxLength: 3 });
    const incumbents = fc.array(fc.nat(numChiplets - 1), { minLength: numExperts, maxLength: numExperts });
    return fc.record({
      tokens: fc.array(token, { minLength: 1, maxLength: 10 }),
      numExperts: fc.constant(numExperts),
      chiplets: incumbents.map((chipletOf) => expertsOfChiplets(chipletOf, numChiplets)),
      chipletsPerGroup: fc.constant(chipletsPerGroup),
    });
  });

/** Sends every token from every GPU, copy by copy, both ways; mean over all. */
function sendAll(tokens: number[][], chiplets: Chiplets, chipletsPerGroup: number) {
  const direct = { betweenServers: 0, insideServers: 0 };
  const forwarded = { betweenServers: 0, insideServers: 0 };
  const serverOf = (gpu: number) => Math.floor(gpu / chipletsPerGroup);
  const weight = 1 / (tokens.length * chiplets.length);
  const send = (mode: typeof direct, from: number, to: number) => {
    if (from === to) return;
    mode[serverOf(from) === serverOf(to) ? "insideServers" : "betweenServers"] += weight;
  };
  for (const token of tokens) {
    const needed = chiplets.flatMap((experts, gpu) =>
      experts.some((expert) => token.includes(expert)) ? [gpu] : [],
    );
    for (let origin = 0; origin < chiplets.length; origin++) {
      for (const gpu of needed) send(direct, origin, gpu);
      for (const server of new Set(needed.map(serverOf))) {
        // The GPU of the same place in that server: the origin itself in its own server.
        const gate = server * chipletsPerGroup + (origin % chipletsPerGroup);
        send(forwarded, origin, gate);
        for (const gpu of needed) if (serverOf(gpu) === server) send(forwarded, gate, gpu);
      }
    }
  }
  return { direct, forwarded };
}
