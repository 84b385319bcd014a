import { expect } from "chai";
import { findHardware, hardwarePresets } from "../../lib/hardware/presets.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { withChiplets, type Hardware } from "../../lib/hardware/hardware.js";
import { TRANSPORTS } from "../../lib/hardware/workload.js";
import { createWorkload } from "../../lib/performance/workload.js";
import type { Peaks } from "../../lib/placement/placement.js";
import { createProblem } from "../../lib/placement/problem.js";
import { countTraffic, type LayerTraffic } from "../../lib/placement/traffic.js";
import { leastShareOf } from "../../lib/placement/dispatch.js";
import { createRandom } from "../../lib/random.js";
import { stepBoundNs, type BoundedLayer } from "../../lib/schedule/step-bound.js";
import { STEP_CONFIGURATIONS, stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { loadOf } from "../../lib/trace/load-trace.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { largest, smallest, sum } from "../../lib/statistics.js";
import { synthesizeTrace } from "../../traces/synthetic.js";

const shape = findModelShape("deepseek-v2-lite");

const HIGH = { load: 6, tokens: 1, cost: 8 };

/** What a placement has itself, for each token. */
function peaksOf({ numTokens, chipletLoad, chipletTokens }: LayerTraffic): Peaks {
  return {
    load: largest(chipletLoad) / numTokens,
    tokens: largest(chipletTokens) / numTokens,
    cost: sum(chipletTokens) / numTokens,
  };
}

describe("stepBoundNs", () => {
  if (!shape) throw new Error("a known model");
  const trace = synthesizeTrace({ preset: "deepseek-moe-16b", tokens: 400, layers: 2, seed: 3 });
  const patterns = trace.layers.map((layer) => collectPatterns(layer, trace));

  /** Placements of all kinds: even, skewed, with empty slots, by ids and at random. */
  function* placements(numChiplets: number): Generator<number[][]> {
    const experts = Array.from({ length: 64 }, (_, expert) => expert);
    const random = createRandom(numChiplets);
    const dealt = (order: readonly number[], slots: number) =>
      Array.from({ length: numChiplets }, (_, chiplet) =>
        order.slice(chiplet * slots, (chiplet + 1) * slots),
      );
    yield dealt(experts, 64 / numChiplets);
    for (let draw = 0; draw < 3; draw++) yield dealt(random.shuffle([...experts]), 64 / numChiplets);
    yield dealt(experts, 32);
  }

  /** Servers whose kernels nobody knows, root links as wide as four chiplet links: links alone make their times. */
  const servers = JSON.parse(JSON.stringify({ ...findHardware("h100-8x8"), kernels: undefined })) as Hardware;
  const { root, chiplet } = servers.links;
  const wide: Hardware = {
    ...servers,
    name: "h100-8x8 without kernels",
    links: {
      root: { ...root, bytesPerNs: { ...root.bytesPerNs, value: 4 * chiplet.bytesPerNs.value } },
      chiplet,
    },
  };
  const machines = [...hardwarePresets, wide];

  const tiny = (hardware: Hardware): [Hardware, number, number] => {
    const numGroups = hardware.numGroups === 1 ? 1 : 2;
    return [withChiplets(hardware, { numChiplets: 8, numGroups }), 8, numGroups];
  };

  it("is below the time where chunks may overtake others, as nobody looks at the SRAM beside resident weights", () => {
    const ucie = findHardware("ucie-a-hbm3");
    if (ucie?.chiplet.kind !== "systolic") throw new Error("a known wafer");
    const slowRoot = { ...ucie.chiplet, tiles: { ...ucie.chiplet.tiles, value: 4 } };
    const hardware: Hardware = withChiplets(
      { ...ucie, weights: "resident", root: slowRoot },
      { numChiplets: 8, numGroups: 2 },
    );
    // Without shared experts, which a root has to do while a step turns.
    const olmoe = findModelShape("olmoe-1b-7b")!;
    const workload = createWorkload({ hardware, shape: olmoe }, { phase: "train", microBatches: 8 });
    const machine = { hardware, shape: olmoe, workload };
    for (const chiplets of placements(8)) {
      const traffic = countTraffic(patterns[0], chiplets, hardware);
      expect(stepBoundNs([{ traffic, tokenReplication: 1 }], machine)).to.be.at.most(
        stepMakespanNs([traffic], machine),
      );
    }
  });

  for (const preset of machines) {
    it(`is below the time of any placement, whatever the workload and transport: ${preset.name}`, () => {
      const [hardware, numChiplets, numGroups] = tiny(preset);
      const problems = patterns.map((tokens) =>
        createProblem(tokens, { numChiplets, numGroups, slotsPerChiplet: 32 }),
      );
      const placed = [...placements(numChiplets)].map((chiplets) =>
        problems.map((problem) => countTraffic(problem.patterns, chiplets, problem)),
      );
      let numRaised = 0;
      for (const phase of ["train", "prefill", "decode"] as const) {
        for (const transport of TRANSPORTS) {
          for (const configuration of [
            STEP_CONFIGURATIONS.chunked,
            STEP_CONFIGURATIONS.C,
            STEP_CONFIGURATIONS.baseline,
          ]) {
            const options = {
              hardware,
              shape,
              workload: createWorkload({ hardware, shape }, { phase, transport }),
              configuration,
            };
            // What is proved of C_T is as good as can be for placements with as many experts a chiplet: theirs.
            const replicationOf = (traffic: LayerTraffic) => sum(traffic.chipletTokens) / traffic.numTokens;
            const groupReplicationOf = (traffic: LayerTraffic) =>
              sum(traffic.groupTokens) / traffic.numTokens;
            for (const alike of [placed.slice(0, -1), placed.slice(-1)]) {
              const fewest = patterns.map((_, index) =>
                smallest(alike.map((layers) => replicationOf(layers[index]))),
              );
              const fewestGroups = patterns.map((_, index) =>
                smallest(alike.map((layers) => groupReplicationOf(layers[index]))),
              );
              const least = smallest(alike.map((traffic) => stepMakespanNs(traffic, options)));
              for (const traffic of alike) {
                for (const isProved of [false, true]) {
                  const bounded = traffic.map((layer, index) => ({
                    traffic: layer,
                    slotsPerChiplet: largest(layer.expertLoad.map(({ length }) => length)),
                    tokenReplication: isProved ? fewest[index] : 1,
                    ...(isProved && { groupReplication: fewestGroups[index] }),
                  }));
                  const boundNs = stepBoundNs(bounded, options);
                  expect(boundNs).to.be.above(0);
                  expect(boundNs).to.be.at.most(least);
                  // Of the peaks of its own, and others that it has not, it has one.
                  const peaked = bounded.map((layer) => ({
                    ...layer,
                    peaks: [peaksOf(layer.traffic), HIGH],
                  }));
                  const peakedNs = stepBoundNs(peaked, options);
                  expect(peakedNs).to.be.at.least(boundNs);
                  expect(peakedNs).to.be.at.most(stepMakespanNs(traffic, options));
                  if (peakedNs > boundNs) numRaised++;
                }
              }
            }
          }
        }
      }
      expect(numRaised > 0).to.equal(hardware.kernels !== undefined);
    });
  }

  describe("where some experts are much busier than others", () => {
    const numGpus = 4;
    const v3 = findModelShape("deepseek-v3")!;
    /** Pairs of experts that tokens choose, each a digit: one expert is more than a fair share, or five are for four GPUs. */
    const skews = [
      {
        name: "one expert",
        tokens: "01 02 03 04 05 06 07 12",
        within: { train: 0.98, prefill: 0.96, decode: 0.98 },
      },
      {
        name: "five experts",
        tokens: "01 12 23 34 40 02 13 56",
        within: { train: 0.94, prefill: 0.91, decode: 0.97 },
      },
    ];
    /** Every way to deal 8 experts to 4 GPUs of two servers, up to the numbers of GPUs and servers. */
    const placements = pairings([0, 1, 2, 3, 4, 5, 6, 7]).flatMap(([a, b, c, d]) => [
      [a, b, c, d],
      [a, c, b, d],
      [a, d, b, c],
    ]);

    /** A layer under every placement, and what is known of all of them. */
    function casesOf(tokens: string): { traffic: LayerTraffic[]; bounded: BoundedLayer } {
      const experts = Uint16Array.from(tokens.replaceAll(" ", ""), Number);
      const one = collectPatterns(
        { layer: 0, numTokens: experts.length / 2, experts },
        { topK: 2, numExperts: 8 },
      );
      const traffic = placements.map((chiplets) => countTraffic(one, chiplets, { chipletsPerGroup: 2 }));
      const least = (of: (placed: LayerTraffic) => Float64Array) =>
        smallest(traffic.map((placed) => sum(of(placed)) / placed.numTokens));
      const bounded = {
        traffic: traffic[0],
        tokenReplication: least(({ chipletTokens }) => chipletTokens),
        groupReplication: least(({ groupTokens }) => groupTokens),
        slotsPerChiplet: 2,
      };
      return { traffic, bounded };
    }

    for (const name of ["h100-8x8", "gb200-nvl72"]) {
      for (const { name: skew, tokens, within } of skews) {
        it(`is below every placement there is, and near the best: ${name}, ${skew}`, () => {
          const hardware = withChiplets(findHardware(name)!, { numChiplets: numGpus, numGroups: 2 });
          const { traffic, bounded } = casesOf(tokens);
          for (const phase of ["train", "prefill", "decode"] as const) {
            for (const transport of TRANSPORTS) {
              const asked = { phase, transport, ...(phase === "decode" && { tokensPerChiplet: 1024 }) };
              const workload = createWorkload({ hardware, shape: v3 }, asked);
              const options = { hardware, shape: v3, workload };
              const least = smallest(traffic.map((placed) => stepMakespanNs([placed], options)));
              const boundNs = stepBoundNs([bounded], options);
              expect(boundNs, `${phase}, ${transport}`).to.be.at.most(least);
              expect(boundNs, `${phase}, ${transport}`).to.be.at.least(within[phase] * least);
            }
          }
        });

        it(`is as near in many layers: ${name}, ${skew}`, () => {
          const { traffic, bounded } = casesOf(tokens);
          const hardware = withChiplets(findHardware(name)!, { numChiplets: numGpus, numGroups: 2 });
          const random = createRandom(2);
          for (const transport of TRANSPORTS) {
            const workload = createWorkload({ hardware, shape: v3 }, { phase: "prefill", transport });
            const options = { hardware, shape: v3, workload };
            const ways = [
              ...traffic.map((placed) => new Array<LayerTraffic>(4).fill(placed)),
              ...Array.from({ length: 200 }, () =>
                Array.from({ length: 4 }, () => traffic[random.below(traffic.length)]),
              ),
            ];
            const least = smallest(ways.map((layers) => stepMakespanNs(layers, options)));
            const boundNs = stepBoundNs(new Array<BoundedLayer>(4).fill(bounded), options);
            expect(boundNs, transport).to.be.within(within.prefill * least, least);
          }
        });
      }
    }

    /** Every way to put items into pairs. */
    function pairings(items: readonly number[]): number[][][] {
      if (items.length === 0) return [[]];
      const [first, ...others] = items;
      return others.flatMap((second) =>
        pairings(others.filter((item) => item !== second)).map((pairs) => [[first, second], ...pairs]),
      );
    }
  });

  for (const preset of machines) {
    it(`is below the time of any placement of many layers, in as many micro-batches: ${preset.name}`, () => {
      const [hardware, numChiplets, numGroups] = tiny(preset);
      const deep = synthesizeTrace({ preset: "deepseek-moe-16b", tokens: 300, layers: 6, seed: 4 });
      const ways = [...placements(numChiplets)].slice(0, -1);
      const counted = deep.layers.map((layer) => {
        const problem = createProblem(collectPatterns(layer, deep), { numChiplets, numGroups });
        return ways.map((chiplets) => countTraffic(problem.patterns, chiplets, problem));
      });
      const random = createRandom(1);
      for (const phase of ["train", "prefill", "decode"] as const) {
        for (const transport of TRANSPORTS) {
          for (const numLayers of [3, 4, 6]) {
            const microBatches = 1 + random.below(4);
            const workload = createWorkload({ hardware, shape }, { phase, transport, microBatches });
            const options = { hardware, shape, workload };
            const layers = counted.slice(0, numLayers);
            // Each layer placed in its own way, so that another chiplet is the busiest in each.
            const drawn = Array.from({ length: 4 }, () =>
              layers.map((placed) => placed[random.below(placed.length)]),
            );
            const least = smallest(drawn.map((traffic) => stepMakespanNs(traffic, options)));
            const bounded = layers.map((placed) => ({
              traffic: placed[0],
              slotsPerChiplet: 64 / numChiplets,
              tokenReplication: smallest(placed.map((one) => sum(one.chipletTokens) / one.numTokens)),
              groupReplication: smallest(placed.map((one) => sum(one.groupTokens) / one.numTokens)),
            }));
            const boundNs = stepBoundNs(bounded, options);
            expect(boundNs, `${phase}, ${transport}, ${numLayers} layers`).to.be.within(0.5 * least, least);
          }
        }
      }
    });
  }

  for (const preset of machines) {
    it(`is below the time of any placement with as many replicas, whichever experts have them: ${preset.name}`, () => {
      const [hardware, numChiplets] = tiny(preset);
      const load = loadOf(trace.layers[0], trace.numExperts);
      const experts = [...load.keys()];
      const busiestFirst = experts.toSorted((a, b) => load[b] - load[a]);
      const orders = [busiestFirst, createRandom(7).shuffle([...experts]), busiestFirst.toReversed()];
      const placed = orders.map((order) => {
        const chiplets = Array.from({ length: numChiplets }, (_, chiplet) =>
          experts.filter((expert) => expert % numChiplets === chiplet),
        );
        order.slice(0, 16).forEach((expert, index) => {
          chiplets[(expert + 1 + (index % (numChiplets - 1))) % numChiplets].push(expert);
        });
        return chiplets;
      });
      for (const dispatch of ["uniform", "sglang-static", "vllm-ascend", "nearest"] as const) {
        const traffic = placed.map((chiplets) =>
          countTraffic(patterns[0], chiplets, { chipletsPerGroup: hardware.chipletsPerGroup, dispatch }),
        );
        const leastShare = leastShareOf(dispatch, numChiplets);
        for (const phase of ["train", "prefill", "decode"] as const) {
          for (const tokensPerChiplet of [1, 16, 4096]) {
            for (const transport of TRANSPORTS) {
              const asked = { phase, transport, tokensPerChiplet };
              const options = { hardware, shape, workload: createWorkload({ hardware, shape }, asked) };
              const least = smallest(traffic.map((one) => stepMakespanNs([one], options)));
              for (const counted of traffic) {
                const replicated = { load, leastShare };
                const boundNs = stepBoundNs([{ traffic: counted, tokenReplication: 1, replicated }], options);
                expect(boundNs, `${dispatch}, ${phase}, ${tokensPerChiplet}, ${transport}`).to.be.within(
                  0.2 * least,
                  least,
                );
              }
            }
          }
        }
      }
    });
  }

  it("rises with what is proved of C_T", () => {
    const hardware = withChiplets(hardwarePresets[3], { numChiplets: 8, numGroups: 2 });
    const traffic = patterns.map((tokens) =>
      countTraffic(tokens, [...placements(8)][0], createProblem(tokens, { numChiplets: 8, numGroups: 2 })),
    );
    const bounds = [1, 2, 4].map((tokenReplication) =>
      stepBoundNs(
        traffic.map((layer) => ({ traffic: layer, tokenReplication })),
        { hardware, shape },
      ),
    );
    expect(bounds[0]).to.be.below(bounds[1]);
    expect(bounds[1]).to.be.below(bounds[2]);
  });
});
