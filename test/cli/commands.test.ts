import { expect } from "chai";
import { UndirectedGraph } from "graphology";
import gexf from "graphology-gexf";
import { listConstants } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("the command line", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });

  it("prints its version, and help with an example for every command", async () => {
    expect((await place.run("--version")).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    const help = await place.run();
    expect(help.exitCode).to.equal(0);
    const commands = [...help.stdout.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name);
    expect(commands).to.deep.equal([
      "inspect",
      "synth",
      "place",
      "compare",
      "sweep",
      "worker",
      "watch",
      "evaluate",
      "schedule",
      "report",
      "export",
      "import",
      "verify",
      "convert",
      "calibrate",
      "hardware",
      "paper",
      "playground",
    ]);
    const helps = await Promise.all(commands.map((command) => place.run(command, "--help")));
    for (const [index, { exitCode, stdout }] of helps.entries()) {
      const command = commands[index];
      expect(exitCode, command).to.equal(0);
      expect(stdout, command).to.match(/Examples?:\n {2}moeplace /);
      expect(stdout, command).to.contain("--json").and.contain("--quiet");
    }
  });

  it("inspect tells what is in a trace", async () => {
    const { stdout } = await place.run("inspect", "trace.jsonl", "--chiplets", "4");
    expect(stdout).to.contain("model sample, 2 MoE layers, 8 experts, top-2");
    const data = (await place.runJson("inspect", "trace.jsonl", "--chiplets", "4")) as {
      layers: { layer: number; tokens: number; contiguousReplication: number; replicationAtLeast: number }[];
    };
    expect(data.layers.map(({ layer, tokens }) => [layer, tokens])).to.deep.equal([
      [1, 200],
      [2, 200],
    ]);
    for (const { contiguousReplication, replicationAtLeast } of data.layers) {
      expect(replicationAtLeast).to.be.at.least(1).and.at.most(contiguousReplication);
    }
  });

  it("inspect writes the co-activation graph of a layer with its communities for Gephi", async () => {
    const { stdout } = await place.run("inspect", "trace.jsonl", "--graph", "g.gexf", "--layer", "2");
    expect(stdout).to.match(/wrote g\.gexf: co-activation of 8 experts in layer 2, \d communities\n$/);
    const graph = gexf.parse(UndirectedGraph, place.read("g.gexf"));
    expect(graph.order).to.equal(8);
    const loads = graph.mapNodes((_, { load }) => load as number);
    expect(loads.reduce((sum, load) => sum + load, 0)).to.equal(400);
    const weights = graph.mapEdges((_, { weight }) => weight as number);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).to.equal(200);
    // Experts e and e + 4 like to go together.
    for (const expert of [0, 1, 2, 3]) {
      const community = graph.getNodeAttribute(String(expert), "community") as number;
      expect(graph.getNodeAttribute(String(expert + 4), "community")).to.equal(community);
    }
    const refused = await place.run("inspect", "trace.jsonl", "--graph", "h.gexf", "--layer", "9");
    expect(refused.exitCode).to.equal(2);
    expect(refused.stderr).to.contain("--layer: found 9, expected one of 1, 2");
  });

  it("drops warm-up rows and says so, or keeps them", async () => {
    const warm = Array.from({ length: 25 }, (_, token) => `{"layer":1,"token":${token},"experts":[0,1]}\n`);
    place.write("warm.jsonl", traceText(sampleTrace({ layers: [1] })) + warm.join(""));
    const dropped = await place.run("inspect", "warm.jsonl");
    expect(dropped.stderr).to.contain("dropped 25 warm-up rows");
    expect((await place.run("inspect", "warm.jsonl", "--quiet")).stderr).to.equal("");
    const kept = (await place.runJson("inspect", "warm.jsonl", "--keep-warmup")) as {
      layers: { tokens: number }[];
    };
    expect(kept.layers[0].tokens).to.equal(225);
  });

  it("evaluate counts the tokens that a router limited to some servers would send elsewhere", async () => {
    place.write("p.json", placementText([[0, 4], [1, 5], [2, 6], [3, 7]])); // prettier-ignore
    place.write("trace.jsonl", traceText(sampleTrace({ layers: [1] })));
    const args = ["evaluate", "trace.jsonl", "p.json", "--hardware", "h100-8x8", "--groups", "2"];
    const { placements } = (await place.runJson(...args, "--quiet")) as {
      placements: { mean: { servers: { tokensByServers: number[] } } }[];
    };
    const share = (100 * placements[0].mean.servers.tokensByServers[2]).toFixed(1);
    const { stdout } = await place.run(...args, "--server-limit", "1");
    expect(stdout)
      .to.match(/most servers {2}above 1 server\n/)
      .and.contain(` ${share} %\n`);
    const refused = await place.run("evaluate", "trace.jsonl", "p.json", "--server-limit", "1");
    expect(refused.exitCode).to.equal(2);
    expect(refused.stderr).to.contain("--server-limit: found hardware mozart-deepseek");
  });

  it("evaluate takes a placement of several groups to a mesh, which has none", async () => {
    const chiplets = ["--chiplets", "4", "--groups", "2", "--solver", "contiguous"];
    await place.run("place", "trace.jsonl", ...chiplets, "-o", "grouped.json");
    const args = ["evaluate", "trace.jsonl", "grouped.json", "--hardware", "wormhole-8x4"];
    const { placements } = (await place.runJson(...args)) as {
      placements: { mean: { groupReplication: number } }[];
    };
    expect(placements[0].mean.groupReplication).to.equal(1);
    const refused = await place.run(...args, "--groups", "2");
    expect(refused.stderr).to.contain("in 2 groups, expected one group of whole rows of 4");
  });

  it("evaluate says what is left where an engine evens every batch out in some slots", async () => {
    place.write("p.json", placementText([[0, 4], [1, 5], [2, 6], [3, 7]])); // prettier-ignore
    place.write("trace.jsonl", traceText(sampleTrace({ layers: [1] })));
    const args = ["evaluate", "trace.jsonl", "p.json", "--hardware", "h100-8x8", "--groups", "2"];
    interface Told {
      placements: {
        batches: { loadMaxOverMean: { mean: number } };
        onlineSlots?: {
          slots: number;
          perDomain: number;
          loadMaxOverMean: { mean: number };
          atLeast: number;
        };
      }[];
    }
    const told = (await place.runJson(...args, "--online-slots", "2", "--quiet")) as Told;
    const [{ batches, onlineSlots }] = told.placements;
    expect(onlineSlots).to.deep.include({ slots: 2, perDomain: 2 });
    expect(onlineSlots?.loadMaxOverMean.mean).to.be.below(batches.loadMaxOverMean.mean);
    const { stdout } = await place.run(...args, "--online-slots", "2");
    expect(stdout).to.match(
      /max load of a batch, 2 GPUs a domain +as placed +2 online slots +95 % +at least\n/,
    );
    expect(stdout).to.contain(onlineSlots?.loadMaxOverMean.mean.toFixed(3));
    expect((await place.run(...args)).stdout).to.not.contain("online");
  });

  it("say where the model named has another number of experts than the trace, and tell bytes as if it had as many", async () => {
    const on = ["--model", "gpt-oss-20b", "--draws", "3"];
    const args = ["trace.jsonl", "--chiplets", "4", "--solver", "contiguous"];
    const note =
      "warning: the trace has 8 experts a layer and gpt-oss-20b has 32, so that it is of another model: bytes, time and tokens/s " +
      "are told of gpt-oss-20b with 8 experts, which may be no model at all";
    const placed = await place.run("place", ...args, ...on, "-o", "other.json");
    expect(placed.stderr).to.contain(note);
    expect(placed.stdout).to.match(
      /the whole model \(gpt-oss-20b with 8 experts in place of its 32\): \d+ tokens\/s a chiplet, were all 24 MoE layers like these 2\n/,
    );
    expect(placed.stderr).to.not.contain("too much");
    for (const command of ["evaluate", "schedule", "report"]) {
      const output = command === "report" ? ["-o", "other.html"] : [];
      const { stderr } = await place.run(
        ...[command, "trace.jsonl", "other.json", ...output, "--model", "gpt-oss-20b"],
      );
      expect(stderr, command).to.contain(note);
    }
  });

  it("place, evaluate and compare say what contiguous came to, batches, and whether it is worth it", async () => {
    const on = ["trace.jsonl", "--chiplets", "4", "--model", "gpt-oss-20b", "--draws", "3"];
    interface Told {
      before: { stepNs: number; loadMaxOverMean: number };
      after: { stepNs: number; tokenReplication: number; binds: { name: string } };
      worth: { verdict: string; gain: number; draws: number };
      learned: { tokenReplication: number };
    }
    const placedText = await place.run("place", ...on, "--solver", "louvain");
    const placed = (await place.runJson("place", ...on, "--solver", "louvain", "-o", "p.json")) as Told;
    expect(placed.after.tokenReplication).to.equal(placed.learned.tokenReplication);
    expect(placed.worth.gain).to.equal(1 - placed.after.stepNs / placed.before.stepNs);
    expect(placed.worth.draws).to.equal(3);
    const { placements } = (await place.runJson(
      ...["evaluate", "trace.jsonl", "p.json", "--model", "gpt-oss-20b", "--draws", "3"],
    )) as { placements: (Told & { batches: { count: number; stepNs: { mean: number; p95: number } } })[] };
    const [{ before, after, batches }] = placements;
    expect({ before, after }).to.deep.equal({ before: placed.before, after: placed.after });
    expect(batches.count).to.be.above(1);
    expect(batches.stepNs.p95).to.be.at.least(batches.stepNs.mean);
    const compared = await place.run(
      "compare",
      ...on,
      "--solver",
      "contiguous",
      "louvain",
      "--holdout",
      "0.25",
    );
    expect(compared.stdout).to.match(
      /A step takes .* with contiguous, .* with this placement; .*(?:Worth it|Not worth it|Slower): /,
    );
    const evaluated = await place.run("evaluate", "trace.jsonl", "p.json", "--model", "gpt-oss-20b");
    for (const told of [placedText.stdout, compared.stdout, evaluated.stdout]) {
      for (const figure of ["largest load of a chiplet group", "energy of a step", "what binds"]) {
        expect(told).to.match(new RegExp(`^${figure} +[^ ]`, "m"));
      }
    }
    const { stdout } = await place.run("place", ...on, "--from", "p.json", "--solver", "louvain");
    expect(stdout)
      .to.match(/ +the running placement +this placement\n/)
      .and.contain("the time is the same");
  });

  it("evaluate compares with the placement that runs, and tells the step of each where they differ", async () => {
    const on = ["--hardware", "h100-8x8", "--chiplets", "4", "--groups", "1", "--model", "gpt-oss-20b"];
    const by = (solver: string, phase: string) => [
      "--solver",
      solver,
      "--workload",
      phase,
      "-o",
      `${solver}.json`,
    ];
    await place.run("place", "trace.jsonl", ...on, ...by("random", "prefill"));
    await place.run("place", "trace.jsonl", ...on, ...by("louvain", "decode"));
    const args = ["evaluate", "trace.jsonl", "louvain.json", "--model", "gpt-oss-20b", "--draws", "3"];
    const { stdout } = await place.run(...args, "random.json");
    expect(stdout).to.match(
      /\nlouvain\.json: decode: .*\n(.*\n)?random\.json: prefill: .*\nplacements were made for different steps/,
    );
    expect(stdout, "one is no better than another").not.to.contain("*");
    const one = await place.run(...args, "random.json", "--workload", "decode");
    expect(one.stdout).to.contain("* the best of its column");
    expect(one.stdout)
      .to.match(/\n\ndecode: /)
      .and.not.contain("different steps");
    const from = await place.run(...args, "--from", "random.json");
    expect(from.stdout)
      .to.match(/ +random\.json +louvain\.json\n/)
      .and.contain("with random.json, ");
    const told = (await place.runJson(...args, "--from", "random.json")) as {
      placements: { before: { tokenReplication: number } }[];
    };
    const alone = (await place.runJson(
      "evaluate",
      "trace.jsonl",
      "random.json",
      "--model",
      "gpt-oss-20b",
    )) as {
      placements: { mean: { tokenReplication: number } }[];
    };
    expect(told.placements[0].before.tokenReplication).to.equal(alone.placements[0].mean.tokenReplication);
    await place.run(
      "place",
      "trace.jsonl",
      "--chiplets",
      "2",
      "--groups",
      "1",
      "--solver",
      "contiguous",
      "-o",
      "two.json",
    );
    const apart = await place.run(...args, "two.json");
    expect(apart.stdout)
      .to.match(/\nlouvain\.json: h100-8x8 of 4 chiplets in 1 group: decode: /)
      .and.match(/\ntwo\.json: mozart-deepseek-calibrated of 2 chiplets in 1 group: train: /)
      .and.contain("judged on different machines, each on its own")
      .and.not.contain("*");
    const { exitCode, stderr } = await place.run(...args, "--from", "two.json");
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain("--from: two.json: found 2 chiplets, expected the 4 of louvain.json");
  });

  it("evaluate, schedule and report take as many chiplets of a machine as the placement has", async () => {
    const text = placementText([[0, 1, 2], [3, 4, 5], [6, 7]]); // prettier-ignore
    place.write("p.json", text.replace('"numChiplets"', '"numGroups":3,"numChiplets"'));
    const on = ["trace.jsonl", "p.json", "--hardware", "mozart-deepseek", "--groups", "3", "--layers", "1"];
    for (const args of [["evaluate"], ["schedule"], ["report", "-o", "r.html", "--force"]]) {
      const { exitCode, stderr } = await place.run(...args, ...on, "--model", "gpt-oss-20b");
      expect(exitCode, stderr).to.equal(0);
    }
  });

  it("verify lists every violation and ends with exit code 2", async () => {
    place.write("p.json", placementText([[0, 1], [2, 2], [4, 5], [6, 7]])); // prettier-ignore
    const { exitCode, stdout } = await place.run("verify", "p.json");
    expect(exitCode).to.equal(2);
    expect(stdout.trim().split("\n")).to.deep.equal([
      "p.json: layer 1: chiplet 1 holds expert 2 twice",
      "p.json: layer 1: expert 3 is on no chiplet",
    ]);
  });

  it("verify holds moeplace's own files against --ranks and --experts", async () => {
    place.write("p.json", placementText([[0, 1], [2, 3], [4, 5], [6, 7]])); // prettier-ignore
    expect((await place.run("verify", "p.json", "--ranks", "4", "--experts", "8")).exitCode).to.equal(0);
    const { exitCode, stdout } = await place.run("verify", "p.json", "--ranks", "8", "--experts", "9");
    expect(exitCode).to.equal(2);
    expect(stdout.trim().split("\n")).to.deep.equal([
      "p.json: found 4 chiplets, expected 8 as --ranks says",
      "p.json: found 8 experts, expected 9 as --experts says",
    ]);
  });

  it("export, import and verify --against come full circle, and overwrite nothing without --force", async () => {
    place.write("p.json", placementText([[0, 4], [1, 5], [2, 6], [3, 7]])); // prettier-ignore
    const exported = await place.run("export", "p.json", "--to", "vllm", "-o", "map.json");
    expect(exported.exitCode, exported.stderr).to.equal(0);
    const verified = await place.run(
      "verify",
      "map.json",
      "--ranks",
      "4",
      "--first-moe-layer",
      "1",
      "--against",
      "p.json",
    );
    expect(verified.stdout).to.contain("map.json: sound, 1 layer of 8 experts on 4 chiplets");
    expect((await place.run("export", "p.json", "--to", "vllm", "-o", "map.json")).exitCode).to.equal(2);
    expect(
      (await place.run("export", "p.json", "--to", "vllm", "-o", "map.json", "--force")).exitCode,
    ).to.equal(0);
    const imported = await place.run(
      "import",
      "map.json",
      "--ranks",
      "4",
      "--first-moe-layer",
      "1",
      "-o",
      "q.json",
    );
    expect(imported.exitCode, imported.stderr).to.equal(0);
    expect((await place.run("verify", "q.json", "--against", "p.json")).exitCode).to.equal(0);
    expect(place.files()).to.deep.equal(["map.json", "p.json", "q.json", "trace.jsonl"]);
  });

  it("verify --against a trace recomputes the cost", async () => {
    place.write("one.jsonl", traceText(sampleTrace({ layers: [1] })));
    place.write("p.json", placementText([[0, 4], [1, 5], [2, 6], [3, 7]], { status: "feasible", cost: 1.5 })); // prettier-ignore
    const { exitCode, stdout } = await place.run("verify", "p.json", "--against", "one.jsonl");
    expect(exitCode).to.equal(2);
    expect(stdout).to.match(/p\.json: layer 1: cost is given as 1\.5, recomputed as 1\.\d+/);
  });

  it("compare traces the frontier, from no cap on, paying for balance with traffic", async () => {
    const args = ["compare", "trace.jsonl", "--chiplets", "4", "--solver", "contiguous", "--frontier"];
    const { frontier } = (await place.runJson(...args)) as {
      frontier: { maxLoad: number | null; tokenReplication: number; loadMaxOverMean: number }[];
    };
    expect(frontier[0].maxLoad).to.equal(null);
    frontier.slice(1).forEach((point, index) => {
      expect(point.loadMaxOverMean).to.be.below(frontier[index].loadMaxOverMean);
      expect(point.tokenReplication).to.be.above(frontier[index].tokenReplication);
      expect(point.loadMaxOverMean).to.be.at.most((point.maxLoad ?? Infinity) * (1 + 1e-9));
    });
  });

  it("compare says whose bounds it shows, and where no row has one, whom to add", async () => {
    const said = async (...solvers: string[]) =>
      (await place.run("compare", "trace.jsonl", "--chiplets", "4", "--solver", ...solvers)).stdout;
    const bounds = "Bounds are the best of all rows";
    const add = "add exact or auto for the gap in C_T.";
    expect(await said("contiguous"))
      .to.contain(bounds)
      .and.contain(add);
    expect(await said("contiguous", "exact"))
      .to.contain(bounds)
      .and.not.contain(add);
  });

  it("compare prints the same JSON twice, with the figures of the table", async () => {
    const args = ["compare", "trace.jsonl", "--chiplets", "4", "--groups", "2"];
    const solvers = ["--solver", "contiguous", "random", "louvain"];
    const first = (await place.runJson(...args, ...solvers)) as {
      solvers: { solver: string; cost: number; heldOut: { tokenReplication: number }; layers: object[] }[];
    };
    expect(await place.runJson(...args, ...solvers)).to.deep.equal(first);
    const [contiguous, , louvain] = first.solvers;
    expect(louvain.cost).to.be.below(contiguous.cost);
    expect(louvain.layers).to.have.length(2);
    const table = (await place.run(...args, ...solvers)).stdout;
    expect(table).to.contain(louvain.heldOut.tokenReplication.toFixed(3));
    const reported = await place.run(...args, ...solvers, "--report", "r.html");
    expect(reported.exitCode, reported.stderr).to.equal(0);
    const page = place.read("r.html");
    expect(page).to.contain(`>${louvain.heldOut.tokenReplication.toFixed(3)}</td>`);
    expect(page)
      .to.contain("moeplace compare")
      .and.to.match(/<dd>SHA-256 [0-9a-f]{64}<\/dd>/);
    const csv = (await place.run(...args, ...solvers, "--csv")).stdout.trim().split("\n");
    expect(csv).to.have.length(4);
    expect(csv[3]).to.contain(String(louvain.cost));
  });

  it("place proves and writes a placement, the same on any number of threads, that verify and evaluate confirm", async () => {
    const options = ["place", "trace.jsonl", "--chiplets", "4", "--groups", "2", "--holdout", "0.25"];
    const placed = (await place.runJson(...options, "-o", "p.json", "--threads", "1")) as {
      file: string;
      learned: { tokenReplication: number };
      heldOut: { tokenReplication: number };
      placement: { layers: { status: string; cost: number; bound: number }[] };
    };
    expect(placed.file).to.equal("p.json");
    expect(JSON.parse(place.read("p.json"))).to.deep.equal(placed.placement);
    for (const { status, cost, bound } of placed.placement.layers) {
      expect(status).to.equal("optimal");
      expect(bound).to.be.closeTo(cost, 1e-6 * cost);
    }
    expect((await place.run(...options, "-o", "q.json", "--threads", "3")).exitCode).to.equal(0);
    expect(place.read("q.json")).to.equal(place.read("p.json"));
    const [verified, evaluated] = await Promise.all([
      place.run("verify", "p.json", "--against", "trace.jsonl", "--holdout", "0.25"),
      place.runJson("evaluate", "trace.jsonl", "p.json", "--holdout", "0.25") as Promise<{
        placements: {
          file: string;
          mean: { tokenReplication: number };
          layers: { layer: number; tokens: number }[];
        }[];
      }>,
    ]);
    expect(verified.exitCode, verified.stdout).to.equal(0);
    const [judged] = evaluated.placements;
    expect(judged.file).to.equal("p.json");
    expect(judged.mean.tokenReplication).to.equal(placed.heldOut.tokenReplication);
    expect(judged.layers.map(({ layer, tokens }) => [layer, tokens])).to.deep.equal([
      [1, 50],
      [2, 50],
    ]);
  });

  it("place --verbose says on stderr what the solver is at, and nothing else changes", async () => {
    const args = ["place", "trace.jsonl", "--chiplets", "4", "--objective", "traffic", "--quiet", "--json"];
    const [silent, verbose] = [await place.run(...args), await place.run(...args, "--verbose")];
    expect(silent.stderr).to.equal("");
    expect(verbose.stdout).to.equal(silent.stdout);
    const lines = verbose.stderr.trimEnd().split("\n");
    for (const line of lines) expect(line).to.match(/^[\d.]+ s, layer \d, [a-z ]+: C_T \d\.\d{4}/);
    for (const layer of [1, 2]) {
      const last = lines.filter((line) => line.includes(`layer ${layer},`)).at(-1);
      expect(last).to.match(/, at least \d\.\d{3}, gap 0\.00 %$/);
    }
  });

  it("place respects pins, separations and the load cap", async () => {
    const { placement } = (await place.runJson(
      "place", "trace.jsonl", "--chiplets", "4", "--pin", "0:3", "--pin", "4:1", "--apart", "1,5", "--max-load", "1.2",
    )) as { placement: { layers: { chiplets: number[][] }[] } }; // prettier-ignore
    for (const { chiplets } of placement.layers) {
      expect(chiplets[3]).to.include(0);
      expect(chiplets[1]).to.include(4);
      expect(chiplets.some((experts) => experts.includes(1) && experts.includes(5))).to.be.false;
    }
  });

  it("place ends with exit code 3 and writes nothing where no placement exists", async () => {
    const { exitCode, stdout, stderr } = await place.run(
      "place", "trace.jsonl", "--chiplets", "4", "--apart", "0,1,2,3,4", "-o", "p.json",
    ); // prettier-ignore
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/auto: infeasible: layer 1: /);
    expect(stdout).to.equal("");
    expect(place.files()).to.deep.equal(["trace.jsonl"]);
  });

  it("place says why there is no placement with --quiet, too", async () => {
    const { exitCode, stderr } = await place.run(
      "place", "trace.jsonl", "--chiplets", "4", "--apart", "0,1,2,3,4", "--quiet",
    ); // prettier-ignore
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/^auto: infeasible: layer 1: .*\n$/);
  });

  it("places 60 experts on 16 chiplets, some slots empty", async () => {
    place.write("sixty.jsonl", traceText(sampleTrace({ numExperts: 60, layers: [0] })));
    const { exitCode, stderr } = await place.run(
      "place",
      "sixty.jsonl",
      "--solver",
      "louvain",
      "-o",
      "p.json",
    );
    expect(exitCode, stderr).to.equal(0);
    expect((await place.run("verify", "p.json", "--against", "sixty.jsonl")).exitCode).to.equal(0);
  });

  it("evaluate and schedule explain every constant they rest on, with its source and trust", async () => {
    const args = [
      "trace.jsonl",
      "--chiplets",
      "4",
      "--groups",
      "2",
      "--solver",
      "contiguous",
      "-o",
      "p.json",
    ];
    expect((await place.run("place", ...args)).exitCode).to.equal(0);
    const common = ["trace.jsonl", "p.json", "--model", "olmoe-1b-7b", "--hardware", "mozart-olmoe"];
    for (const command of ["evaluate", "schedule"]) {
      const explained = (await place.runJson(command, ...common, "--explain")) as {
        constants: { path: string; value: number; source: string; trust: string }[];
      };
      const hardware = findHardware("mozart-olmoe")!;
      const paths = explained.constants.map(({ path }) => path);
      expect(paths).to.include.members(listConstants(hardware).map(({ path }) => path));
      expect(paths).to.include("model.backwardCompute");
      for (const { path, value, source, trust } of explained.constants) {
        expect(value, path).to.be.at.least(0);
        expect(source, path).to.not.equal("");
        expect(trust, path).to.not.equal("");
      }
      const { stdout } = await place.run(command, ...common, "--explain");
      expect(stdout).to.match(/links\.root\.bytesPerNs +27\.5\d* +derived {2}Mozart, table 2/);
      expect(await place.runJson(command, ...common)).to.not.have.property("constants");
    }
  });

  it("synth makes the same trace every time, convert keeps it, and place and schedule take it", async () => {
    const synth = ["synth", "--preset", "olmoe-1b-7b", "--tokens", "300", "--layers", "2", "-o"];
    await Promise.all([place.run(...synth, "a.jsonl.gz"), place.run(...synth, "b.jsonl.gz")]);
    expect(place.readBytes("a.jsonl.gz").equals(place.readBytes("b.jsonl.gz"))).to.be.true;
    expect((await place.run("convert", "a.jsonl.gz", "-o", "c.jsonl")).exitCode).to.equal(0);
    expect((await place.run("convert", "c.jsonl", "-o", "d.jsonl.gz")).exitCode).to.equal(0);
    expect(place.readBytes("d.jsonl.gz").equals(place.readBytes("a.jsonl.gz"))).to.be.true;

    expect((await place.run("place", "c.jsonl", "--solver", "louvain", "-o", "p.json")).exitCode).to.equal(0);
    const files = ["--perfetto", "timeline.json", "--svg", "timeline.svg"];
    const step = (await place.runJson("schedule", "c.jsonl", "p.json", "--layer", "1", ...files)) as {
      makespanNs: number;
      boundNs: number;
      computeNs: number;
      exposedCommunicationNs: number;
      exposedDramNs: number;
      idleNs: number;
      memories: { name: string; peakBytes: number; capacityBytes: number }[];
    };
    expect(step.memories).to.have.length(16);
    for (const { name, peakBytes, capacityBytes } of step.memories) {
      expect(peakBytes, name).to.be.within(1, capacityBytes);
    }
    const adam = await place.run("schedule", "c.jsonl", "p.json", "--layer", "1", "--optimiser-bytes", "12");
    expect(adam.stderr).to.match(/an equal share of the experts takes .* GB a chiplet group, .* too much/);
    expect(adam.stdout).to.match(/SRAM of chiplet \d+ is the fullest: [\d.]+ of [\d.]+ MB/);
    expect(place.read("timeline.json"), "names of tasks")
      .to.contain("layer 1 forward")
      .and.not.contain("layer 0");
    expect(step.boundNs).to.be.at.most(step.makespanNs);
    expect(step.computeNs + step.exposedCommunicationNs + step.exposedDramNs + step.idleNs).to.be.closeTo(
      step.makespanNs,
      1e-6 * step.makespanNs,
    );
    expect((JSON.parse(place.read("timeline.json")) as { traceEvents: object[] }).traceEvents).to.not.be
      .empty;
    expect(place.read("timeline.svg")).to.match(/^<svg/);
    const { stdout } = await place.run(
      "schedule",
      "c.jsonl",
      "p.json",
      "--layer",
      "1",
      "--configuration",
      "baseline",
    );
    expect(stdout).to.match(/makespan .* at least .* gap/);
  });

  it("ends with exit code 3 where no placement exists, and says which layer and why", async () => {
    const { exitCode, stdout } = await place.run(
      "compare", "trace.jsonl", "--chiplets", "4", "--solver", "contiguous", "--apart", "0,1,2,3,4",
    ); // prettier-ignore
    expect(stdout).to.match(/contiguous: layer 1: /);
    expect(exitCode).to.equal(3);
  });
});

function placementText(chiplets: number[][], claims: object = {}): string {
  return JSON.stringify({
    format: "moeplace.placement",
    version: 1,
    numExperts: 8,
    numChiplets: chiplets.length,
    layers: [{ layer: 1, ...claims, chiplets }],
  });
}
