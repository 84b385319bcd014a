import { expect } from "chai";
import { aimAtEngine } from "../../lib/export/aim-at-engine.js";
import { findTarget, targetNames } from "../../lib/export/engine-target.js";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { layersThatSplitGroups } from "../../lib/export/router-groups.js";
import { poseFor, poseLayers, type PlacementRequest } from "../../lib/flows/pose.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import type { Placement } from "../../lib/placement/placement.js";
import { expectRejection } from "../expect-rejection.js";
import { requireSolver } from "../../solvers/index.js";
import { skewedTrace } from "../skewed-trace.js";

/** Sixty experts on sixteen ranks, which do not divide. */
const qwen = { model: "Qwen1.5-MoE-A2.7B", numExperts: 60, numChiplets: 16, layers: [0] };

const aim = (name: string, request: PlacementRequest = {}, aimed = qwen) =>
  aimAtEngine(request, findTarget(name, aimed.model), aimed);

describe("placing for an engine", () => {
  it("takes the dispatch that the engine has, and refuses another", () => {
    expect(aim("sglang").request.dispatch).to.equal("sglang-static");
    expect(aim("trtllm").request.dispatch).to.equal("trtllm");
    expect(aim("vllm-ascend", { dispatch: "vllm-ascend" }).request.dispatch).to.equal("vllm-ascend");
    expect(() => aim("sglang", { dispatch: "nearest" })).to.throw(
      "dispatch: found nearest, expected sglang-static or sglang-dynamic, by which SGLang chooses replicas",
    );
  });

  it("fills the slots that would stay empty, where the engine has replicas, and says so", () => {
    const { request, notes } = aim("sglang");
    expect(request).to.include({ slotsPerChiplet: 4, numReplicas: 4 });
    expect(notes.join("\n")).to.include("added 4 replicas, so that every rank has 4 slots, as SGLang needs");
    expect(aim("sglang", { numReplicas: 5 }).request).to.include({ slotsPerChiplet: 5, numReplicas: 20 });
    // Room for more is no reason to leave slots empty.
    expect(aim("sglang", { slotsPerChiplet: 9 }).request).to.include({ slotsPerChiplet: 4, numReplicas: 4 });
    expect(aim("sglang", { slotsPerChiplet: 5, numReplicas: "fill" }).request).to.include({
      slotsPerChiplet: 5,
      numReplicas: 20,
    });
    expect(aim("sglang", {}, { ...qwen, numChiplets: 15 }).request).to.include({ numReplicas: 0 });
  });

  it("deals experts evenly where ranks do not divide them, or refuses and names ranks that do", () => {
    expect(() => aim("megatron")).to.throw("numChiplets: found 16 for 60 experts");
    try {
      aim("megatron");
    } catch (error) {
      expect((error as { advice?: string }).advice).to.equal(
        "Maybe pass numChiplets 5, 6, 10, 12, 15, 20, 30, 60.",
      );
    }
    const { request, notes } = aim("vllm");
    expect(request).to.include({ evenSlots: true, numReplicas: 0 });
    expect(notes.join("\n")).to.include("the first ranks hold one expert more, as vLLM deals them");
    const fitting = { ...qwen, numChiplets: 15 };
    expect(() => aim("megatron", { numReplicas: 15 }, fitting)).to.throw(
      "numReplicas: found 15, expected none",
    );
    expect(aim("megatron", {}, fitting).request).to.include({ slotsPerChiplet: 4, numReplicas: 0 });
  });

  it("gives every rank of LightLLM a redundant expert, and no rank of vLLM none at all", () => {
    const fitting = { ...qwen, numChiplets: 15 };
    expect(aim("lightllm", {}, fitting).request).to.include({ slotsPerChiplet: 5, numReplicas: 15 });
    expect(aim("lightllm", { numReplicas: 16 }, fitting).request).to.include({ numReplicas: 30 });
    expect(() => aim("lightllm")).to.throw(
      "numChiplets: found 16 for 60 experts, expected ranks among which",
    );
    expect(() => aim("vllm", {}, { ...qwen, numChiplets: 64 })).to.throw(
      "numChiplets: found 64 for 60 experts, expected at most 60: vLLM leaves no rank without experts",
    );
  });

  it("needs no even slots where it fills all of them", () => {
    expect(aim("vllm-ascend", { evenSlots: true }).request).to.include({
      evenSlots: false,
      numReplicas: 4,
    });
  });

  it("says at once what an export will ask for besides the placement", () => {
    expect(aim("lmdeploy").notes.at(-1)).to.equal("at export pass trace, which tells the loads");
    expect(aim("hygon", {}, { ...qwen, model: "my-model" }).notes.at(-1)).to.equal(
      "at export pass modelClass, the model's class in vLLM",
    );
    expect(aim("hygon").notes.join("\n")).not.to.include("modelClass");
  });

  it("goes by the checkpoint where the engine obeys no file for the model, or loads none", () => {
    expect(findTarget("sglang", "openai/gpt-oss-20b").format.name).to.equal("checkpoint-script");
    expect(findTarget("vllm").format.name).to.equal("checkpoint-script");
    expect(findTarget("SGLang", qwen.model).format.name).to.equal("sglang");
    expect(() => findTarget("floppy")).to.throw("engine: found floppy, expected one of sglang, ");
    for (const name of targetNames()) expect(findTarget(name).engine.key).to.equal(name);
  });

  it("keeps the groups of ids among which a router chooses first where experts are renumbered, unless forced", async () => {
    const deepSeek = { model: "deepseek-ai/DeepSeek-V3", numExperts: 256, numChiplets: 16, layers: [3] };
    const target = findTarget("vllm");
    expect(aim("vllm", {}, deepSeek).request.routerGroups).to.equal(8);
    expect(aim("vllm", {}, deepSeek).notes.join("\n")).to.include("keeping the 8 groups of experts whole");
    expect(aimAtEngine({}, target, { ...deepSeek, force: true }).request.routerGroups).to.equal(undefined);
    expect(aim("sglang", {}, deepSeek).request.routerGroups).to.equal(undefined);
    const placement: Placement = { ...deepSeek, layers: [{ layer: 3, chiplets: turned(256, 16, 1) }] };
    await expectRejection(
      exportPlacement(placement, target.format),
      "checkpoint-script: found experts outside of their router group in layers 3",
    );
    // A turn by a whole group, or by none, keeps every group together.
    for (const by of [0, 32, 64]) {
      const kept = { ...placement, layers: [{ layer: 3, chiplets: turned(256, 16, by) }] };
      expect(layersThatSplitGroups(kept, 8)).to.deep.equal([]);
      await exportPlacement(kept, target.format);
    }
  });

  it("says at once which layers an export will miss", () => {
    const { notes } = aim("sglang", {}, { ...qwen, layers: [0, 1, 5] });
    expect(notes.at(-1)).to.equal(
      "the trace lacks MoE layers 2-4, 6-23: at export pass fillLayers to keep them in order",
    );
    expect(aim("vllm", {}, { ...qwen, numChiplets: 15 }).notes).to.have.length(1);
  });

  it("leads to placements that every engine's file takes as they are", async () => {
    const trace = skewedTrace();
    for (const name of targetNames()) {
      const target = findTarget(name, trace.model);
      // Without replicas five ranks do not divide sixteen experts; LightLLM needs as many on every rank.
      const numChiplets = target.format.needs.noReplicas || name === "lightllm" ? 4 : 5;
      const numReplicas = name === "lightllm" ? 4 : 0;
      const hardware = withChiplets(findHardware("h100-8x8")!, { numChiplets, numGroups: 1 });
      const layers = trace.layers.map(({ layer }) => layer);
      const aimed = { model: trace.model, numExperts: trace.numExperts, numChiplets, layers };
      const { request } = aimAtEngine({ numReplicas }, target, aimed);
      const machine = { hardware, workload: createWorkload({ hardware }) };
      const placed = await Promise.all(
        poseLayers(trace, poseFor(trace, machine, request)).map(async (problem) => {
          const solution = await requireSolver("eplb-global").solve(problem, DEFAULT_SOLVER_OPTIONS);
          if (!("chiplets" in solution)) throw new Error(`${name}: ${solution.status}`);
          return { layer: problem.layer, chiplets: solution.chiplets };
        }),
      );
      const placement: Placement = { ...aimed, layers: placed };
      const loads = new Map(layers.map((layer) => [layer, new Float64Array(16).fill(1)]));
      const file = { modelClass: "M", loads, numHiddenLayers: 4, firstMoeLayer: 1 };
      const { data } = await exportPlacement(placement, target.format, file);
      expect(data.length, name).to.be.greaterThan(0);
    }
  });
});

/** Experts in the order of their ids, begun at `by`, as runs of equal length. */
function turned(numExperts: number, numChiplets: number, by: number): number[][] {
  const each = numExperts / numChiplets;
  return Array.from({ length: numChiplets }, (_, chiplet) =>
    Array.from({ length: each }, (__, slot) => (chiplet * each + slot + by) % numExperts).sort(
      (a, b) => a - b,
    ),
  );
}
