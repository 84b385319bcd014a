/**
 * Published measurements of GPU kernels as cases: what was measured, and what the model says for given kernels.
 *
 * A file is known by its columns, a machine by the `device` column or the file's name, so that measurements of other
 * shapes, servers, EP sizes and machines are read as these are.
 */
import { parse } from "csv-parse/sync";
import type { BothWays, ExpertKernel, GpuKernels } from "../lib/hardware/kernels.js";
import { collectiveNs, copyNs, lowLatencyNs, networkNs } from "../lib/performance/collective.js";
import { expertComputeNs } from "../lib/performance/expert-compute.js";
import { expectedCopies } from "../lib/performance/uniform-copies.js";
import { drawHottestGpus } from "./power-law.js";
import { readPublished } from "./gpu-published.js";
import { mean } from "../lib/statistics.js";

/** One measured time. */
export interface GpuCase {
  /** Row of the file, from 0; a row may hold several times. */
  readonly row: number;
  /** Whose constants are fitted on it together, for instance `lowLatency.dispatch`. */
  readonly kernel: string;
  /** Preset that the machine is taken as. */
  readonly machine: string;
  readonly measuredNs: number;
  /** Tokens a GPU, or of all GPUs where experts are measured. */
  readonly tokens: number;
  modelNs(kernels: GpuKernels): number;
  /** What may be left out together to see how the model extrapolates. */
  readonly groups: { readonly shape: string; readonly ep: string; readonly servers: string };
}

/** Cases of one file, and how many rows it has. */
export interface GpuCases {
  readonly rows: number;
  readonly cases: readonly GpuCase[];
}

/** Columns of one row. */
export type Row = Readonly<Record<string, string>>;

/** Servers that DeepEP's tests keep a token to. */
const MOST_SERVERS = 4;
const BF16_BYTES = 2;
/** Draws of a random router that the mean is taken of; where the tokens of the hottest GPU are told, those nearest. */
const DRAWS = 24;
const NEAREST_DRAWS = 6;

type Reader = (row: Row, machine: string) => Omit<GpuCase, "row" | "machine" | "tokens">[];

/** Readers by a column that no other kind of file has. */
const readers: readonly (readonly [column: string, reader: Reader])[] = [
  ["dispatch_avg_t_us", readLowLatency],
  ["dispatch_transmit_us", readNormal],
  ["nccl_dtype", readCollective],
  ["rank0_num_tokens", readSkewed],
];

/**
 * Reads the cases of one file.
 *
 * @param name Of the file, which tells the machine where no column does.
 * @returns Undefined if its columns are of no kind that is known here.
 */
export function readGpuCases(name: string, text: string): GpuCases | undefined {
  const rows = parse<Row>(text, { columns: true, skip_empty_lines: true, relax_column_count: true });
  if (rows.length === 0) return { rows: 0, cases: [] };
  if ("dispatch_GBps" in rows[0]) return { rows: rows.length, cases: rows.flatMap(readPublished) };
  const read = readerOf(rows[0]);
  if (read === undefined) return undefined;
  const cases = rows.flatMap((row, index) => {
    const machine = machineOf(row["device"] || "") ?? machineOf(name) ?? "h100-8x8";
    return read(row, machine)
      .filter(({ measuredNs }) => Number.isFinite(measuredNs) && measuredNs > 0)
      .map((found) => ({
        ...found,
        row: index,
        // One machine has a fabric over many trays.
        machine: found.kernel.startsWith("fabric.") ? "gb200-nvl72" : machine,
        tokens: Number(row["num_token"] || row["num_tokens"]),
      }));
  });
  return { rows: rows.length, cases };
}

function readerOf(row: Row): Reader | undefined {
  const found = readers.find(([column]) => column in row);
  if (found !== undefined) return found[1];
  if (!("moe_ep_size" in row)) return undefined;
  if (row["op_name"].startsWith("alltoall")) return readFabric;
  return row["op_name"].startsWith("moe_") ? readDeepGemm : undefined;
}

/**
 * Preset nearest to a machine by any of its usual names.
 *
 * @example
 * machineOf("NVIDIA GB300"); // "gb200-nvl72"
 * machineOf("abacus"); // undefined
 */
export function machineOf(text: string): string | undefined {
  return families.find(([names]) => names.test(text))?.[1];
}

const families: readonly (readonly [RegExp, string])[] = [
  [/gb[23]\d\d|nvl/i, "gb200-nvl72"],
  [/b[23]\d\d|sm100|blackwell/i, "b200-8x8"],
  // The fabric of an Ascend SuperPOD reaches about what the cut NVLink of an H800 does.
  [/h800|ascend/i, "h800-8x8"],
  [/h2\d\d?/i, "h200-8x8"],
  [/h100|hopper|sm90|h-class/i, "h100-8x8"],
  [/mi3\d\d|amd|rocm/i, "mi300x-8x8"],
];

const ways = ["dispatch", "combine"] as const;

