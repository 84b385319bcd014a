import type { BothWays, GpuKernels } from "../hardware/kernels.js";
import { plainNumbers, type Constant, type Sourced } from "../hardware/constant.js";
import { copyNs, lowLatencyNs, networkNs } from "./collective.js";
import { expertComputeNs } from "./expert-compute.js";
import { fitConstants } from "./fit-constants.js";
import { expectedCopies } from "./uniform-copies.js";
import { largest, mean } from "../statistics.js";

/** What was timed. */
export type TimedKernel =
  | "low-latency-dispatch"
  | "low-latency-combine"
  | "normal-dispatch"
  | "normal-combine"
  | "decode-experts"
  | "prefill-experts";

/** One time of one kernel, with experts chosen at random. */
export interface TimedCase {
  readonly kernel: TimedKernel;
  readonly measuredNs: number;
  /** Of one GPU. */
  readonly tokens: number;
  readonly hiddenSize: number;
  readonly topK: number;
  readonly numExperts: number;
  readonly numGpus: number;
  readonly numServers: number;
  /** A token on the wire. */
  readonly bytesPerCopy: number;
  /** Compute units that communication takes. */
  readonly computeUnits: number;
  /** Inner width of an expert, and bytes of a weight; of experts alone. */
  readonly expertWidth: number;
  readonly bytesPerWeight: number;
}

/** How near the fitted constants of one kernel come. */
export interface Calibration {
  readonly kernel: TimedKernel;
  /** Over how many servers it was timed, where that has constants of its own. */
  readonly servers: "one" | "several" | "any";
  /** Path of the kernel's constants in a machine. */
  readonly path: string;
  readonly numCases: number;
  /** Constants that there were measurements enough for; the others stay. */
  readonly fitted: readonly string[];
  /** Relative errors, absolute values: before, and with the fitted constants. */
  readonly meanErrorBefore: number;
  readonly meanError: number;
  readonly worstError: number;
}

/** Constants of a kernel, those that matter most first, and what no constant can exceed. */
interface Plan {
  readonly path: readonly string[];
  readonly constants: readonly string[];
}

/** Measurements that one constant takes. */
const CASES_A_CONSTANT = 2;
const OVERLAP = [0.5, 8] as const;

/**
 * Fits the constants of a machine's kernels to a user's own timings.
 *
 * Every kernel is fitted on its own cases, beginning at the machine's constants; with few cases only the constants that
 * matter most move, one for each two cases. Time O(cases * constants).
 *
 * @returns The kernels with what was fitted, marked as such, and the errors of each kernel that has cases.
 */
export function calibrateKernels(
  kernels: Sourced<GpuKernels>,
  cases: readonly TimedCase[],
  source: string,
): { kernels: Sourced<GpuKernels>; calibrations: Calibration[] } {
  const changed = structuredClone(kernels);
  const calibrations: Calibration[] = [];
  const isFabric = kernels.fabric !== undefined;
  for (const [, own] of groupByPlan(cases, isFabric)) {
    const plan = planOf(own[0], isFabric);
    const names = plan.constants.slice(0, Math.floor(own.length / CASES_A_CONSTANT));
    const target = constantsAt(changed, plan.path);
    const model = (constants: Readonly<Record<string, number>>) => {
      const plain = plainNumbers<GpuKernels>(changed);
      Object.assign(constantsAt(plain, plan.path), constants);
      return own.map((timed) => timedNs(plain, timed));
    };
    const start = Object.fromEntries(names.map((name) => [name, (target[name] as Constant).value]));
    const before = errorsOf(own, model({}));
    const measured = own.map(({ measuredNs }) => measuredNs);
    const bounds = { overlap: OVERLAP, networkOverlap: OVERLAP };
    const found = names.length === 0 ? {} : fitConstants({ start, bounds, model, measured });
    for (const [name, value] of Object.entries(found)) target[name] = { value, source, trust: "fitted" };
    const after = errorsOf(own, model({}));
    calibrations.push({
      kernel: own[0].kernel,
      servers: serversOf(own[0], isFabric),
      path: plan.path.join("."),
      numCases: own.length,
      fitted: names,
      meanErrorBefore: mean(before),
      meanError: mean(after),
      worstError: largest(after),
    });
  }
  return { kernels: changed, calibrations };
}

/** A time so many times longer or shorter than the machine's is no machine's: its unit is another one. */
const IMPLAUSIBLE_FACTOR = 100;

/**
 * Times that the machine to begin with cannot be brought to: more than 100 times as long as it takes, or as short.
 *
 * @returns The number of each such case, from 0, and its time over the modelled one.
 */
