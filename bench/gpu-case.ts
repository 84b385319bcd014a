/** One published measurement: what it is of, and what its columns say. */
import type { BothWays, GpuKernels } from "../lib/hardware/kernels.js";

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
  readonly groups: Groups;
}

/** What a time is of, by axes along which measurements differ. */
export type Groups = { readonly shape: string; readonly ep: string; readonly servers: string } & Readonly<
  Partial<Record<Axis, string>>
>;

/** What measurements of one kernel differ in. */
export const AXES = [
  "shape",
  "hidden",
  "topK",
  "experts",
  "ep",
  "servers",
  "units",
  "tokens",
  "format",
  "router",
] as const;
export type Axis = (typeof AXES)[number];

/** Columns of one row. */
export type Row = Readonly<Record<string, string | undefined>>;

/** The times of a row, on a machine. */
export type Reader = (row: Row, machine: string) => Omit<GpuCase, "row" | "machine" | "tokens">[];

/** What a machine is taken as whose name tells no other. */
export const USUAL_MACHINE = "h100-8x8";
/** Compute units that DeepEP's normal kernels are run with. */
export const USUAL_UNITS = 24;
/** Bytes of a value in BF16. */
export const BF16_BYTES = 2;

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

/** Shape of a layer and of a measurement, by the names that files have for them. */
export function shapeOf(row: Row) {
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

/** Where a row stands on the axes that columns tell whatever the kernel. */
export function axesOf(row: Row): Partial<Record<Axis, string>> {
  const { hiddenSize, topK, numExperts, tokens } = shapeOf(row);
  const size = tokens || Number(row["message_size"]);
  const axes = {
    ...{ hidden: String(hiddenSize), topK: String(topK), experts: String(numExperts) },
    ...(Number.isFinite(size) && { tokens: regimeOf(size, Number.isFinite(tokens) ? 1 : 4096) }),
    ...{ format: row["moe_dtype"] ?? row["nccl_dtype"], router: row["distribution"] },
    units: row["dispatch_sms"],
  };
  return Object.fromEntries(
    Object.entries(axes).filter(([, value]) => value !== undefined && value !== "NaN"),
  );
}

/** Few, some, many or very many of something: each a regime in which something else binds. */
function regimeOf(size: number, unit: number): string {
  const found = [16, 128, 1024].findIndex((most) => size <= most * unit);
  return ["few", "some", "many"][found] ?? "very many";
}

/** Bytes of a token on the wire: FP8 with a scale of 4 bytes for 128 values, or BF16 on the way back. */
export function deepEpBytes(hiddenSize: number, way: keyof BothWays<unknown>, headerBytes = 0): number {
  return way === "dispatch" ? hiddenSize * (1 + 4 / 128) + headerBytes : hiddenSize * BF16_BYTES;
}

/** Bytes of a value in a format, with its scales. */
export function bytesOfFormat(format: string): number {
  if (/fp4|w4|int4/i.test(format)) return 1 / 2 + 1 / 16;
  if (/^float$|32/i.test(format)) return 4;
  return /fp8|int8|e4m3|e5m2/i.test(format) ? 1 : BF16_BYTES;
}

/** Exponent of `power_law_1.2` or `power_law_1.2_eplb`; undefined where the router is even. */
export function alphaOf(distribution: string): number | undefined {
  const found = /power_law_([\d.]+)/.exec(distribution);
  if (found === null) return undefined;
  // The law's antiderivative is a logarithm at exactly 1.
  return Number(found[1]) === 1 ? 1.0001 : Number(found[1]);
}