/** Bytes of a token on the wire: FP8 with a scale of 4 bytes for 128 values, or BF16 on the way back. */
export function deepEpBytes(hiddenSize: number, way: keyof BothWays<unknown>, headerBytes = 0): number {
  return way === "dispatch" ? hiddenSize * (1 + 4 / 128) + headerBytes : hiddenSize * BF16_BYTES;
}

/** GPUs of a server, or of a tray. */
function gpusPerServer(machine: string): number {
  return machine === "gb200-nvl72" ? 4 : 8;
}

function shapeOf(row: Row) {
  const number = (...columns: string[]) => Number(columns.map((column) => row[column]).find(Boolean));
  const [hiddenSize, topK, numExperts] = [
    number("hidden_size"),
    number("num_topk", "topk"),
    number("num_experts"),
  ];
  const tokens = number("num_token", "num_tokens");
  const numGpus = number("moe_ep_size", "num_gpus");
  return { hiddenSize, topK, numExperts, tokens, numGpus, shape: `${hiddenSize}/${topK}/${numExperts}` };
}

function readLowLatency(row: Row, machine: string): ReturnType<Reader> {
  const { hiddenSize, topK, numExperts, tokens, shape } = shapeOf(row);
  const servers = Number(row["node_num"]);
  const numGpus = servers * gpusPerServer(machine);
  // A rack is one fabric for all its trays.
  const inside = machine === "gb200-nvl72" ? numGpus : gpusPerServer(machine);
  return ways.map((way) => ({
    kernel: `lowLatency.${way}${numGpus > inside ? ".across" : ""}`,
    measuredNs: 1000 * Number(row[`${way}_avg_t_us`]),
    groups: { shape, ep: String(numGpus), servers: String(servers) },
    modelNs: ({ lowLatency, computeUnits }) =>
      lowLatencyNs(lowLatency[way], {
        tokens,
        topK,
        numExperts,
        bytesPerCopy: deepEpBytes(hiddenSize, way, 16),
        numGpus,
        gpusPerServer: inside,
        computeUnits,
      }),
  }));
}

function readNormal(row: Row, machine: string): ReturnType<Reader> {
  const { hiddenSize, topK, numExperts, tokens, shape } = shapeOf(row);
  const servers = Number(row["node_num"]);
  const perServer = gpusPerServer(machine);
  const numGpus = servers * perServer;
  const across = servers > 1 && machine !== "gb200-nvl72";
  const expected = expectedCopies({
    numExperts,
    topK,
    numServers: servers,
    gpusPerServer: perServer,
    mostServers: MOST_SERVERS,
  });
  return ways.map((way) => {
    const computeUnits = Number(row[`${way}_sms`]);
    const exchange = { tokens, bytesPerCopy: deepEpBytes(hiddenSize, way), numGpus, computeUnits };
    const copies = tokens * expected.gpus;
    return {
      kernel: across ? `acrossServers.${way}` : `normal.${way}`,
      measuredNs: 1000 * (Number(row[`${way}_transmit_us`]) + Number(row[`${way}_notify_us`])),
      groups: {
        shape,
        ep: across ? `${numGpus}, ${computeUnits} SMs` : String(numGpus),
        servers: String(servers),
      },
      modelNs: ({ acrossServers, normal }) =>
        across
          ? networkNs(acrossServers[way], {
              ...exchange,
              networkCopies: tokens * expected.servers * (1 - 1 / servers),
              forwardedCopies: copies * (1 - 1 / perServer),
            })
          : copyNs(normal[way], { ...exchange, copies: copies * (1 - 1 / numGpus) }),
    };
  });
}

function readFabric(row: Row): ReturnType<Reader> {
  const { hiddenSize, topK, tokens, numGpus, shape } = shapeOf(row);
  const op = row["op_name"].replace("alltoall_", "");
  const twoSided = /two/i.test(row["kernel_source"]);
  // A balanced router sends every token to as many GPUs as it can.
  const copies = tokens * Math.min(numGpus, topK) * (1 - 1 / numGpus);
  const bytesPerCopy = hiddenSize * fabricBytes(op, row["moe_dtype"]);
  const kernelOf = ({ fabric }: GpuKernels) => {
    if (fabric === undefined) throw new Error("found a machine without a fabric, expected gb200-nvl72");
    if (op === "prepare") return fabric.twoSided.prepare;
    if (op === "combine_low_precision") return fabric.twoSided.lowPrecisionCombine;
    return fabric[twoSided ? "twoSided" : "oneSided"][op as "dispatch" | "combine"];
  };
  const name = { prepare: "prepare", combine_low_precision: "lowPrecisionCombine" }[op] ?? op;
  return [
    {
      kernel: `fabric.${twoSided ? "twoSided" : "oneSided"}.${name}`,
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape, ep: String(numGpus), servers: "1" },
      modelNs: (kernels) => copyNs(kernelOf(kernels), { tokens, copies, bytesPerCopy, numGpus }),
    },
  ];
}

/** Bytes of a value on the fabric, with its scale. */
function fabricBytes(op: string, format: string): number {
  if (op === "prepare") return 0;
  if (op === "combine") return BF16_BYTES;
  return bytesOfFormat(op === "combine_low_precision" ? "nvfp4" : format);
}

