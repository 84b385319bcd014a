import { expect } from "chai";
import { describeReplicas } from "../../cli/describe/describe.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { describeCurve } from "../../cli/auto-replicas.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface Placed {
  learned: { tokenReplication: number; loadMaxOverMean: number };
  placement: {
    slotsPerChiplet: number;
    dispatch: string;
    layers: { chiplets: number[][]; load?: { cost: number; bound: number } }[];
  };
}

/** A layer with what it costs by replicas, and what it got of a budget. */
interface BudgetedLayer {
  numReplicas: number;
  points: { numReplicas: number; cost: number }[];
}

describe("replicas on the command line", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });
  const run = (...args: string[]) => place.runJson("place", "trace.jsonl", "--chiplets", "4", ...args);

  it("visit fewer chiplets than without, never two replicas on one", async () => {
    const without = (await run("--slots", "3")) as Placed;
    const { learned, placement } = (await run("--replicas", "4", "-o", "p.json")) as Placed;
    expect(learned.tokenReplication).to.be.below(without.learned.tokenReplication);
    expect(placement.dispatch).to.equal("nearest");
    for (const { chiplets } of placement.layers) {
      expect(chiplets.flat()).to.have.length(12);
      for (const experts of chiplets) expect(new Set(experts).size).to.equal(experts.length);
    }
    const filled = (await run("--slots-per-chiplet", "3")) as Placed;
    expect(filled.placement.layers).to.deep.equal(placement.layers);
    const verified = await place.run("verify", "p.json", "--against", "trace.jsonl");
    expect(verified.stdout).to.contain("p.json: sound");
  });

  it("are said to be fewer than asked for, and in which layers", () => {
    const layers = [0, 2, 1].map((more, layer) => ({
      layer,
      chiplets: [
        [0, 1],
        [2, 3, ...[0, 1].slice(0, more)],
      ],
    }));
    const placement = {
      model: undefined,
      numExperts: 4,
      numChiplets: 2,
      dispatch: "nearest",
      layers,
    } as const;
    expect(describeReplicas(placement, () => 2)).to.match(
      /^0 to 2 replicas a layer; tokens use the nearest; fewer than asked for in layers 0, ?2, where/,
    );
    expect(describeReplicas(placement)).to.equal("0 to 2 replicas a layer; tokens use the nearest");
    const [bare] = layers;
    expect(describeReplicas({ ...placement, layers: [bare] }, () => 1)).to.match(
      /^no replicas; fewer than asked for in layer 0/,
    );
    expect(describeReplicas({ ...placement, layers: [bare] }, () => 0)).to.equal(undefined);
  });

  for (const dispatch of ["nearest", "uniform"]) {
    it(`balance ${dispatch} dispatch first, and evaluate and schedule alike`, async () => {
      const args = ["--replicas", "4", "--dispatch", dispatch, "--objective", "balance", "-o", "p.json"];
      const { learned, placement } = (await run(...args)) as Placed;
      const alone = (await run("--objective", "balance")) as Placed;
      expect(learned.loadMaxOverMean).to.be.below(alone.learned.loadMaxOverMean);
      for (const { load } of placement.layers) expect(load?.bound).to.equal(1);
      const verified = await place.run("verify", "p.json", "--against", "trace.jsonl");
      expect(verified.stdout).to.contain("p.json: sound");
      const evaluated = (await place.runJson("evaluate", "trace.jsonl", "p.json")) as {
        placements: { mean: Placed["learned"] }[];
      };
      expect(evaluated.placements[0].mean.loadMaxOverMean).to.equal(learned.loadMaxOverMean);
      const scheduled = await place.run(
        ...["schedule", "trace.jsonl", "p.json", "--model", "gpt-oss-20b", "--layer", "1"],
      );
      expect(scheduled.exitCode, scheduled.stderr).to.equal(0);
    });
  }

  it("are chosen with their curve by --replicas auto, which place alone knows", async () => {
    const on = [
      "--model",
      "gpt-oss-20b",
      "--objective",
      "balance",
      "--solver",
      "local-search",
      "--draws",
      "2",
    ];
    const auto = (await run("--replicas", "auto", ...on)) as Placed & {
      replicaCurve: {
        chosen: number;
        numLayers: number;
        points: {
          numReplicas: number;
          stepNs: number;
          cost: { bytesPerChiplet: number } | null;
          gain: { gain: number; noise: number } | null;
        }[];
        law: { r: number; gain: number };
      };
    };
    const { chosen, points, numLayers, law } = auto.replicaCurve;
    expect(numLayers).to.equal(2);
    expect(points[0]).to.include({ numReplicas: 0, cost: null });
    for (const { numReplicas, cost } of points.slice(1)) {
      expect((8 + numReplicas) % 4).to.equal(0);
      expect(cost!.bytesPerChiplet).to.be.above(0);
    }
    expect(points.map(({ numReplicas }) => numReplicas)).to.include(chosen);
    for (const { numReplicas, gain } of points) {
      expect(gain === null).to.equal(numReplicas === chosen);
      if (gain && numReplicas > chosen) expect(gain.gain).to.be.at.most(gain.noise);
    }
    expect(law.gain).to.be.closeTo(0.33 * Math.max(0, law.r - 1.053), 1e-12);
    for (const { chiplets } of auto.placement.layers) expect(chiplets.flat()).to.have.length(8 + chosen);
    const refused = await place.run("compare", "trace.jsonl", "--chiplets", "4", "--replicas", "auto");
    expect(refused.exitCode).to.equal(2);
    expect(refused.stderr).to.contain("--replicas: found auto, expected a number");
    for (const [command, flags] of [
      ["place", "--replicas <n|auto>"],
      ["compare", "--replicas <n> "],
      ["watch", "--replicas <n> "],
    ]) {
      expect((await place.run(command, "--help")).stdout).to.contain(flags);
    }
  });

  it("are told with what was minimised: time and even loads are not the same", () => {
    const law = { beta: 0.33, threshold: 1.053, r: 1.2, gain: 0.05, source: "elsewhere" };
    const point = { numReplicas: 0, stepNs: 5e6, loadMaxOverMean: 1.2, cost: null, gain: null };
    const curve = { chosen: 0, numLayers: 1, points: [point], law };
    expect(describeCurve(curve, "time")).to.include("on 1 layer:").and.include("loads may be less even");
    expect(describeCurve(curve, "balance")).not.to.include("loads may be less even").and.not.include("Not ");
    const passedOver = { ...point, numReplicas: 8, stepNs: 4.99e6, gain: { gain: 0.002, noise: 0.0031 } };
    const longer = { ...point, numReplicas: 16, stepNs: 5.1e6, gain: { gain: -0.02, noise: 0.001 } };
    expect(describeCurve({ ...curve, points: [point, passedOver, longer] }, "time"))
      .to.include("Not 8 replicas: batch by batch they save 0.20 %, of which 0.31 % may be chance.\n\n")
      .and.not.include("Not 16");
  });

  it("go to the layers where they gain most, within one budget for all", async () => {
    // The first layer is even, the second has one busy expert.
    const loads = [0, 1].map((layer) =>
      Array.from({ length: 8 }, (_, expert) => (layer && !expert ? 900 : 100)),
    );
    place.write("counts.json", JSON.stringify(loads));
    const asked = ["place", "counts.json", "--as", "loads", "--objective", "balance", "--chiplets", "4"];
    const placed = (await place.runJson(...asked, "--replica-budget", "7", "-o", "p.json")) as Placed & {
      replicaBudget: { costIn: string; layers: BudgetedLayer[] };
    };
    const { layers, costIn } = placed.replicaBudget;
    expect(costIn).to.equal("load");
    // Of seven four go where the slots of its chiplets are as many then.
    expect(layers.map(({ numReplicas }) => numReplicas)).to.deep.equal([0, 4]);
    expect(layers[0].points[0].cost).to.equal(200);
    expect(layers[1].points[0].cost).to.equal(1000);
    placed.placement.layers.forEach(({ chiplets }, index) => {
      expect(chiplets.flat()).to.have.length(8 + layers[index].numReplicas);
    });
    const again = await place.run(
      "place",
      "counts.json",
      "--as",
      "loads",
      "--like",
      "p.json",
      "-o",
      "q.json",
    );
    expect(again.exitCode, again.stderr).to.equal(0);
    expect(again.stdout).to.contain("replica budget: 4 of 7 given, 4 each to layers 1; 0 each to layers 0");
    expect(place.read("q.json")).to.equal(place.read("p.json"));
    const file = ["-o", "file.json", "--force"];
    const ascend = await place.run("export", "p.json", "--to", "vllm-ascend", ...file);
    expect(ascend.exitCode, ascend.stderr).to.equal(0);
    const verified = await place.run("verify", "file.json", "--against", "p.json");
    expect(verified.stdout).to.contain("file.json: sound");
    const refused = await place.run("export", "p.json", "--to", "sglang", ...file);
    expect(refused.exitCode).to.equal(2);
    expect(refused.stderr).to.match(/found 2 slots on every chiplet, expected 3 as in other layers/);
    expect(refused.stderr).to.match(/vllm-ascend from [\d.]+ on or omni-infer/);
  });

  it("have a budget that other replicas, engines with equal layers and memories may refuse", async () => {
    const gpus = ["--hardware", "h100-8x8", "--groups", "1", "--model", "deepseek-moe-16b"];
    const asked = ["place", "trace.jsonl", "--chiplets", "4", ...gpus, "--replica-budget"];
    for (const [args, exitCode, message] of [
      [["4", "--replicas", "4"], 2, "--replica-budget: found replicas or slots too"],
      [["4", "--for", "sglang"], 2, "--replica-budget: found layers with replicas of their own"],
      [["9999999"], 3, "infeasible: 9999999 replicas over all layers are more than the "],
    ] as const) {
      const answer = await place.run(...asked, ...args);
      expect(answer.stderr).to.contain(message);
      expect(answer.exitCode, message).to.equal(exitCode);
    }
    const uneven = ["place", "trace.jsonl", "--hardware", "h100-8x8", "--chiplets", "3", "--groups", "1"];
    const few = await place.run(...uneven, "--for", "vllm-ascend", "--replica-budget", "1");
    expect(few.stderr).to.contain(
      "1 replicas over all layers are fewer than the 2 that fill the slots of every rank",
    );
    expect(few.exitCode).to.equal(3);
  });

  it("reach every engine whose format knows them", async () => {
    await run("--replicas", "4", "-o", "p.json");
    for (const format of ["sglang", "vllm", "vllm-ascend", "tensorrt-llm", "eplb", "eplb-json"]) {
      // Engines look at the end of the name.
      const file = `${format}.json`;
      const exported = await place.run("export", "p.json", "--to", format, "-o", file);
      expect(exported.exitCode, exported.stderr).to.equal(0);
      const verified = await place.run(
        ...["verify", file, "--ranks", "4", "--experts", "8", "--first-moe-layer", "1"],
        ...["--against", "p.json"],
      );
      expect(verified.stdout, format).to.contain(`${file}: sound`);
    }
    for (const format of ["vllm-ranks", "megatron"]) {
      const { exitCode, stderr } = await place.run(
        ...["export", "p.json", "--to", format, "--layer", "1", "-o", "no.out"],
      );
      expect(exitCode).to.equal(2);
      expect(stderr).to.contain("found replicas");
    }
  });

  it("are compared with EPLB's, one row for all solvers that search alike", async () => {
    const { solvers } = (await place.runJson(
      ...["compare", "trace.jsonl", "--chiplets", "4", "--replicas", "4"],
    )) as { solvers: { solver: string; status: string; bound: number | null }[] };
    const names = solvers.map(({ solver }) => solver);
    expect(names).to.include.members(["eplb-global", "local-search"]).and.not.include("exact");
    for (const { bound } of solvers) expect(bound).to.equal(null);
  });

  it("are refused with the reason where the memories have no room for them", async () => {
    // Of a model of 29 GB, in four memories of 8.6 GB.
    const lite = [
      "--model",
      "deepseek-v2-lite",
      "--objective",
      "balance",
      "--replicas",
      "16",
      "--solver",
      "eplb-global",
    ];
    place.write(
      "lite.json",
      JSON.stringify({ logical_count: [Array.from({ length: 64 }, (_, e) => 1 + ((e * 7) % 64))] }),
    );
    const { exitCode, stderr } = await place.run(
      "place",
      "lite.json",
      "--chiplets",
      "8",
      "--groups",
      "4",
      ...lite,
    );
    expect(exitCode).to.equal(3);
    expect(stderr).to.contain("have room for 76 in every layer: at most 12 replicas");
    const roomy = await place.runJson(
      "place",
      "lite.json",
      "--chiplets",
      "8",
      "--hardware",
      "h100-8x8",
      ...lite,
    );
    expect((roomy as Placed).placement.layers[0].chiplets.flat()).to.have.length(80);
  });

  it("are made where the memories are too small for the model alone, which is said, and all slots are filled", async () => {
    const load = Array.from({ length: 256 }, (_, expert) => 1000 + ((expert * 97) % 256) ** 2);
    place.write("large.json", JSON.stringify({ logical_count: [load] }));
    const large = [
      "place",
      "large.json",
      "--model",
      "deepseek-v3",
      "--objective",
      "balance",
      "--chiplets",
      "16",
    ];
    for (const more of [
      [],
      ["--solver", "eplb-global"],
      ["--solver", "eplb-hierarchical"],
      ["--time-limit", "0.05"],
    ]) {
      const slots = ["--slots-per-chiplet", "18", "-o", "p.json", "--force"];
      const { exitCode, stderr } = await place.run(...large, ...slots, ...more);
      expect(exitCode, stderr).to.equal(0);
      expect(stderr).to.contain("too much");
      const { layers } = JSON.parse(place.read("p.json")) as Placed["placement"];
      for (const experts of layers[0].chiplets) expect(experts, more.join()).to.have.length(18);
      const exported = await place.run("export", "p.json", "--to", "tensorrt-llm", "-o", "p.yaml", "--force");
      expect(exported.exitCode, exported.stderr).to.equal(0);
    }
  });

  it("are refused where they cannot be", async () => {
    for (const [args, message] of [
      [["--slots-per-chiplet", "3", "--slots", "3"], "--slots-per-chiplet: found --slots too"],
      [["--slots-per-chiplet", "3", "--replicas", "2"], "--slots-per-chiplet: found --replicas too"],
      [["--slots-per-chiplet", "1"], "slots: found 4 chiplets x 1 slots = 4, expected at least 8"],
      [["--replicas", "25"], "replicas: found 25, expected at most 24"],
      [["--dispatch", "farthest"], "--dispatch: found farthest, expected one of nearest, uniform"],
    ] as const) {
      const { exitCode, stderr } = await place.run("place", "trace.jsonl", "--chiplets", "4", ...args);
      expect(stderr).to.contain(message);
      expect(exitCode, message).to.equal(2);
    }
  });
});

