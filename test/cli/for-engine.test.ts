import { expect } from "chai";
import type { Placement } from "../../lib/placement/placement.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("place --for an engine", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });

  const onGpus = ["place", "trace.jsonl", "--hardware", "h100-8x8", "--chiplets", "4", "--groups", "2"];
  const transportOf = async (...args: string[]) => {
    const quick = [...onGpus, "--solver", "contiguous", "--model", "deepseek-moe-16b", ...args];
    return ((await place.runJson(...quick)) as { time: { transport: string } }).time.transport;
  };

  it("sends copies as the engine does in such a step, unless told otherwise", async () => {
    const expected = [
      ["sglang", "prefill", "per-group"],
      ["sglang", "decode", "per-expert"],
      ["vllm-ascend", "prefill", "per-expert"],
      ["trtllm", "decode", "per-chiplet"],
      ["megatron", "train", "per-group"],
    ];
    for (const [engine, workload, transport] of expected) {
      expect(await transportOf("--for", engine, "--workload", workload), engine).to.equal(transport);
    }
    expect(await transportOf("--for", "vllm-ascend", "--transport", "per-chiplet")).to.equal("per-chiplet");
  });

  it("is written for the engine afterwards as it is, and launched with the kernels of its step", async () => {
    await place.run(
      ...onGpus,
      "--solver",
      "contiguous",
      "--for",
      "vllm",
      "--workload",
      "decode",
      "-o",
      "p.json",
    );
    const exported = await place.run("export", "p.json", "--for", "vllm", "-o", "renumber.py");
    expect(exported.exitCode, exported.stderr).to.equal(0);
    expect(exported.stderr).to.include("--all2all-backend deepep_low_latency");
  });

  it("places shared experts for the engine that takes them from its file, and for no other", async () => {
    const shared = ["--shared-experts", "1", "--solver", "local-search", "--replicas", "3"];
    const even = [...shared, "--objective", "balance"];
    const asked = [...onGpus, ...even, "--for", "vllm-ascend", "-o", "p.json"];
    const placed = await place.run(...asked);
    expect(placed.exitCode, placed.stderr).to.equal(0);
    const file = JSON.parse(place.read("p.json")) as Placement;
    expect(file).to.deep.include({ numExperts: 9, sharedExperts: 1 });
    for (const { chiplets } of file.layers) {
      // All tokens choose expert 8, which is more than the load of a chiplet if all had the same.
      expect(chiplets.filter((experts) => experts.includes(8)).length).to.be.greaterThan(1);
    }
    const told = ["--against", "trace.jsonl", "--shared-experts", "1"];
    expect((await place.run("verify", "p.json", ...told)).stdout).to.contain("p.json: sound");
    const forgotten = await place.run("evaluate", "trace.jsonl", "p.json");
    expect(forgotten.stderr).to.contain("Maybe pass --shared-experts 1, because it places them, too.");
    const evaluated = await place.run("evaluate", "trace.jsonl", "p.json", "--shared-experts", "1");
    expect(evaluated.exitCode, evaluated.stderr).to.equal(0);
    const exported = await place.run("export", "p.json", "--for", "vllm-ascend", "-o", "map.json");
    expect(exported.exitCode, exported.stderr).to.equal(0);
    expect(exported.stderr).to.contain(
      `'{"mix_placement": true, "eplb_config": {"expert_map_path": "map.json"`,
    );
    const complaint =
      "--shared-experts: found 1 placed like the others, expected routed experts alone: SGLang has";
    const refused = await place.run("export", "p.json", "--to", "sglang", "-o", "no.json");
    expect(refused.stderr).to.contain(complaint);
    const early = await place.run(...onGpus, ...shared, "--for", "sglang");
    expect(early.stderr).to.contain(complaint);
    expect([refused.exitCode, early.exitCode]).to.deep.equal([2, 2]);
  });
});
