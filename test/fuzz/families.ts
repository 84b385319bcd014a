import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { openCheckpoint } from "../../cli/checkpoint.js";
import { readCases } from "../../cli/commands/calibrate.js";
import { readDocument, readText } from "../../cli/read-files.js";
import { InputError } from "../../lib/errors.js";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { placementFormats } from "../../lib/export/formats.js";
import type { ReadOptions } from "../../lib/export/placement-format.js";
import { verifyForeign } from "../../lib/export/read-foreign.js";
import { gridMachines, parseSweep } from "../../lib/flows/sweep-grid.js";
import { listConstants } from "../../lib/hardware/hardware.js";
import { parseHardware } from "../../lib/hardware/parse.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { parseModelConfig } from "../../lib/hardware/model-config.js";
import { groupCapacity } from "../../lib/performance/memory.js";
import type { Placement } from "../../lib/placement/placement.js";
import { formatPlacement, parsePlacement } from "../../lib/placement/placement-file.js";
import { writeBinaryTrace } from "../../traces/formats/binary-trace.js";
import { writeJsonLines } from "../../traces/formats/json-lines.js";
import { readRouting, type ReadTraceOptions } from "../../traces/read-trace.js";
import { readSlotMap } from "../../traces/slot-map.js";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { npyFile, safetensorsFile, torchFile } from "../traces/array-files.js";
import { zstdFile } from "../traces/packed-files.js";
import { fixture } from "../traces/trace-files.js";

/** A kind of file and the way it is read. */
export interface FuzzFamily {
  readonly name: string;
  /** Sound files, which are mutated. */
  samples(): Promise<readonly Buffer[]>;
  /** Puts a mutated file into the container it comes in. */
  pack?(bytes: Buffer): Uint8Array;
  /** Reads a file as a command does; rejects with an `InputError`, or with whatever else is a bug. */
  read(bytes: Uint8Array, variant: number): Promise<void>;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const realFiles = process.env.MOEPLACE_FORMATS ?? join(root, "../shared/formats");
/** Of a real file so much is mutated. */
const MOST_SAMPLE_BYTES = 20_000;

interface TraceFamily {
  readonly name: string;
  /** Name of the file, which some formats are told by. */
  readonly file?: string;
  /** Folder of real files. */
  readonly real?: string;
  readonly made?: () => readonly (string | Uint8Array)[];
  readonly options?: readonly ReadTraceOptions[];
  pack?(bytes: Buffer): Uint8Array;
}

function traceFamily({ name, file = "trace", real, made, options = [{}], ...rest }: TraceFamily): FuzzFamily {
  return {
    ...rest,
    name,
    samples: () =>
      Promise.resolve([...(made?.() ?? []).map((sample) => Buffer.from(sample)), ...realSamples(real)]),
    async read(bytes, variant) {
      await readRouting([writeFile(file, bytes)], options[variant % options.length]);
    },
  };
}

/** A file that is read by its name. */
function fileFamily(family: {
  name: string;
  samples: readonly string[];
  read(path: string): Promise<void> | void;
}): FuzzFamily {
  return {
    name: family.name,
    samples: () => Promise.resolve(family.samples.map((sample) => Buffer.from(sample))),
    async read(bytes) {
      await family.read(writeFile("file", bytes));
    },
  };
}

let folder: string | undefined;
/** A disk in memory, where there is one: half of the time went by with opening files. */
const IN_MEMORY = "/dev/shm";

/** Writes a file into a folder of this process, which goes with it. */
function writeFile(name: string, bytes: Uint8Array): string {
  if (folder === undefined) {
    const made = (folder = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), "moeplace-fuzz-")));
    process.on("exit", () => {
      rmSync(made, { recursive: true, force: true });
    });
  }
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function realSamples(folder: string | undefined): Buffer[] {
  const path = join(realFiles, folder ?? "absent");
  if (folder === undefined || !existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.\w+$/.test(name))
    .map((name) => readFileSync(join(path, name)))
    .map((bytes) => (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes))
    .filter((bytes) => bytes[0] !== 0x50 || bytes.length < 10 * MOST_SAMPLE_BYTES)
    .map((bytes) => (bytes[0] === 0x50 ? bytes : wholeLines(bytes)));
}