describe("loads without tokens on the command line", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    const load = [[90, 10, 20, 30, 10, 10, 10, 20]];
    place.write("loads.json", JSON.stringify({ load_history: [{ logical_expert_load: load }] }));
  });
  afterEach(() => {
    place.remove();
  });
  const args = ["place", "loads.json", "--chiplets", "4"];

  it("are balanced with replicas, as evenly as can be", async () => {
    const balance = [...args, "--objective", "balance", "--replicas", "4", "-o", "p.json"];
    const placed = (await place.runJson(...balance)) as {
      mean: { loadMaxOverMean: number };
      placement: Placed["placement"];
    };
    expect(placed.placement.dispatch).to.equal("uniform");
    const [{ chiplets, load }] = placed.placement.layers;
    const replicas = (expert: number) => chiplets.filter((experts) => experts.includes(expert)).length;
    const peak = Math.max(
      ...chiplets.map((experts) =>
        experts.reduce((sum, e) => sum + [90, 10, 20, 30, 10, 10, 10, 20][e] / replicas(e), 0),
      ),
    );
    expect(placed.mean.loadMaxOverMean).to.be.closeTo(peak / 50, 1e-9);
    expect(load?.cost).to.be.closeTo(peak / 50, 1e-9);
    expect(peak).to.be.below(60);
    expect(JSON.stringify(placed.placement)).to.not.contain('"status":"optimal","cost":1,"bound":1,"stop');
    expect((await place.run("verify", "p.json")).stdout).to.contain("p.json: sound");
  });

  it("are balanced without replicas, and the bound is that of the heaviest expert", async () => {
    const placed = (await place.runJson(...args, "--objective", "balance")) as {
      placement: Placed["placement"];
    };
    const [{ load }] = placed.placement.layers;
    // Expert 0 has 90 of a mean of 50 a chiplet, and shares its chiplet with at least one of 10.
    expect(load).to.deep.equal({ status: "optimal", cost: 2, bound: 2 });
  });

  it("may be fractions and sums of days: no load is too small or too large", async () => {
    for (const [load, groups] of [
      [
        [1.5, 2.5, 3.5, 4.5],
        [6, 6],
      ],
      [
        [3e9, 3e9, 3e9, 3e9],
        [6e9, 6e9],
      ],
      [
        [1e-6, 2e-6, 3e-6, 4e-6],
        [5e-6, 5e-6],
      ],
      [
        [1e15, 2e15, 3e15, 4e15],
        [5e15, 5e15],
      ],
    ] as const) {
      place.write("odd.json", JSON.stringify({ logical_count: [load] }));
      const odd = ["place", "odd.json", "--chiplets", "2", "--groups", "1", "--objective", "balance"];
      const placed = (await place.runJson(...odd)) as {
        placement: Placed["placement"];
        mean: { loadMaxOverMean: number };
      };
      expect(placed.mean.loadMaxOverMean, load.join()).to.be.closeTo(1, 1e-6);
      const sums = placed.placement.layers[0].chiplets.map((experts) =>
        experts.reduce((all, e) => all + load[e], 0),
      );
      sums.forEach((total, chiplet) => expect(total / groups[chiplet]).to.be.closeTo(1, 1e-9));
    }
  });

  it("move as few experts as possible from a running placement", async () => {
    const balance = ["--objective", "balance"];
    expect((await place.run(...args, ...balance, "-o", "p.json")).exitCode).to.equal(0);
    const running = JSON.parse(place.read("p.json")) as Placed["placement"];
    // The same chiplets by other numbers: nothing has to move.
    const renamed = running.layers.map((layer) => ({ ...layer, chiplets: layer.chiplets.toReversed() }));
    place.write("r.json", JSON.stringify({ ...running, layers: renamed }));
    const again = (await place.runJson(...args, ...balance, "--from", "r.json", "-o", "q.json")) as {
      migration: { moves: number };
      placement: Placed["placement"];
    };
    expect(again.migration.moves).to.equal(0);
    expect(again.placement.layers[0].chiplets).to.deep.equal(renamed[0].chiplets);
    expect((await place.run("verify", "q.json")).stdout).to.contain("sound");
  });

  it("are refused for all that needs tokens, with the reason", async () => {
    for (const [more, message] of [
      [[], "C_T depends on what is chosen together"],
      [["--objective", "balance", "--dispatch", "nearest"], "expected --dispatch uniform"],
      [["--objective", "balance", "--holdout", "0.25"], "expected no --holdout"],
    ] as const) {
      const { exitCode, stderr } = await place.run(...args, "--replicas", "4", ...more);
      expect(stderr).to.contain(message);
      expect(exitCode, message).to.equal(2);
    }
  });
});
