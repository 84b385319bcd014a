import { expect } from "chai";
import type { InputError } from "../../lib/errors.js";
import { releaseOf } from "../../lib/export/engine.js";
import { engineOf, engines } from "../../lib/export/engines.js";
import { enginesPage } from "../../lib/export/engines-page.js";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { importPlacement } from "../../lib/export/read-foreign.js";
import { findFormat } from "../../lib/export/formats.js";
import type { DispatchModel } from "../../lib/placement/dispatch.js";
import type { Placement } from "../../lib/placement/placement.js";
import type { Provenance } from "../../lib/placement/provenance.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { expectGolden } from "../golden-file.js";
import { expectRejection } from "../expect-rejection.js";

/** One layer, expert 0 on both chiplets. */
const placement: Placement = {
  model: "deepseek-ai/DeepSeek-V3",
  numExperts: 3,
  numChiplets: 2,
  dispatch: "nearest",
  layers: [
    {
      layer: 0,
      chiplets: [
        [0, 1],
        [0, 2],
      ],
    },
  ],
};

describe("the table of engines", () => {
  it("is what docs/engines.md says", () => {
    expectGolden("docs/engines.md", enginesPage());
  });

  it("knows every format it names, and ranges of versions without holes or overlap", () => {
    for (const { format, releases } of engines) {
      expect(findFormat(format), format).not.to.equal(undefined);
      expect(releases[0].from).to.equal(undefined);
      releases.slice(1).forEach(({ from }, index) => {
        expect(from).to.equal(releases[index].before);
      });
      expect(releases.at(-1)?.before).to.equal(undefined);
    }
  });

  it("sorts versions by number, not by letters", () => {
    const ascend = engineOf("vllm-ascend")!;
    const loadings = ["0.9.1", "v0.13.0", "0.23.0.post1", "0.24.0rc1", "1.0"].map(
      (version) => releaseOf(ascend, version)?.loading,
    );
    expect(loadings).to.deep.equal(["loads", "loads", "loads", "goes wrong", "goes wrong"]);
    expect(releaseOf(ascend, "latest")).to.equal(undefined);
  });
});