/** The beginning of a long file of text, in whole lines. */
function wholeLines(bytes: Buffer): Buffer {
  if (bytes.length <= MOST_SAMPLE_BYTES) return bytes;
  const end = bytes.lastIndexOf(0x0a, MOST_SAMPLE_BYTES);
  return bytes.subarray(0, end < 0 ? MOST_SAMPLE_BYTES : end + 1);
}

const trace = synthesizeTrace({ preset: "gpt-oss-20b", layers: 2, tokens: 40 });
const counts = (length: number) => Int32Array.from({ length }, (_, index) => (index * 7) % 50);
const tokens = Int32Array.from({ length: 60 }, (_, index) => (index + Math.floor(index / 2)) % 8);
const records = {
  records: [
    {
      rank: 0,
      topk_ids_of_layer: {
        shape: [2, 3, 2],
        values: Int32Array.of(-1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 0),
      },
    },
  ],
  last_physical_to_logical_map: {
    shape: [2, 5],
    values: BigInt64Array.from([0, 1, 2, 3, 3, 2, 0, 3, 1, 3].map(BigInt)),
  },
};
const routes = [0, 1, 2, 3, 4, 5].map(
  (token) =>
    `{"type":"route","req_id":"a","token_idx":${token},"layer":1,"topk_ids":[${token % 4},${4 + (token % 3)}]}`,
);
const sequences = Array.from(
  { length: 4 },
  (_, at) => `${tokens.subarray(0, 16).join("\t")}\t\t${Array(16).fill(0.5).join("\t")}${at < 3 ? "\n" : ""}`,
);