export function implausibleTimes(
  kernels: Sourced<GpuKernels>,
  cases: readonly TimedCase[],
): { readonly index: number; readonly ratio: number }[] {
  const plain = plainNumbers<GpuKernels>(kernels);
  return cases
    .map((timed, index) => ({ index, ratio: timed.measuredNs / timedNs(plain, timed) }))
    .filter(({ ratio }) => Math.max(ratio, 1 / ratio) > IMPLAUSIBLE_FACTOR);
}

/** What the model says of one case; on a fabric all GPUs reach each other as those of one server do. */
export function timedNs(kernels: GpuKernels, timed: TimedCase): number {
  const { tokens, topK, numExperts, numGpus, bytesPerCopy, computeUnits } = timed;
  const numServers = kernels.fabric === undefined ? timed.numServers : 1;
  const way: keyof BothWays<unknown> = timed.kernel.endsWith("combine") ? "combine" : "dispatch";
  const gpusPerServer = numGpus / numServers;
  const exchange = { tokens, bytesPerCopy, numGpus };
  if (timed.kernel.startsWith("low-latency")) {
    const units = kernels.computeUnits;
    return lowLatencyNs(kernels.lowLatency[way], {
      ...exchange,
      topK,
      numExperts,
      gpusPerServer,
      computeUnits: units,
    });
  }
  if (timed.kernel.startsWith("normal")) {
    const expected = expectedCopies({ numExperts, topK, numServers, gpusPerServer, mostServers: numServers });
    if (numServers === 1) {
      const copies = tokens * expected.gpus * (1 - 1 / numGpus);
      if (kernels.fabric !== undefined) return copyNs(kernels.fabric.oneSided[way], { ...exchange, copies });
      return copyNs(kernels.normal[way], { ...exchange, copies, computeUnits });
    }
    return networkNs(kernels.acrossServers[way], {
      ...exchange,
      networkCopies: tokens * expected.servers * (1 - 1 / numServers),
      forwardedCopies: tokens * expected.gpus * (1 - 1 / gpusPerServer),
      computeUnits,
    });
  }
  const kernel = timed.kernel === "decode-experts" ? kernels.experts.decode : kernels.experts.prefill;
  const local = numExperts / numGpus;
  return expertComputeNs(kernel, {
    rows: new Float64Array(local).fill((tokens * topK) / local),
    hiddenSize: timed.hiddenSize,
    expertWidth: timed.expertWidth,
    bytesPerWeight: timed.bytesPerWeight,
  });
}

/** On a fabric all GPUs reach each other as those of one server do, and experts are computed where they are. */
function serversOf({ kernel, numServers }: TimedCase, isFabric: boolean): Calibration["servers"] {
  if (isFabric || kernel.endsWith("experts")) return "any";
  return numServers > 1 ? "several" : "one";
}

function planOf(timed: TimedCase, isFabric: boolean): Plan {
  const { kernel } = timed;
  const across = serversOf(timed, isFabric) === "several";
  const way = kernel.endsWith("combine") ? "combine" : "dispatch";
  if (kernel.startsWith("low-latency")) {
    const inside = ["floorNs", "linkBytesPerNs", "overlap"];
    const network = ["networkFloorNs", "networkBytesPerNs", "networkOverlap"];
    return { path: ["lowLatency", way], constants: across ? network : inside };
  }
  if (kernel.startsWith("normal")) {
    if (isFabric) {
      return {
        path: ["fabric", "oneSided", way],
        constants: ["floorNs", "linkBytesPerNs", "floorNsPerDoubling", "overlap"],
      };
    }
    return across
      ? {
          path: ["acrossServers", way],
          constants: ["floorNs", "networkBytesPerNs", "unitBytesPerNs", "pipelineTokens"],
        }
      : { path: ["normal", way], constants: ["floorNs", "readNsPerByte", "copyNs", "overlap"] };
  }
  return kernel === "decode-experts"
    ? {
        path: ["experts", "decode"],
        constants: ["floorNs", "memoryBytesPerNs", "flopPerNs", "idleExpertNs"],
      }
    : {
        path: ["experts", "prefill"],
        constants: ["floorNs", "flopPerNs", "rowNsPerByte", "memoryBytesPerNs", "hostNs"],
      };
}

function groupByPlan(cases: readonly TimedCase[], isFabric: boolean): Map<string, TimedCase[]> {
  const groups = new Map<string, TimedCase[]>();
  for (const timed of cases) {
    const { path, constants } = planOf(timed, isFabric);
    const name = [...path, ...constants].join(".");
    groups.set(name, [...(groups.get(name) ?? []), timed]);
  }
  return groups;
}

function constantsAt(kernels: object, path: readonly string[]): Record<string, unknown> {
  return path.reduce<object>((part, name) => (part as Record<string, object>)[name], kernels) as Record<
    string,
    unknown
  >;
}

function errorsOf(cases: readonly TimedCase[], modelled: readonly number[]): number[] {
  return cases.map(({ measuredNs }, index) => Math.abs(modelled[index] / measuredNs - 1));
}
