import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkpointScript } from "../../lib/export/checkpoint-script.js";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { importPlacement } from "../../lib/export/read-foreign.js";
import { chipletOfExperts, type Placement } from "../../lib/placement/placement.js";
import { createRandom } from "../../lib/random.js";
import { expectRejection } from "../expect-rejection.js";
import { forward, swiGlu, type MoeLayer } from "./reference-forward.js";
import {
  readCheckpoint,
  tensorMaker,
  valuesOf,
  writeCheckpoint,
  type Checkpoint,
  type StoredTensor,
} from "./small-checkpoint.js";

const E = 8;
const HIDDEN = 16;
const WIDTH = 6;

/** Two MoE layers, 1 and 2, of eight experts on four ranks. */
const mixed: Placement = {
  model: undefined,
  numExperts: E,
  numChiplets: 4,
  layers: [
    { layer: 1, chiplets: pairs([3, 6, 0, 5, 1, 7, 2, 4]) },
    { layer: 2, chiplets: pairs([1, 2, 4, 7, 0, 3, 5, 6]) },
  ],
};

/** The same, but experts stay in their pair: router groups move as a whole, or inside. */
const grouped: Placement = {
  ...mixed,
  layers: [1, 2].map((layer) => ({ layer, chiplets: pairs([4, 5, 0, 1, 6, 7, 2, 3]) })),
};