const traceFamilies = [
  traceFamily({ name: "JSON Lines", real: "bug-inputs", made: () => [[...writeJsonLines(trace)].join("")] }),
  traceFamily({ name: "JSON Lines, gzip", made: () => [[...writeJsonLines(trace)].join("")], pack: (bytes) => gzipSync(bytes, { level: 1 }) }),
  traceFamily({ name: "gzip", made: () => [gzipSync([...writeJsonLines(trace)].join(""))] }),
  traceFamily({ name: "JSON Lines, zstd", made: () => [[...writeJsonLines(trace)].join("")], pack: (bytes) => zstdFile(bytes) }),
  traceFamily({ name: "zstd", made: () => [readFileSync(fixture("rows.jsonl.zst")), zstdFile(Buffer.from([...writeJsonLines(trace)].join("")))] }),
  traceFamily({ name: "Parquet", made: () => ["rows-snappy", "rows-zstd", "rows-gzip", "requests", "wide", "counts"].map((name) => readFileSync(fixture(`${name}.parquet`))) }),
  traceFamily({ name: "HD-MoE", real: "hd-moe", made: () => ['{"0":[[1,2],[3,0]],"1":[[0,1],[2,3]]}', '[{"layer":0,"experts":[1,2]},{"layer":0,"experts":[2,3]}]', '{"counts":[[1,2,3,4]]}', '{"num_experts":4,"layers":{"model.layers.0.mlp":{"0":5,"3":2}}}', '{"layer_0":{"token_0":[1,2],"token_1":[3,0]}}', '[[0,0,1,2],[0,1,3,1],[1,0,2,3],[1,1,0,1]]'] }),
  traceFamily({ name: "vLLM EPLB statistics", real: "vllm-eplb-stats", made: () => ['{"record_type":"eplb_load_stats","expert_load":[[1,2,3,4]],"p2l_map":[[0,1,2,0]]}\n{"record_type":"eplb_load_stats","expert_load":[[1,2,3,4]],"p2l_map":[[0,1,2,-1]]}\n'] }),
  traceFamily({ name: "CSV of rows", made: () => ["layer,token,e0,e1\n0,0,1,2\n0,1,3,1\n", "0,0,1,2\n0,1,3,1\n", "layer_id,expert_id,count\n0,0,5\n0,1,6\n", ",layer,token,rank,expert,weight\n0,0,0,0,1,.5\n1,0,0,1,2,.5\n2,0,1,0,3,.5\n3,0,1,1,1,.5\n", "0,0,0,1,.5\n0,0,1,2,.5\n0,1,0,3,.5\n0,1,1,1,.5\n"] }),
  traceFamily({ name: "JSON records", made: () => ['[{"layer":0,"token":0,"expert":1},{"layer":0,"token":1,"expert":3}]', '{"layer":0,"token":0,"expert_id":1}\n{"layer":0,"token":0,"expert_id":2}\n'] }),
  traceFamily({
    name: "HTTP responses",
    made: () => {
      const array = npyFile({ shape: [5, 6, 2], values: Uint8Array.from(tokens) }).toString("base64");
      const object = { data: Buffer.from(Uint8Array.from(tokens)).toString("base64"), shape: [5, 6, 2], start: 5, dtype: "uint8" };
      const lists = [[[1, 2], [3, 0]], [[0, 1], [2, 3]]];
      const event = (id: string, routed_experts: unknown) => `data: ${JSON.stringify({ id, choices: [{ index: 0, routed_experts }] })}\n\n`;
      return [event("a", array) + event("a", object) + event("b", array), event("a", lists), JSON.stringify({ pad: "x".repeat(70_000), routed_experts: array })];
    },
  }),
  traceFamily({ name: "binary", made: () => [Buffer.concat([...writeBinaryTrace(trace)])] }),
  traceFamily({ name: "vLLM route log", real: "vllm-route-log", made: () => [`{"type":"meta","model_id":"m","top_k":2}\n${routes.join("\n")}\n`] }),
  traceFamily({ name: "vLLM .npy", made: () => [npyFile({ shape: [5, 6, 2], values: tokens }), npyFile({ shape: [5, 6, 2], values: Uint8Array.from(tokens) }, { isFortran: true })] }),
  traceFamily({
    name: "vLLM .npz",
    made: () => [npyFile({ shape: [5, 6, 2], values: Uint8Array.from(tokens) })],
    pack: (bytes) => zipSync({ "routed_experts.npy": bytes }, { level: 1 }),
  }),
  traceFamily({ name: "zip", made: () => [Buffer.from(zipSync({ "routed_experts.npy": npyFile({ shape: [5, 6, 2], values: tokens }) }, { level: 0 }))] }),
  traceFamily({ name: "SGLang recorder", real: "sglang-tp-recorder", made: () => [torchFile(records), torchFile({ logical_count: { shape: [2, 2, 4], values: counts(16) } })] }),
  traceFamily({
    name: "SGLang routed experts",
    made: () => [JSON.stringify({ routed_experts: Buffer.from(tokens.buffer).toString("base64") }), JSON.stringify({ routed_experts: npyFile({ shape: [5, 6, 2], values: tokens }).toString("base64") })],
    options: [{ topK: 2, numLayers: 6 }, {}],
  }),
  traceFamily({ name: "ragged JSON Lines", real: "ragged-jsonl", made: () => ['{"problem_id":1,"layer":3,"experts":[1,2],"token_idx":0}\n{"problem_id":1,"layer":3,"experts":[2,5],"token_idx":1}\n'] }),
  traceFamily({ name: "Megatron router trace", real: "megatron-router-trace" }),
  traceFamily({ name: "torch tensors", made: () => [torchFile({ shape: [2, 8], values: counts(16) }), torchFile({ shape: [5, 6, 2], values: tokens })] }),
  traceFamily({ name: "ESFT", file: "expert_weights_1.txt", real: "esft", made: () => [sequences.join("")] }),
  traceFamily({ name: "torch indices", real: "flame-pt", made: () => [torchFile({ indices: { shape: [30, 2], values: tokens }, layer: 2, model: "m", sequence_length: 10 })] }),
  traceFamily({ name: "dense CSV", real: "flame-dense-csv", made: () => ["layer_id,token_id,expert_0,expert_1,expert_2,expert_3\n0,0,0.5,0,0.5,0\n0,1,0,0.2,0,0.8\n"] }),
  traceFamily({ name: "MoE-Beyond CSV", real: "moe-beyond-csv", made: () => ['Layer ID,Batch Number,Token,Activated Expert IDs\n1,0,"a, ""b""\n","[8, 26]"\n1,0,c,"[3, 26]"\n2,0,c,"[3, 26]"\n'] }),
  traceFamily({ name: "TensorRT-LLM", real: "tensorrt-llm-slots", made: () => [safetensorsFile({ "0_1": { shape: [8], values: BigInt64Array.from([1, 2, 3, 4, 5, 6, 7, 8].map(BigInt)) } }), safetensorsFile({ "0_1": { shape: [30, 2], values: tokens } }), '{"num_experts": 8, "num_experts_per_token": 2}'] }),
  traceFamily({ name: "load history", made: () => ['{"load_history":[{"logical_expert_load":[[1,2,3,4],[4,3,2,1]]},{"logical_expert_load":[[1,0,0,4],[4,3,2,1]]}]}', '{"logical_count":[[1.5,2,3,4]]}'] }),
  traceFamily({ name: "load matrix", made: () => [npyFile({ shape: [3, 32], values: counts(96) }), npyFile({ shape: [2, 3, 32], values: Float32Array.from(counts(192)) })] }),
  traceFamily({ name: "omni-infer counts", file: "activation_counts_recordstep_1_rank_0.txt", made: () => ["1\t2\t3\t4\n5\t6\t7\t8\n"] }),
]; // prettier-ignore

