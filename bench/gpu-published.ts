/**
 * Single figures that READMEs and blogs print, of DeepEP and other kernels, as cases for the same model.
 *
 * Nothing is fitted to them but what EFA adds, to two of them, and a host's calls, to two more; the H800 has the rate of NVLink that its source states.
 */

import { plainNumbers } from "../lib/hardware/constant.js";
import type { BothWays, FabricKernels, GpuKernels } from "../lib/hardware/kernels.js";
import { findHardware } from "../lib/hardware/presets.js";
import { copyNs, lowLatencyNs, networkNs } from "../lib/performance/collective.js";
import { expectedCopies } from "../lib/performance/uniform-copies.js";
import { ascendKernels } from "./ascend.js";
import {
  bytesOfFormat,
  deepEpBytes,
  machineOf,
  USUAL_MACHINE,
  USUAL_UNITS,
  type GpuCase,
  type Row,
} from "./gpu-case.js";

/**
 * What AWS's EFA takes longer than InfiniBand, for each other server, in one exchange: a constant of the adapter's own
 * protocol, which few tokens show and many hide.
 *
 * Fitted to one published exchange (E063: DeepEP V2, 2 servers, 128 tokens), the mean of its two ways.
 */
const EFA_NS_A_SERVER = 34_400;
/**
 * What DeepEP's first kernels take longer there, in one exchange: NVSHMEM hands every copy to a thread of the host, which EFA
 * needs and InfiniBand does not.
 *
 * Fitted to one published exchange (E073: 2 servers, 128 tokens), of whose two ways it is half of what is left.
 */
const EFA_PROXY_NS = 309_000;

/**
 * What Hybrid-EP's "Torch API" takes besides its kernels, in one exchange: every GPU is told all routes, and waits for the host.
 *
 * Fitted to one published exchange each (E027: dispatch in one server; E017: combine over 2 servers).
 */
const TORCH_API_NS = { inside: 166_000, across: 593_000 };

type Way = keyof BothWays<unknown>;

/** A setting as the file's columns give it. */
interface Setting {
  readonly mode: string;
  /** Whose kernels they are. */
  readonly library: string;
  readonly machine: string;
  readonly hasEfa: boolean;
  /** What the row says of its machine's links and adapters, where it does. */
  readonly linkBytesPerNs: number;
  readonly adapterBytesPerNs: number | undefined;
  readonly tokens: number;
  readonly topK: number;
  readonly numExperts: number;
  readonly numGpus: number;
  readonly numServers: number;
  readonly gpusPerServer: number;
  readonly bytes: Readonly<Record<Way, number>>;
  /** Distinct servers and GPUs of a token, its own counted. */
  readonly expected: { readonly servers: number; readonly gpus: number };
}

/** Kernels that let the copy engine move tokens: few compute units bind no more. */
const COPY_ENGINE = /V2|Hybrid/;

/** Cases of one row: dispatch and combine, or both as one time. */
export function readPublished(row: Row, index: number): GpuCase[] {
  const machine = machineOf(row["machine"] ?? "") ?? USUAL_MACHINE;
  const setting = settingOf(row, machine);
  const common = {
    row: index,
    kernel: `published.${classOf(row)}`,
    machine,
    tokens: setting.tokens,
    groups: { shape: setting.mode, ep: String(setting.numGpus), servers: String(setting.numServers) },
  };
  const together = row["note"]?.includes("PLUS combine") === true;
  if (together) {
    return [
      {
        ...common,
        measuredNs: 1000 * Number(row["dispatch_us"]),
        modelNs: (kernels) =>
          exchangeNs(kernels, setting, "dispatch") + exchangeNs(kernels, setting, "combine"),
      },
    ];
  }
  return (["dispatch", "combine"] as const)
    .map((way) => ({
      ...common,
      measuredNs: measuredNs(row, setting, way),
      modelNs: (kernels: GpuKernels) => exchangeNs(kernels, setting, way),
    }))
    .filter(({ measuredNs }) => measuredNs > 0);
}

/** Whose kernels they are. */
function classOf({ mode = "", source = "", machine = "" }: Row): string {
  const found = /UCCL|MORI|pplx|Hybrid-EP|V2|NVSHMEM/.exec(mode)?.[0];
  if (found === "V2" && source.startsWith("awslabs")) return "DeepEP V2 on EFA";
  if (found === "NVSHMEM") return "DeepEP V1 on EFA";
  if (found !== undefined) return found === "V2" ? "DeepEP V2" : found;
  if (machine.includes("Ascend")) return "Ascend";
  return source.includes("TensorRT") ? "TensorRT-LLM" : "DeepEP V1";
}

