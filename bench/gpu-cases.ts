/**
 * Published measurements of GPU kernels as cases: what was measured, and what the model says for given kernels.
 *
 * A file is known by its columns, a machine by the `device` column or the file's name, so that measurements of other
 * shapes, servers, EP sizes and machines are read as these are.
 */
import { parse } from "csv-parse/sync";
import type { BothWays, GpuKernels } from "../lib/hardware/kernels.js";
import { findHardware } from "../lib/hardware/presets.js";
import { collectiveNs, copyNs, lowLatencyNs, networkNs } from "../lib/performance/collective.js";
import { expectedCopies, expectedParts } from "../lib/performance/uniform-copies.js";
import { mean, sum } from "../lib/statistics.js";
import {
  alphaOf,
  axesOf,
  BF16_BYTES,
  bytesOfFormat,
  deepEpBytes,
  machineOf,
  shapeOf,
  USUAL_MACHINE,
  USUAL_UNITS,
  type GpuCase,
  type Reader,
  type Row,
} from "./gpu-case.js";
import { readDeepGemm, readSkewed } from "./gpu-expert-cases.js";
import { readPublished } from "./gpu-published.js";
import { drawHottestGpus } from "./power-law.js";

/** Cases of one file, and how many rows it has. */
export interface GpuCases {
  readonly rows: number;
  readonly cases: readonly GpuCase[];
}

/** Servers that DeepEP's tests keep a token to. */
const MOST_SERVERS = 4;
/** Draws of a skewed router that the mean is taken of. */
const FEW_DRAWS = 6;

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
  const rows = parse<Row>(text, {
    ...{ columns: true, bom: true, trim: true },
    ...{ skip_empty_lines: true, relax_column_count: true, relax_quotes: true },
  });
  if (rows.length === 0) return { rows: 0, cases: [] };
  if ("dispatch_GBps" in rows[0]) return { rows: rows.length, cases: rows.flatMap(readPublished) };
  if (rows.every((row) => readerOf(row) === undefined)) return undefined;
  const cases = rows.flatMap((row, index) => {
    const machine = machineOf(row["device"] ?? "") ?? machineOf(name) ?? USUAL_MACHINE;
    return readCarefully(row, machine)
      .filter(({ measuredNs }) => Number.isFinite(measuredNs) && measuredNs > 0)
      .map((found) => ({
        ...found,
        row: index,
        // One machine has a fabric over many trays.
        machine: found.kernel.startsWith("fabric.") ? "gb200-nvl72" : machine,
        tokens: shapeOf(row).tokens,
        groups: { ...axesOf(row), ...found.groups },
      }));
  });
  return { rows: rows.length, cases };
}

/** None where numbers that a reader needs are missing or make no sense. */
function readCarefully(row: Row, machine: string): ReturnType<Reader> {
  try {
    return readerOf(row)?.(row, machine) ?? [];
  } catch {
    return [];
  }
}

function readerOf(row: Row): Reader | undefined {
  const found = readers.find(([column]) => column in row);
  if (found !== undefined) return found[1];
  if (!("moe_ep_size" in row)) return undefined;
  return /alltoall|dispatch|combine/.test(row["op_name"] ?? "") ? readFabric : readDeepGemm;
}

const ways = ["dispatch", "combine"] as const;

/** GPUs of a server, or of a tray. */
function gpusPerServer(machine: string): number {
  return machine === "gb200-nvl72" ? 4 : 8;
}