const placement: Placement = {
  model: "m",
  numExperts: 8,
  numChiplets: 4,
  layers: [0, 1, 2].map((layer) => ({
    layer,
    chiplets: [0, 1, 2, 3].map((chiplet) => [chiplet, chiplet + 4]),
  })),
};

function placementFamily(name: string, real?: string): FuzzFamily {
  const format = placementFormats.find((candidate) => candidate.name === name);
  if (format === undefined) throw new Error(`no placement format ${name}`);
  const variants: readonly ReadOptions[] = [
    { numChiplets: 4, numExperts: 8 },
    { numChiplets: 4 },
    { numExperts: 8, numHiddenLayers: 3 },
  ];
  return {
    name: `placement ${name}`,
    async samples() {
      const { data } = await exportPlacement(placement, format, {
        layer: 0,
        modelClass: "MixtralForCausalLM",
      });
      return [Buffer.from(data as Uint8Array), ...realSamples(real)];
    },
    async read(bytes, variant) {
      const { placement: found, violations } = await verifyForeign(
        bytes,
        "file",
        variants[variant % variants.length],
      );
      if (found === undefined || violations.length > 0) return;
      await parsePlacement(formatPlacement(found), "file");
      await exportPlacement(found, placementFormats[0], { fillLayers: true, fillEmpty: true });
    },
  };
}

const placementFamilies: readonly FuzzFamily[] = [
  ...placementFormats
    .filter((format) => format.read !== undefined)
    .map(({ name }) => placementFamily(name, { eplb: "eplb-answer", exflow: "exflow", "vllm-ascend": "vllm-ascend" }[name])),
  {
    name: "placement moeplace",
    samples: () => Promise.resolve([Buffer.from(formatPlacement({ ...placement, numGroups: 2, slotsPerChiplet: 2, solver: "ilp", seed: 1 }))]),
    async read(bytes) {
      const found = await parsePlacement(Buffer.from(bytes).toString("utf8"), "p.json");
      await parsePlacement(formatPlacement(found), "p.json");
      await exportPlacement(found, placementFormats[0], { fillLayers: true, fillEmpty: true });
    },
  },
]; // prettier-ignore