describe("advice of an export", () => {
  it("gives the whole command line of each engine, with the name of the file", async () => {
    const launchOf = async (name: string, fileName: string) => {
      const { advice } = await exportPlacement(placement, formatNamed(name), { fileName });
      return advice?.launch;
    };
    expect(await launchOf("sglang", "map.json")).to.equal(
      "python -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V3 --tp-size 2 --ep-size 2 " +
        "--dp-size 2 --enable-dp-attention --init-expert-location map.json --ep-num-redundant-experts 1 --moe-a2a-backend deepep " +
        "--ep-dispatch-algorithm static",
    );
    expect(await launchOf("vllm-ascend", "map.json")).to.include(
      `'{"eplb_config": {"expert_map_path": "map.json", "num_redundant_experts": 1}}'`,
    );
    expect(await launchOf("tensorrt-llm", "lb.yaml")).to.match(
      /--tp_size 2 --ep_size 2 .*enable_attention_dp: true, .*backend: WIDEEP, load_balancer: \.\/lb\.yaml/,
    );
    expect(await launchOf("vllm-offline", "map.jsonl")).to.include(
      "--all2all-backend deepep_high_throughput ",
    );
    expect(await launchOf("omni-infer", "p.npy")).to.match(/max_moe_layer_num: 1, enable_dynamic: False/);
  });

  it("quotes what a shell would take apart, and has the options of the version asked about", async () => {
    const named = { ...placement, model: "my model (new)" };
    const { advice } = await exportPlacement(named, formatNamed("vllm-ascend"), { engineVersion: "0.11.0" });
    expect(advice?.launch).to.include("vllm serve 'my model (new)' --tensor-parallel-size 2 ");
    expect(advice?.launch).to.include(
      `--additional-config '{"expert_map_path": "FILE.json", "init_redundancy_expert": 1}'`,
    );
  });

  it("launches vLLM with the kernels of the step that the placement was made for", async () => {
    const workload = createWorkload({ hardware: findHardware("h100-8x8")! }, { phase: "decode" });
    const made = { ...placement, provenance: { workload } as Provenance };
    const { advice } = await exportPlacement(made, formatNamed("vllm"));
    expect(advice?.launch).to.include("--all2all-backend deepep_low_latency ");
  });

  it("launches SGLang on as many servers as the placement was made for, with the kernels of its step", async () => {
    const workload = createWorkload({ hardware: findHardware("h100-8x8")! }, { phase: "decode" });
    const hardware = { name: "h100-8x8", numChiplets: 2, numGroups: 2 };
    const made = { ...placement, provenance: { workload, hardware } as Provenance };
    const { advice } = await exportPlacement(made, formatNamed("sglang"));
    expect(advice?.launch).to.include(
      "--enable-dp-attention --nnodes 2 --node-rank RANK --dist-init-addr HOST:PORT ",
    );
    expect(advice?.launch).to.include("--moe-a2a-backend deepep --deepep-mode low_latency ");
    expect(advice?.silentlyWrong[0]).to.match(
      /^placed for decode: --disaggregation-mode decode beside the line/,
    );
  });

  it("has every GPU of SGLang attend to its own tokens, and asks for a checkpoint where the model is one of our own names", async () => {
    const named = { ...placement, model: "deepseek-v3" };
    for (const format of ["sglang", "sglang-topology"]) {
      const hardware = findHardware("ucie-a-hbm3");
      const on = hardware && { ...hardware, numGroups: 1, chipletsPerGroup: 2 };
      const { advice } = await exportPlacement(named, formatNamed(format), { hardware: on });
      expect(advice?.launch, format).to.include(
        "--model-path MODEL --tp-size 2 --ep-size 2 --dp-size 2 --enable-dp-attention ",
      );
    }
    expect((await exportPlacement(named, formatNamed("tensorrt-llm"))).advice?.launch).to.match(
      /^trtllm-serve MODEL /,
    );
  });

  it("launches a renumbered gpt-oss in SGLang without the all-to-all that it has no path with", async () => {
    const runs = { ...placement, numExperts: 4, layers: [{ layer: 0, chiplets: [[0, 2], [1, 3]] }] }; // prettier-ignore
    const launchOf = async (model: string) => {
      const asked = { engine: "sglang" };
      const made = { ...runs, model };
      return (await exportPlacement(made, formatNamed("checkpoint-script"), asked)).advice?.launch;
    };
    expect(await launchOf("gpt-oss-20b")).to.match(/--model-path RENUMBERED .* --enable-dp-attention$/);
    expect(await launchOf("olmoe-1b-7b")).to.match(/ --moe-a2a-backend deepep$/);
  });

  it("says that replicas were placed for a dispatch the engine does not have", async () => {
    const warned = async (dispatch: DispatchModel) => {
      const { notes } = await exportPlacement({ ...placement, dispatch }, formatNamed("sglang"));
      return notes.some((note) => note.includes("replicas were placed for dispatch"));
    };
    expect(await warned("nearest")).to.equal(true);
    expect(await warned("sglang-dynamic")).to.equal(false);
  });

  it("writes no program under the name of something else, unless forced", async () => {
    const runs = { ...placement, numExperts: 4, layers: [{ layer: 0, chiplets: [[0, 2], [1, 3]] }] }; // prettier-ignore
    const asked = (fileName: string, force = false) =>
      exportPlacement(runs, formatNamed("checkpoint-script"), { fileName, force });
    await expectRejection(
      asked("experts.json"),
      "checkpoint-script: found the file name experts.json, expected one that ends in .py: what is written is a Python program, " +
        "which renumbers the checkpoint",
    );
    for (const fileName of ["experts.py", "renumber", "-", "v1.2"]) await asked(fileName);
    await asked("experts.json", true);
  });

  it("refuses a model whose experts the engine leaves in their order, unless forced", async () => {
    for (const model of ["openai/gpt-oss-20b", "allenai/OLMoE-1B-7B-0924", "mistralai/Mixtral-8x7B-v0.1"]) {
      await expectRejection(
        exportPlacement({ ...placement, model }, formatNamed("sglang")),
        `sglang: found model ${model}, expected one that obeys the file`,
      );
    }
    const { notes } = await exportPlacement({ ...placement, model: "gpt-oss-20b" }, formatNamed("sglang"), {
      force: true,
    });
    expect(notes[0]).to.match(/^forced: found model gpt-oss-20b/);
  });

  it("refuses a version that does not load the file or goes wrong, unless forced", async () => {
    const asked = (name: string, engineVersion: string, force = false) =>
      exportPlacement(placement, formatNamed(name), { engineVersion, force });
    await expectRejection(
      asked("vllm-ascend", "0.24.0rc1"),
      "vllm-ascend: found vllm-ascend 0.24.0rc1, expected before 0.13 or from 0.13 to before 0.24: it goes wrong",
    );
    await expectRejection(asked("vllm", "0.11.2"), "it does not load: pull request 49572");
    await expectRejection(asked("vllm-ascend", "newest"), "engineVersion: found newest, expected a version");
    const { advice } = await asked("vllm-ascend", "v0.23.0");
    expect(advice?.releases).to.have.length(1);
    expect((await asked("vllm", "0.11.2", true)).notes[0]).to.match(/^forced: found vLLM 0\.11\.2/);
  });

  it("takes layers of unequal numbers of slots from the version on that does, and says which where none was told", async () => {
    const unequal = {
      ...placement,
      layers: [
        ...placement.layers,
        { layer: 1, chiplets: [[0, 1, 2], [0, 1, 2]] }, // prettier-ignore
      ],
    };
    const written = (engineVersion?: string, fillEmpty = false) =>
      exportPlacement(unequal, formatNamed("vllm-ascend"), {
        ...(engineVersion !== undefined && { engineVersion }),
        fillEmpty,
        numHiddenLayers: 2,
        firstMoeLayer: 0,
      });
    await expectRejection(
      written("0.11.0"),
      "vllm-ascend: layer 0: found 2 slots on every chiplet, expected 3 as in other layers: the engine has as many in all",
    );
    const advice = await written("0.11.0").catch((error: unknown) => (error as InputError).advice);
    expect(advice).to.include(
      "one whose layers may differ, vllm-ascend from 0.13 on or omni-infer, or pass fillEmpty",
    );
    const filled = await importPlacement(Buffer.from((await written("0.11.0", true)).data), "map.json");
    expect(filled.layers.map(({ chiplets }) => chiplets.map(({ length }) => length))).to.deep.equal([[3, 3], [3, 3]]); // prettier-ignore
    const warning = "layers have unequal numbers of slots, which only vllm-ascend from 0.13 on takes";
    expect((await written()).advice?.silentlyWrong).to.include(warning);
    expect((await written("0.18.0")).advice?.silentlyWrong).not.to.include(warning);
  });

  it("refuses a file name that the engine does not take", async () => {
    await expectRejection(
      exportPlacement(placement, formatNamed("sglang"), { fileName: "experts.map" }),
      "sglang: found the file name experts.map, expected one that ends in .json, as SGLang demands",
    );
    await exportPlacement(placement, formatNamed("tensorrt-llm"), { fileName: "experts.map" });
  });
});

function formatNamed(name: string) {
  const found = findFormat(name);
  if (found === undefined) throw new Error(`no format ${name}`);
  return found;
}