function readLowLatency(row: Row, machine: string): ReturnType<Reader> {
  const { hiddenSize, topK, numExperts, tokens, shape } = shapeOf(row);
  const servers = Number(row["node_num"]) || 1;
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
  const servers = Number(row["node_num"]) || 1;
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
    const computeUnits = Number(row[`${way}_sms`]) || USUAL_UNITS;
    const exchange = { tokens, bytesPerCopy: deepEpBytes(hiddenSize, way), numGpus, computeUnits };
    const copies = tokens * expected.gpus;
    return {
      kernel: across ? `acrossServers.${way}` : `normal.${way}`,
      measuredNs: sentNs(row, way),
      groups: { shape, ep: String(numGpus), servers: String(servers), units: String(computeUnits) },
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

/** Sending, and telling what will come, which is no time of its own in one server. */
function sentNs(row: Row, way: keyof BothWays<unknown>): number {
  const transmitUs = Number(row[`${way}_transmit_us`]);
  return transmitUs > 0 ? 1000 * (transmitUs + (Number(row[`${way}_notify_us`]) || 0)) : 0;
}

const fabricOps = [
  [/prepare/, "prepare"],
  [/combine.*low|low.*combine/, "lowPrecisionCombine"],
  [/combine/, "combine"],
] as const;

function readFabric(row: Row, machine: string): ReturnType<Reader> {
  const { hiddenSize, tokens, numGpus, shape } = shapeOf(row);
  const op = fabricOps.find(([names]) => names.test(row["op_name"] ?? ""))?.[1] ?? "dispatch";
  const isTwoSided =
    op === "prepare" || op === "lowPrecisionCombine" || /two/i.test(row["kernel_source"] ?? "");
  const copies = fabricCopies(row);
  const bytesPerCopy = hiddenSize * fabricBytes(op, row["moe_dtype"] ?? "");
  const kernelOf = ({ fabric }: GpuKernels) => {
    if (fabric === undefined) throw new Error("found a machine without a fabric, expected gb200-nvl72");
    if (op === "prepare" || op === "lowPrecisionCombine") return fabric.twoSided[op];
    return fabric[isTwoSided ? "twoSided" : "oneSided"][op];
  };
  // The same kernels over slower links.
  const links = linkRate(machine) / linkRate("gb200-nvl72");
  return [
    {
      kernel: `fabric.${isTwoSided ? "twoSided" : "oneSided"}.${op}`,
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape, ep: String(numGpus), servers: "1" },
      modelNs(kernels) {
        const kernel = kernelOf(kernels);
        const linkBytesPerNs = links * kernel.linkBytesPerNs;
        return copyNs({ ...kernel, linkBytesPerNs }, { tokens, copies, bytesPerCopy, numGpus });
      },
    },
  ];
}

/** Rate of the links of a GPU on its data sheet. */
function linkRate(machine: string): number {
  return findHardware(machine)?.links.chiplet.bytesPerNs.value ?? NaN;
}

/** Copies of the GPU with most: to others with an even router, from others on the hottest GPU with a skewed one. */
function fabricCopies(row: Row): number {
  const { topK, tokens, numExperts, numGpus } = shapeOf(row);
  const others = 1 - 1 / numGpus;
  const distribution = row["distribution"] ?? "";
  const alpha = alphaOf(distribution);
  if (alpha !== undefined) {
    const routing = { tokens: tokens * numGpus, numExperts, topK, numGpus, alpha };
    const hottest = drawHottestGpus({ ...routing, remainder: "fewest first" }, FEW_DRAWS);
    return others * mean(hottest.map((gpu) => gpu.tokens));
  }
  // A balanced router sends every token to as many GPUs as it can.
  const isRandom = /uniform|random/.test(distribution);
  const visited = isRandom ? expectedParts({ numExperts, topK, numParts: numGpus }) : Math.min(numGpus, topK);
  return tokens * visited * others;
}

/** Bytes of a value on the fabric, with its scale. */
function fabricBytes(op: string, format: string): number {
  if (op === "prepare") return 0;
  if (op === "combine") return BF16_BYTES;
  return bytesOfFormat(op === "lowPrecisionCombine" ? "nvfp4" : format);
}

function readCollective(row: Row, machine: string): ReturnType<Reader> {
  const { numGpus } = shapeOf(row);
  const bytes = Number(row["message_size"]) * bytesOfFormat(row["nccl_dtype"] ?? "");
  const op = (row["op_name"] ?? "").replaceAll("_", "").toLowerCase();
  const kinds = collectiveKinds[op];
  if (kinds === undefined) return [];
  const perServer = machine === "gb200-nvl72" ? numGpus : gpusPerServer(machine);
  const elsewhere = Math.max(0, 1 - perServer / numGpus);
  return [
    {
      kernel: `collectives.${kinds.length > 1 ? "allReduce" : kinds[0]}`,
      measuredNs: 1e6 * Number(row["latency"]),
      groups: { shape: row["nccl_dtype"] ?? "", ep: String(numGpus), servers: "1" },
      modelNs: ({ collectives, adapterBytesPerNs }) =>
        sum(
          kinds.map((kind) => {
            // Each adapter of a server brings its share of what all GPUs get, or what its own GPU alone gets.
            const networkBytes = (bytes * elsewhere) / (kind === "allToAll" ? 1 : perServer);
            return Math.max(
              collectiveNs(collectives[kind], bytes, numGpus),
              networkBytes / adapterBytesPerNs,
            );
          }),
        ),
    },
  ];
}

const collectiveKinds: Readonly<Record<string, readonly (keyof GpuKernels["collectives"])[] | undefined>> = {
  alltoall: ["allToAll"],
  allgather: ["allGather"],
  reducescatter: ["reduceScatter"],
  allreduce: ["reduceScatter", "allGather"],
};