const hardwareFamily: FuzzFamily = {
  name: "hardware",
  samples: () => Promise.resolve(["mozart-qwen3", "h100-8x8"].map((name) => Buffer.from(JSON.stringify(findHardware(name))))),
  async read(bytes) {
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch {
      throw new InputError("hw.json: found no JSON");
    }
    listConstants(await parseHardware(json, "hw.json"));
  },
}; // prettier-ignore

const modelFamily: FuzzFamily = {
  name: "model configuration",
  samples: () =>
    Promise.resolve(
      [
        { model_type: "deepseek_v3", hidden_size: 7168, moe_intermediate_size: 2048, num_hidden_layers: 61, first_k_dense_replace: 3, n_routed_experts: 256, num_experts_per_tok: 8, n_shared_experts: 1, num_attention_heads: 128, num_key_value_heads: 128, kv_lora_rank: 512, q_lora_rank: 1536, qk_rope_head_dim: 64, qk_nope_head_dim: 128, v_head_dim: 128, vocab_size: 129280, torch_dtype: "bfloat16" },
        { model_type: "mixtral", hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32, num_local_experts: 8, num_experts_per_tok: 2, num_attention_heads: 32, num_key_value_heads: 8, vocab_size: 32000, torch_dtype: "bfloat16" },
      ].map((config) => Buffer.from(JSON.stringify(config, undefined, 1))),
    ),
  read(bytes) {
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch {
      return Promise.reject(new InputError("config.json: found no JSON"));
    }
    const shape = parseModelConfig(json, "config.json");
    const capacity = groupCapacity(findHardware("h100-8x8")!, shape);
    return Number.isFinite(capacity.groupBytes) ? Promise.resolve() : Promise.reject(new Error("no number of bytes"));
  },
}; // prettier-ignore

const MEASUREMENTS = `kernel,time_us,tokens,hidden,topk,experts,gpus,servers,width
${[1, 64, 512].map((count) => `low-latency-dispatch,${20 + count},${count},4096,8,128,8,1,1536`).join("\n")}
`;

/** Files that commands read besides. */
const otherFamilies: readonly FuzzFamily[] = [
  fileFamily({
    name: "sweep configuration",
    samples: [
      "traces: [a.jsonl, { name: all, files: [b.jsonl] }]\nmachines: [{ chiplets: [16, 32], groups: 4, set: { memory.bytesPerNs: 512 } }]\n",
      '{"traces": ["a.jsonl"], "workloads": ["prefill", {"name": "small", "workload": "decode", "tokens": 32}], "solvers": ["auto"]}',
    ],
    read: async (path) => {
      gridMachines(await parseSweep(await readDocument(path), path));
    },
  }),
  fileFamily({
    name: "slot map",
    samples: [
      "num_slots: 4\ninitial_global_assignments:\n  0: [0, 1, 2, 0]\n  1: [2, 1, 0, 1]\n",
      '{"physical_to_logical_map": [[0, 1, 2, 0], [2, 1, 0, 1]]}',
      formatPlacement(placement),
    ],
    read: async (path) => {
      (await readSlotMap(path)).expertsOf(0);
    },
  }),
  fileFamily({
    name: "measurements",
    samples: [MEASUREMENTS],
    read: async (path) => {
      await readCases(readText(path), path);
    },
  }),
  fileFamily({
    name: "checkpoint",
    samples: [
      `{"format":"moeplace.checkpoint","version":1,"made":{"seed":1}}\n{"key":"a","solution":{},"sha256":"${createHash("sha256").update('["a",{}]').digest("hex")}"}\n`,
    ],
    read: (path) => {
      openCheckpoint(path, { seed: 1 }).close();
    },
  }),
]; // prettier-ignore

/** Every kind of file that is read. */
export const fuzzFamilies: readonly FuzzFamily[] = [
  ...traceFamilies,
  ...placementFamilies,
  hardwareFamily,
  modelFamily,
  ...otherFamilies,
];