/** Bytes of a value in a format, with its scales. */
export function bytesOfFormat(format: string): number {
  if (/fp4|w4/i.test(format)) return 1 / 2 + 1 / 16;
  return /fp8|int8/i.test(format) ? 1 : BF16_BYTES;
}

function readCollective(row: Row): ReturnType<Reader> {
  const { numGpus } = shapeOf(row);
  const bytes = Number(row["message_size"]) * bytesOfFormat(row["nccl_dtype"]);
  const kernel = { alltoall: "allToAll", all_gather: "allGather", reduce_scatter: "reduceScatter" }[
    row["op_name"]
  ];
  if (kernel === undefined) return [];
  return [
    {
      kernel: `collectives.${kernel}`,
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: row["nccl_dtype"], ep: String(numGpus), servers: "1" },
      modelNs: ({ collectives }) =>
        collectiveNs(collectives[kernel as keyof typeof collectives], bytes, numGpus),
    },
  ];
}

/** Inner width of an expert, or of the part of it that one GPU has. */
function widthOf(row: Row): number {
  return Number(row["inter_size"]) / (Number(row["moe_tp_size"]) || 1);
}

/** Rows of the hottest GPU's experts in a table of DeepGEMM; `num_tokens` counts those of all GPUs. */
function readDeepGemm(row: Row): ReturnType<Reader> {
  const { hiddenSize, topK, numExperts, tokens, numGpus, shape } = shapeOf(row);
  const kind = row["op_name"] === "moe_context" ? "prefill" : "decode";
  const alpha = alphaOf(row["distribution"]);
  const loads =
    alpha === undefined
      ? [evenRows((tokens * topK) / numGpus, numExperts / numGpus, kind === "prefill" ? 128 : 1)]
      : drawHottestGpus({ tokens, numExperts, topK, numGpus, alpha, remainder: "most first" }, DRAWS).map(
          ({ rows }) => rows,
        );
  const work = {
    hiddenSize,
    expertWidth: widthOf(row),
    bytesPerWeight: bytesOfFormat(row["moe_dtype"]),
  };
  return [
    {
      kernel: `experts.${kind}`,
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: `${shape}, ${row["distribution"]}`, ep: String(numGpus), servers: "1" },
      modelNs: ({ experts }) =>
        mean(
          loads.map((rows) =>
            expertComputeNs(experts[kind], { ...work, rows, tokens: kind === "prefill" ? tokens : 0 }),
          ),
        ),
    },
  ];
}

/** An even router of the tables: experts one after another, each with a whole block of rows, as far as rows go. */
function evenRows(rows: number, numExperts: number, block: number): Float64Array {
  const filled = Math.max(1, Math.min(numExperts, Math.ceil(rows / block)));
  return Float64Array.from({ length: numExperts }, (_, expert) => (expert < filled ? rows / filled : 0));
}

function readSkewed(row: Row): ReturnType<Reader> {
  const { hiddenSize, topK, numExperts, tokens, numGpus, shape } = shapeOf(row);
  const hottest = Number(row["rank0_num_tokens"]);
  const alpha = alphaOf(row["distribution"]);
  if (alpha === undefined) return [];
  const numSlots = row["distribution"].endsWith("eplb") ? Number(row["num_slots"]) : undefined;
  const draws = drawHottestGpus(
    {
      tokens,
      numExperts,
      topK,
      numGpus,
      alpha,
      remainder: "fewest first",
      ...(numSlots !== undefined && { numSlots }),
    },
    DRAWS,
  );
  const nearest = [...draws]
    .sort((left, right) => Math.abs(left.tokens - hottest) - Math.abs(right.tokens - hottest))
    .slice(0, NEAREST_DRAWS);
  const format = row["moe_dtype"];
  const work = { hiddenSize, expertWidth: widthOf(row), bytesPerWeight: bytesOfFormat(format) };
  return [
    {
      kernel: "experts.fused",
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: `${shape}, ${row["num_slots"]} slots`, ep: String(numGpus), servers: "1" },
      modelNs: ({ experts }) =>
        mean(
          nearest.map(({ rows }) =>
            expertComputeNs(fusedFor(experts.fused, format), { ...work, rows, tokens: hottest }),
          ),
        ),
    },
  ];
}

/** Fused kernels are measured at the narrowest format of a machine; wider ones take as much longer as they are wider. */
function fusedFor(kernel: ExpertKernel, format: string): ExpertKernel {
  return bytesOfFormat(format) === BF16_BYTES ? { ...kernel, flopPerNs: kernel.flopPerNs / 2 } : kernel;
}

/** Exponent of `power_law_1.2` or `power_law_1.2_eplb`; undefined where the router is even. */
function alphaOf(distribution: string): number | undefined {
  const found = /power_law_([\d.]+)/.exec(distribution);
  if (found === null) return undefined;
  // The law's antiderivative is a logarithm at exactly 1.
  return Number(found[1]) === 1 ? 1.0001 : Number(found[1]);
}