function settingOf(row: Row, machine: string): Setting {
  const numGpus = Number(row["ep"]);
  const numServers = Number(row["nodes"]) || Math.ceil(numGpus / (Number(row["gpus_per_node"]) || 8));
  const [topK, numExperts] = [Number(row["topk"]), Number(row["experts"])];
  const hiddenSize = Number(row["hidden"]);
  const dispatchFormat = row["dispatch_dtype"] || "fp8";
  const dispatch = /bf16|fp16|fp4/.test(dispatchFormat)
    ? hiddenSize * bytesOfFormat(dispatchFormat)
    : deepEpBytes(hiddenSize, "dispatch");
  const gpusPerServer = numGpus / numServers;
  return {
    mode: row["mode"] ?? "",
    library: classOf(row),
    machine,
    hasEfa: row["machine"]?.includes("EFA") === true,
    linkBytesPerNs: Number(row["intra_GBps"]) || Infinity,
    adapterBytesPerNs: Number(row["inter_GBps_per_gpu"]) || undefined,
    tokens: Number(row["tokens_per_rank"]),
    topK,
    numExperts,
    numGpus,
    numServers,
    gpusPerServer,
    bytes: {
      dispatch: Number(row["dispatch_B_per_copy"]) || dispatch,
      combine: Number(row["combine_B_per_copy"]) || deepEpBytes(hiddenSize, "combine"),
    },
    expected: expectedCopies({
      numExperts,
      topK,
      numServers,
      gpusPerServer,
      // DeepSeek's router keeps a token to 4 servers; a uniform one to none.
      mostServers: row["note"]?.includes("uniform") === true ? numServers : 4,
    }),
  };
}

/** Time, or what follows from a bandwidth and from the bytes that its source counts. */
function measuredNs(row: Row, setting: Setting, way: Way): number {
  const us = Number(row[`${way}_us`]);
  if (us > 0) return 1000 * us;
  const rate = Number(row[`${way}_GBps`]);
  if (!(rate > 0)) return 0;
  const { tokens, topK, expected, numServers, bytes } = setting;
  const perExpert = row["GBps_counts"]?.includes("128*8") === true;
  const copies = perExpert ? topK : numServers > 1 ? expected.servers : expected.gpus;
  return (tokens * copies * bytes[way]) / rate;
}

/** The kernels of the library, where they are not those that a machine was measured with. */
function kernelsOf({ library, machine, numGpus }: Setting, measured: GpuKernels): GpuKernels {
  if (library === "Ascend") return ascendKernels(measured, numGpus);
  if (!COPY_ENGINE.test(library) || machine !== "b200-8x8") return measured;
  // They copy straight from one GPU to another, as the one-sided kernels of a rack of the same GPUs do.
  const fabric = findHardware("gb200-nvl72")?.kernels?.fabric;
  return fabric === undefined ? measured : { ...measured, fabric: plainNumbers<FabricKernels>(fabric) };
}

/** Kernels at the rates that a row prints of its machine. */
function withRates({ linkBytesPerNs: most, adapterBytesPerNs }: Setting, kernels: GpuKernels): GpuKernels {
  const { lowLatency, normal, acrossServers } = kernels;
  const adapters = adapterBytesPerNs === undefined ? 1 : adapterBytesPerNs / kernels.adapterBytesPerNs;
  const link = <T extends { linkBytesPerNs: number }>(kernel: T) => ({
    ...kernel,
    linkBytesPerNs: Math.min(most, kernel.linkBytesPerNs),
  });
  const network = <T extends { networkBytesPerNs: number }>(kernel: T) => ({
    ...kernel,
    networkBytesPerNs: adapters * kernel.networkBytesPerNs,
  });
  return {
    ...kernels,
    lowLatency: {
      dispatch: network(link(lowLatency.dispatch)),
      combine: network(link(lowLatency.combine)),
    },
    normal: { dispatch: link(normal.dispatch), combine: link(normal.combine) },
    acrossServers: { dispatch: network(acrossServers.dispatch), combine: network(acrossServers.combine) },
  };
}

function exchangeNs(measured: GpuKernels, setting: Setting, way: Way): number {
  const { hasEfa, numServers, library } = setting;
  const adapterNs = hasEfa ? EFA_NS_A_SERVER * (numServers - 1) : 0;
  const proxyNs = library === "DeepEP V1 on EFA" ? EFA_PROXY_NS : 0;
  const apiNs = library === "Hybrid-EP" ? TORCH_API_NS[numServers > 1 ? "across" : "inside"] : 0;
  return adapterNs + proxyNs + apiNs + kernelNs(measured, setting, way);
}

function kernelNs(measured: GpuKernels, setting: Setting, way: Way): number {
  const { mode, library, tokens, topK, numExperts, numGpus, numServers, gpusPerServer, expected } = setting;
  const kernels = withRates(setting, kernelsOf(setting, measured));
  const exchange = { tokens, numGpus, bytesPerCopy: setting.bytes[way] };
  const { fabric, computeUnits } = kernels;
  if (mode.includes("perfect router") && fabric !== undefined) {
    const copies = tokens * Math.min(numGpus, topK) * (1 - 1 / numGpus);
    return copyNs(fabric.oneSided[way], { ...exchange, copies });
  }
  // pplx sends a copy to every expert in prefill, too.
  if (/^LL|LL$|pplx|MORI/.test(mode)) {
    return lowLatencyNs(kernels.lowLatency[way], {
      ...exchange,
      topK,
      numExperts,
      gpusPerServer,
      computeUnits,
    });
  }
  const copies = tokens * expected.gpus * (1 - 1 / numGpus);
  if (numServers === 1) {
    return copyNs(
      (numGpus > 8 || COPY_ENGINE.test(library) ? fabric?.oneSided : undefined)?.[way] ?? kernels.normal[way],
      {
        ...exchange,
        copies,
      },
    );
  }
  return networkNs(kernels.acrossServers[way], {
    ...exchange,
    networkCopies: tokens * expected.servers * (1 - 1 / numServers),
    forwardedCopies: tokens * expected.gpus * (1 - 1 / gpusPerServer),
    computeUnits: COPY_ENGINE.test(mode) ? computeUnits : USUAL_UNITS,
  });
}
