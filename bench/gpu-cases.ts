/**
 * Published measurements of GPU kernels as cases: what was measured, and what the model says for given kernels.
 *
 * A file is known by its columns, a machine by the `device` column or the file's name, so that measurements of other
 * shapes, servers, EP sizes and machines are read as these are.
 */
import { parse } from "csv-parse/sync";
import type { GpuKernels } from "../lib/hardware/kernels.js";
import { collectiveNs, copyNs, lowLatencyNs, networkNs } from "../lib/performance/collective.js";
import { expectedCopies } from "../lib/performance/uniform-copies.js";
import {
  BF16_BYTES,
  bytesOfFormat,
  deepEpBytes,
  machineOf,
  shapeOf,
  type GpuCase,
  type Reader,
  type Row,
} from "./gpu-case.js";
import { readDeepGemm, readSkewed } from "./gpu-expert-cases.js";
import { readPublished } from "./gpu-published.js";

/** Cases of one file, and how many rows it has. */
export interface GpuCases {
  readonly rows: number;
  readonly cases: readonly GpuCase[];
}

/** Servers that DeepEP's tests keep a token to. */
const MOST_SERVERS = 4;

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

const ways = ["dispatch", "combine"] as const;

/** GPUs of a server, or of a tray. */
function gpusPerServer(machine: string): number {
  return machine === "gb200-nvl72" ? 4 : 8;
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
