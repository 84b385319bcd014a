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

  it("keeps the layers of the model named for the file of the engine, and says where the trace names another", async () => {
    const config = {
      model_type: "qwen3_moe",
      ...{ hidden_size: 64, num_hidden_layers: 6, moe_intermediate_size: 32, vocab_size: 100 },
      ...{ num_experts: 8, num_experts_per_tok: 2, num_attention_heads: 4, first_k_dense_replace: 1 },
    };
    place.write("config.json", JSON.stringify(config));
    const named = ["--solver", "contiguous", "--for", "tensorrt-llm", "--model", "config.json"];
    const placed = await place.run(...onGpus, ...named, "-o", "p.json");
    expect(placed.stderr).to.contain("the trace lacks MoE layers 3-5: at export pass --fill-layers");
    const { provenance, layers } = JSON.parse(place.read("p.json")) as Placement;
    const modelLayers = { numHiddenLayers: 6, firstMoeLayer: 1, moeLayerStep: 1 };
    expect(provenance).to.deep.include({ modelShape: "qwen3_moe", modelLayers });
    await place.run("export", "p.json", "--for", "tensorrt-llm", "--fill-layers", "-o", "p.yaml");
    expect(place.read("p.yaml").match(/^ {2}\d: \[/gm)).to.deep.equal(["1", "2", "3", "4", "5"].map((row) => `  ${row}: [`)); // prettier-ignore

    const like = ["place", "trace.jsonl", "--like", "p.json", "-o", "q.json"];
    expect((await place.run(...like)).stderr).to.contain("Maybe pass --model with the config.json");
    await place.run(...like, "--model", "config.json");
    expect(place.read("q.json")).to.equal(place.read("p.json"));

    place.write("bad.json", place.read("p.json").replace(`"layer": ${layers[1].layer},`, '"layer": 6,'));
    expect((await place.run("verify", "bad.json")).stdout).to.contain(
      "layer 6: found a placement, expected only MoE layers as provenance.modelLayers has them",
    );

    const other = traceText(sampleTrace({ layers: [0, 1] })).replace('"sample"', '"qwen3-30b-a3b"');
    place.write("trace.jsonl", other);
    const warned = await place.run(...onGpus, ...named, "-o", "r.json");
    expect(warned.stderr).to.contain(
      "warning: the trace is of qwen3-30b-a3b by its name (48 layers), --model is qwen3_moe (6 layers)",
    );
    expect(warned.stderr).to.contain(
      "the trace has layers 0, which are no MoE layers of qwen3_moe (6 layers, experts from layer 1 on)",
    );
    expect((JSON.parse(place.read("r.json")) as Placement).provenance).to.not.have.property("modelLayers");
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
    const printed = await place.run("export", "p.json", "--for", "vllm-ascend", "-o", "-");
    expect(printed).to.deep.include({ exitCode: 0, stdout: place.read("map.json") });
    const complaint =
      "--shared-experts: found 1 placed like the others, expected routed experts alone: SGLang has";
    const refused = await place.run("export", "p.json", "--to", "sglang", "-o", "no.json");
    expect(refused.stderr).to.contain(complaint);
    const early = await place.run(...onGpus, ...shared, "--for", "sglang");
    expect(early.stderr).to.contain(complaint);
    expect([refused.exitCode, early.exitCode]).to.deep.equal([2, 2]);
  });
});