describe("the checkpoint script", () => {
  let folder = "";

  before(function () {
    // The script needs Python, and nothing else; without it there is nothing to run.
    if (spawnSync("python3", ["--version"]).status !== 0) this.skip();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "moeplace-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Runs the script for a placement; ends with what it said. */
  async function renumber(
    placement: Placement,
    ...extra: string[]
  ): Promise<{ status: number; said: string }> {
    const { data } = await exportPlacement(placement, checkpointScript);
    const script = join(folder, "renumber.py");
    writeFileSync(script, data);
    const { status, stdout, stderr } = spawnSync("python3", [script, ...extra], { encoding: "utf8" });
    return { status: status ?? -1, said: stdout + stderr };
  }

  const at = (name: string) => join(folder, name);

  /** Renumbers a checkpoint and expects the model in it to compute the same to the bit, with experts by their new ids. */
  async function expectSameModel(
    tensors: Checkpoint,
    { config, layersOf }: { config: object; layersOf: (tensors: Checkpoint) => MoeLayer[] },
    placement: Placement,
  ): Promise<void> {
    writeCheckpoint(at("first"), tensors, { config });
    const { status, said } = await renumber(placement, at("first"), at("new"));
    expect(status, said).to.equal(0);
    const renumbered = layersOf(readCheckpoint(at("new")));
    const random = createRandom(9);
    for (let token = 0; token < 20; token++) {
      const input = Float64Array.from({ length: HIDDEN }, () => random.next() * 2 - 1);
      const expected = forward(layersOf(tensors), input);
      const found = forward(renumbered, input);
      expect(found.output).to.deep.equal(expected.output);
      // The engine's own run of ids, rank by rank, is where the placement has the expert.
      placement.layers.forEach(({ chiplets }, index) => {
        const chipletOf = chipletOfExperts(chiplets, E);
        const ranks = found.chosen[index].map((expert) => Math.floor(expert / (E / placement.numChiplets)));
        expect(ranks).to.deep.equal(expected.chosen[index].map((expert) => chipletOf[expert]));
      });
    }
    expect(readdirSync(at("new"))).to.include("config.json");
  }

  it("renumbers a Mixtral: experts of their own names, bf16, over several files", async () => {
    const make = tensorMaker(1);
    const tensors: Checkpoint = new Map([["model.embed_tokens.weight", make("BF16", [10, HIDDEN])]]);
    for (const layer of [1, 2]) {
      const moe = `model.layers.${layer}.block_sparse_moe`;
      tensors.set(`${moe}.gate.weight`, make("BF16", [E, HIDDEN]));
      for (let expert = 0; expert < E; expert++) {
        tensors.set(`${moe}.experts.${expert}.w1.weight`, make("BF16", [WIDTH, HIDDEN]));
        tensors.set(`${moe}.experts.${expert}.w2.weight`, make("BF16", [HIDDEN, WIDTH]));
        tensors.set(`${moe}.experts.${expert}.w3.weight`, make("BF16", [WIDTH, HIDDEN]));
      }
      // A norm of as many numbers as there are experts is none of the router's.
      tensors.set(`model.layers.${layer}.self_attn.q_norm.weight`, make("BF16", [E]));
    }
    const layersOf = (from: Checkpoint) =>
      [1, 2].map((layer): MoeLayer => {
        const moe = `model.layers.${layer}.block_sparse_moe`;
        const own = (expert: number, name: string) => read(from, `${moe}.experts.${expert}.${name}.weight`);
        return {
          ...{ numExperts: E, hiddenSize: HIDDEN, topK: 2, router: read(from, `${moe}.gate.weight`) },
          expert: (id, input) =>
            swiGlu({ gate: own(id, "w1"), up: own(id, "w3"), down: own(id, "w2") }, input),
        };
      });
    await expectSameModel(tensors, { config: { num_local_experts: E }, layersOf }, mixed);
    const after = readCheckpoint(at("new"));
    for (const name of ["model.embed_tokens.weight", "model.layers.1.self_attn.q_norm.weight"])
      expect(after.get(name)?.bytes.equals(tensors.get(name)!.bytes)).to.equal(true);
  });

  it("renumbers a DeepSeek: 8-bit weights with scales, a bias of the router, shared experts, expert groups", async () => {
    await expectSameModel(deepSeek(), deepSeekModel, grouped);
  });

  it("refuses to take experts out of the groups that the router chooses first, unless forced", async () => {
    writeCheckpoint(at("first"), deepSeek(), deepSeekModel);
    const { status, said } = await renumber(mixed, at("first"), at("new"));
    expect(status).to.equal(1);
    expect(said).to.include(
      "layer 1: the router chooses among 4 groups of 2 ids, and experts leave their group",
    );
    expect(existsSync(at("new"))).to.equal(false);
    expect((await renumber(mixed, "--force", at("first"), at("new"))).status).to.equal(0);
  });

  it("takes groups that do not matter for none: all of them chosen, or a greedy router", async () => {
    for (const config of [{ topk_group: 4 }, { topk_method: "greedy" }]) {
      const name = Object.keys(config)[0];
      writeCheckpoint(at(name), deepSeek(), { config: { ...deepSeekModel.config, ...config } });
      expect((await renumber(mixed, at(name), at(`new-${name}`))).status).to.equal(0);
    }
  });

  it("renumbers fused experts, with biases, as gpt-oss has them", async () => {
    const make = tensorMaker(3);
    const tensors: Checkpoint = new Map();
    for (const layer of [1, 2]) {
      const moe = `model.layers.${layer}.mlp`;
      tensors.set(`${moe}.router.weight`, make("BF16", [E, HIDDEN]));
      tensors.set(`${moe}.router.bias`, make("BF16", [E]));
      tensors.set(`${moe}.experts.gate_up_proj`, make("BF16", [E, 2 * WIDTH, HIDDEN]));
      tensors.set(`${moe}.experts.down_proj`, make("F32", [E, HIDDEN, WIDTH]));
      tensors.set(`${moe}.experts.down_proj_bias`, make("F32", [E, HIDDEN]));
      // One scale for all of them.
      tensors.set(`${moe}.experts.input_scale`, make("F32", [1]));
    }
    const layersOf = (from: Checkpoint) =>
      [1, 2].map((layer): MoeLayer => {
        const moe = `model.layers.${layer}.mlp`;
        const block = (name: string, expert: number) => {
          const values = read(from, `${moe}.${name}`);
          return values.subarray((expert * values.length) / E, ((expert + 1) * values.length) / E);
        };
        return {
          ...{ numExperts: E, hiddenSize: HIDDEN, topK: 2 },
          router: read(from, `${moe}.router.weight`),
          bias: read(from, `${moe}.router.bias`),
          expert: (id, input) => {
            const raised = block("experts.gate_up_proj", id);
            const [gate, up] = [raised.subarray(0, WIDTH * HIDDEN), raised.subarray(WIDTH * HIDDEN)];
            const bias = block("experts.down_proj_bias", id);
            const output = swiGlu({ gate, up, down: block("experts.down_proj", id) }, input);
            return output.map((value, index) => value + bias[index]);
          },
        };
      });
    await expectSameModel(tensors, { config: {}, layersOf }, mixed);
  });

  it("renumbers Megatron's names: grouped, and one by one", async () => {
    const make = tensorMaker(4);
    const tensors: Checkpoint = new Map();
    const nameOf = (layer: number, part: "linear_fc1" | "linear_fc2", expert: number) =>
      layer === 1
        ? `decoder.layers.1.mlp.experts.${part}.weight${expert}`
        : `decoder.layers.2.mlp.experts.local_experts.${expert}.${part}.weight`;
    for (const layer of [1, 2]) {
      tensors.set(`decoder.layers.${layer}.mlp.router.weight`, make("BF16", [E, HIDDEN]));
      tensors.set(`decoder.layers.${layer}.mlp.router.expert_bias`, make("F32", [E]));
      for (let expert = 0; expert < E; expert++) {
        tensors.set(nameOf(layer, "linear_fc1", expert), make("BF16", [2 * WIDTH, HIDDEN]));
        tensors.set(nameOf(layer, "linear_fc2", expert), make("BF16", [HIDDEN, WIDTH]));
      }
    }
    const layersOf = (from: Checkpoint) =>
      [1, 2].map((layer): MoeLayer => ({
        ...{ numExperts: E, hiddenSize: HIDDEN, topK: 2 },
        router: read(from, `decoder.layers.${layer}.mlp.router.weight`),
        bias: read(from, `decoder.layers.${layer}.mlp.router.expert_bias`),
        expert: (id, input) => {
          const raised = read(from, nameOf(layer, "linear_fc1", id));
          const [gate, up] = [raised.subarray(0, WIDTH * HIDDEN), raised.subarray(WIDTH * HIDDEN)];
          return swiGlu({ gate, up, down: read(from, nameOf(layer, "linear_fc2", id)) }, input);
        },
      }));
    await expectSameModel(tensors, { config: {}, layersOf }, mixed);
  });

  it("takes Megatron's weight1 by experts, as Megatron reads it", async () => {
    const make = tensorMaker(5);
    const weight1 = make("BF16", [HIDDEN, E * WIDTH]);
    const moe = "decoder.layers.1.mlp";
    const tensors: Checkpoint = new Map([
      [`${moe}.router.weight`, make("BF16", [E, HIDDEN])],
      [`${moe}.experts.weight1`, weight1],
    ]);
    writeCheckpoint(at("first"), tensors);
    const oneLayer = { ...mixed, layers: mixed.layers.slice(0, 1) };
    expect((await renumber(oneLayer, at("first"), at("new"))).status).to.equal(0);
    const block = ({ bytes }: StoredTensor, expert: number) =>
      bytes.subarray((expert * bytes.length) / E, ((expert + 1) * bytes.length) / E);
    const found = readCheckpoint(at("new")).get(`${moe}.experts.weight1`)!;
    oneLayer.layers[0].chiplets.flat().forEach((old, expert) => {
      expect(block(found, expert).equals(block(weight1, old))).to.equal(true);
    });
  });

  it("maps expert ids in tables of a router, and undoes everything to the byte", async () => {
    const tensors = deepSeek();
    tensors.set("model.layers.1.mlp.gate.tid2eid", tensorMaker(6)("I64", [20, 2]));
    writeCheckpoint(at("first"), tensors, deepSeekModel);
    await renumber(grouped, at("first"), at("new"));
    const ids = (name: string) => [...read(readCheckpoint(at(name)), "model.layers.1.mlp.gate.tid2eid")];
    const newToOld = grouped.layers[0].chiplets.flat();
    expect(ids("new").map((expert) => newToOld[expert])).to.deep.equal(ids("first"));
    const { status, said } = await renumber(grouped, "--undo", at("new"), at("back"));
    expect(status, said).to.equal(0);
    expect([...readCheckpoint(at("back"))].sort()).to.deep.equal([...readCheckpoint(at("first"))].sort());
  });

  it("leads back to the same files byte for byte, heads and index included, however they were written", async () => {
    writeCheckpoint(at("first"), deepSeek(), deepSeekModel);
    const shard = join(at("first"), "model-00001.safetensors");
    const bytes = readFileSync(shard);
    const end = 8 + Number(bytes.readBigUInt64LE());
    const parsed = JSON.parse(bytes.subarray(8, end).toString()) as object;
    const head = Buffer.from(
      `${JSON.stringify(Object.fromEntries(Object.entries(parsed).reverse()), null, 1)}   `,
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    writeFileSync(shard, Buffer.concat([length, head, bytes.subarray(end)]));
    await renumber(grouped, at("first"), at("new"));
    const { status, said } = await renumber(grouped, "--undo", at("new"), at("back"));
    expect(status, said).to.equal(0);
    expect(readdirSync(at("back"))).to.deep.equal(readdirSync(at("first")));
    for (const name of readdirSync(at("first"))) {
      const [first, back] = ["first", "back"].map((place) => readFileSync(join(at(place), name)));
      expect(back.equals(first), name).to.equal(true);
    }
    // A file that was put in the place of another is not given its head.
    const [one, other] = ["1", "2"].map((place) => join(at("new"), `model-0000${place}.safetensors`));
    writeFileSync(one, readFileSync(other));
    expect((await renumber(grouped, "--undo", at("new"), at("again"))).said).to.match(
      /is not the file that was renumbered|expected 0 to 7/,
    );
  });

  it("leaves layers without a placement as they are, and says so", async () => {
    writeCheckpoint(at("first"), deepSeek(), deepSeekModel);
    const { said } = await renumber(
      { ...grouped, layers: grouped.layers.slice(0, 1) },
      at("first"),
      at("new"),
    );
    expect(said).to.include("left as they are, having no placement: layers [2]");
  });

  it("refuses what it cannot renumber whole, and writes nothing then", async () => {
    const without = (name: string) => {
      const tensors = deepSeek();
      tensors.delete(name);
      return tensors;
    };
    const withTensor = (name: string, shape: number[]) =>
      new Map([...deepSeek(), [name, tensorMaker(7)("F32", shape)] as const]);
    const moe = "model.layers.1.mlp";
    const broken: [Checkpoint, RegExp][] = [
      [without(`${moe}.experts.5.up_proj.weight`), /experts\.N|found 7 experts, expected 0 to 7/],
      [without(`${moe}.gate.weight`), /found no router with a row for each of 8 experts/],
      [withTensor(`${moe}.gate.qweight`, [HIDDEN, 1]), /the router is packed/],
      [withTensor(`${moe}.mystery`, [E, 3]), /mystery.*not known, and one size is the number of experts/],
      [withTensor(`${moe}.experts.fused`, [E + 1, 3]), /the first size is no multiple of 8 experts/],
      [
        new Map([...deepSeek()].filter(([name]) => !name.includes("layers.2."))),
        /found no experts in layers \[2\]/,
      ],
    ];
    for (const [index, [tensors, message]] of broken.entries()) {
      writeCheckpoint(at(`broken-${index}`), tensors, deepSeekModel);
      const { status, said } = await renumber(grouped, at(`broken-${index}`), at("new"));
      expect(said).to.match(message);
      expect(status).to.equal(1);
      expect(existsSync(at("new"))).to.equal(false);
    }
  });

  it("refuses to renumber twice, over other files, or to undo what another script did", async () => {
    writeCheckpoint(at("first"), deepSeek(), deepSeekModel);
    await renumber(grouped, at("first"), at("new"));
    expect((await renumber(grouped, at("new"), at("newer"))).said).to.include("is already renumbered");
    expect((await renumber(grouped, at("first"), at("new"))).said).to.include("is there already");
    expect((await renumber(grouped, "--undo", at("first"), at("back"))).said).to.include("is not renumbered");
    expect((await renumber(mixed, "--undo", at("new"), at("back"))).said).to.include("by another script");
  });
});

describe("the export of a checkpoint script", () => {
  it("takes experts that do not divide by the ranks as engines split them, the longer runs first", async () => {
    const uneven = (chiplets: number[][]): Placement => ({
      ...{ model: undefined, numExperts: 5, numChiplets: 2 },
      layers: [{ layer: 0, chiplets }],
    });
    const sound = uneven([
      [0, 2, 4],
      [1, 3],
    ]);
    const { data } = await exportPlacement(sound, checkpointScript);
    expect(await importPlacement(Buffer.from(data), "renumber.py")).to.deep.equal(sound);
    const reversed = uneven([
      [1, 3],
      [0, 2, 4],
    ]);
    await expectRejection(
      exportPlacement(reversed, checkpointScript),
      "checkpoint-script: layer 0: chiplet 0 holds 2 experts, expected 3",
    );
  });

  it("reads the renumbering out of the program, and minds one that was cut", async () => {
    const { data } = await exportPlacement(mixed, checkpointScript);
    const text = Buffer.from(data).toString();
    expect(await importPlacement(Buffer.from(text), "renumber.py")).to.deep.equal(mixed);
    await expectRejection(
      importPlacement(Buffer.from(text.replace("[3, 6, 0,", "[3, 6,")), "renumber.py"),
      "layer 1: found 7 experts, expected 8",
    );
  });
});

const deepSeekModel = {
  config: { n_routed_experts: E, n_group: 4, topk_group: 2 },
  layersOf: (from: Checkpoint): MoeLayer[] =>
    [1, 2].map((layer) => {
      const moe = `model.layers.${layer}.mlp`;
      const own = (expert: string, name: string) => {
        const scale = read(from, `${moe}.${expert}.${name}.weight_scale_inv`)[0];
        return read(from, `${moe}.${expert}.${name}.weight`).map((value) => value * scale);
      };
      const run = (expert: string, input: Float64Array) =>
        swiGlu(
          { gate: own(expert, "gate_proj"), up: own(expert, "up_proj"), down: own(expert, "down_proj") },
          input,
        );
      return {
        ...{ numExperts: E, hiddenSize: HIDDEN, topK: 2, groups: { count: 4, chosen: 2 } },
        router: read(from, `${moe}.gate.weight`),
        bias: read(from, `${moe}.gate.e_score_correction_bias`),
        expert: (id, input) => {
          const shared = run("shared_experts", input);
          return run(`experts.${id}`, input).map((value, index) => value + shared[index]);
        },
      };
    }),
};

/** A dense layer, then two MoE layers. */
function deepSeek(): Checkpoint {
  const make = tensorMaker(2);
  const tensors: Checkpoint = new Map([["model.layers.0.mlp.gate_proj.weight", make("BF16", [E, HIDDEN])]]);
  for (const layer of [1, 2]) {
    const moe = `model.layers.${layer}.mlp`;
    tensors.set(`${moe}.gate.weight`, make("BF16", [E, HIDDEN]));
    tensors.set(`${moe}.gate.e_score_correction_bias`, make("F32", [E]));
    const experts = Array.from({ length: E }, (_, expert) => `experts.${expert}`);
    for (const expert of [...experts, "shared_experts"]) {
      for (const [name, shape] of [
        ["gate_proj", [WIDTH, HIDDEN]],
        ["up_proj", [WIDTH, HIDDEN]],
        ["down_proj", [HIDDEN, WIDTH]],
      ] as const) {
        tensors.set(`${moe}.${expert}.${name}.weight`, make("F8_E4M3", [...shape]));
        tensors.set(`${moe}.${expert}.${name}.weight_scale_inv`, make("F32", [1]));
      }
    }
  }
  return tensors;
}

function read(tensors: Checkpoint, name: string): Float64Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`found no tensor ${name}`);
  return valuesOf(tensor);
}

/** Experts in an order, two to a chiplet. */
function pairs(order: readonly number[]): number[][] {
  return Array.from({ length: order.length / 2 }, (_, chiplet) =>
    order.slice(2 * chiplet, 2 * chiplet + 2).sort((a, b) => a - b),
  );
}
