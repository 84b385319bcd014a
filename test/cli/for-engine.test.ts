import { expect } from "chai";
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
});
