import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import type { Machine } from "../hardware/machine.js";
import { expertBytes, type ModelShape } from "../hardware/model-shapes.js";
import { searchedBatch } from "../performance/batch-windows.js";
import { groupCapacity } from "../performance/memory.js";
import {
  limitsOfLayer,
  requestedLimits,
  type LayerScale,
  type PlacementLimits,
  type RequestedLimits,
} from "../placement/constraints.js";
import { defaultDispatch } from "../placement/default-dispatch.js";
import type { DispatchModel } from "../placement/dispatch.js";
import { numberingOf, type AskedNumbering } from "../placement/numbering.js";
import { OBJECTIVES, type Objective } from "../placement/objective.js";
import { createProblem, type Pin, type PlacementProblem, type ProblemOptions } from "../placement/problem.js";
import type { LayerLoad, LoadTrace } from "../trace/load-trace.js";
import { countChoices, type LayerTrace, type RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns, collectWindow, type TokenPatterns } from "../trace/token-patterns.js";
import { sum } from "../statistics.js";
import { unknownName } from "../unknown-name.js";

/** A machine, of which the model need not be known. */
export interface PosedMachine extends Omit<Machine, "shape"> {
  readonly shape?: ModelShape | undefined;
}

/** What is asked of a placement besides its machine. */
export interface PlacementRequest extends RequestedLimits, AskedNumbering {
  /** Default traffic; `place` and `compare` choose as `chooseObjective` does. */
  readonly objective?: Objective["minimise"] | undefined;
  /** Room on every chiplet, in experts; default as many as are needed. */
  readonly slotsPerChiplet?: number | undefined;
  /** Replicas beyond one of every expert, or as many as fill all slots; default none. */
  readonly numReplicas?: number | "fill" | undefined;
  /** Replicas of layers by number, in place of `numReplicas`, where layers share what memories have room for. */
  readonly layerReplicas?: ReadonlyMap<number, number> | undefined;
  /** Default as {@link defaultDispatch} has it for the machine. */
  readonly dispatch?: DispatchModel | undefined;
  readonly pins?: readonly Pin[] | undefined;
  readonly antiAffinity?: readonly (readonly number[])[] | undefined;
}

/** How the layers of a trace become placement problems. */
export interface PosingOptions extends Omit<ProblemOptions, "layer" | "limits">, RequestedLimits {
  /** Most bytes of one layer's expert weights behind a chiplet group's memory; no limit by default. */
  readonly groupBytes?: number | undefined;
  /** Replicas of layers by number, in place of `numReplicas`. */
  readonly layerReplicas?: ReadonlyMap<number, number> | undefined;
}

/**
 * Poses what is asked of a placement on a machine, the room of its memories included.
 *
 * @throws InputError if time is to be minimised and the sizes of the model are not known, or the objective has no such name.
 *
 * @example
 * poseFor(trace, { hardware, shape }, { numReplicas: 8 }).numChiplets; // 16
 */
export function poseFor(
  { numExperts }: { readonly numExperts: number },
  machine: PosedMachine,
  request: PlacementRequest = {},
): PosingOptions {
  const { hardware, shape } = machine;
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const { objective = "traffic", dispatch, layerReplicas } = request;
  const slots = posedSlots(request, { numExperts, numChiplets });
  return {
    numChiplets,
    numGroups: hardware.numGroups,
    ...slots,
    dispatch: dispatch ?? defaultDispatch(hardware),
    ...(shape && { expertBytes: new Float64Array(numExperts).fill(expertBytes(shape)) }),
    groupBytes: shape && (layerReplicas ? Infinity : roomForWeights({ hardware, shape }, numExperts, slots)),
    layerReplicas,
    ...requestedLimits(request),
    objective: objectiveOn(objective, machine),
    pins: request.pins ?? [],
    antiAffinity: request.antiAffinity ?? [],
    ...numberingOf(request),
  };
}

/** Bytes of weights behind a chiplet group; no limit where replicas are asked for and all slots, filled, fit. */
function roomForWeights(
  { hardware, shape }: { hardware: Machine["hardware"]; shape: ModelShape },
  numExperts: number,
  { slotsPerChiplet, numReplicas }: ReturnType<typeof posedSlots>,
): number | undefined {
  const { groupBytes } = groupCapacity(hardware, { ...shape, numExperts }, { numReplicas });
  const { numGroups, chipletsPerGroup } = hardware;
  const slots = slotsPerChiplet ?? Math.ceil((numExperts + numReplicas) / (numGroups * chipletsPerGroup));
  const isBinding = numReplicas === 0 || chipletsPerGroup * slots * expertBytes(shape) > groupBytes;
  return isBinding ? groupBytes : undefined;
}

/** Room on a chiplet and replicas beyond one of every expert. */
export function posedSlots(
  { slotsPerChiplet, numReplicas = 0 }: Pick<PlacementRequest, "slotsPerChiplet" | "numReplicas">,
  { numExperts, numChiplets }: { readonly numExperts: number; readonly numChiplets: number },
): { slotsPerChiplet: number | undefined; numReplicas: number } {
  if (numReplicas !== "fill") return { slotsPerChiplet, numReplicas };
  const perChiplet = slotsPerChiplet ?? Math.ceil(numExperts / numChiplets);
  return {
    slotsPerChiplet: perChiplet,
    numReplicas: Math.max(0, perChiplet * numChiplets - numExperts),
  };
}

function objectiveOn(minimise: Objective["minimise"], { shape, ...machine }: PosedMachine): Objective {
  // Programs in JavaScript may ask for what no type allows, such as a word of the command line.
  if (!OBJECTIVES.includes(minimise)) {
    const found: unknown = minimise;
    throw unknownName("objective", {
      found: typeof found === "string" ? found : describeValue(found),
      known: OBJECTIVES,
      ...(found === "balance" && { advice: "Maybe pass load, which the command line calls balance." }),
    });
  }
  if (minimise !== "time") return { minimise };
  if (shape !== undefined) return { minimise, machine: { ...machine, shape } };
  throw new InputError(
    "objective: found time, expected a model whose sizes are known",
    "Maybe pass model NAME.",
  );
}

/** Poses every layer of a trace, or of loads without tokens. */
export function poseLayers(trace: RoutingTrace | LoadTrace, options: PosingOptions): PlacementProblem[] {
  return isRoutingTrace(trace)
    ? trace.layers.map((layer) => poseLayer(trace, layer, options))
    : trace.layers.map((layer) => poseLoads(layer, options));
}

/** Whether a trace tells what tokens chose together, and not only how often each expert was chosen. */
export function isRoutingTrace(trace: RoutingTrace | LoadTrace): trace is RoutingTrace {
  return "topK" in trace;
}

/** Poses the placement problem of one layer of a trace. */
export function poseLayer(trace: RoutingTrace, layer: LayerTrace, options: PosingOptions): PlacementProblem {
  const meanLoad = countChoices(layer) / options.numChiplets;
  return createProblem(collectPatterns(layer, trace), {
    ...options,
    batches: batchesOf(trace, layer, options),
    numReplicas: replicasOf(layer, options),
    layer: layer.layer,
    limits: limitsUnder(options, { meanLoad, tokens: layer.numTokens }),
  });
}

/**
 * Steps that are searched on, evenly spread over a trace: more are no better on held-out tokens, and take as much longer. Of short
 * traces they overlap, so that less is learned of where one begins by chance.
 */
const NUM_BATCHES = 32;

/** The tokens of a layer as steps take them, where time is asked for and the trace is long enough for some. */
function batchesOf(
  trace: RoutingTrace,
  layer: LayerTrace,
  { objective = { minimise: "traffic" } }: PosingOptions,
): TokenPatterns[] {
  if (objective.minimise !== "time") return [];
  const tokens = searchedBatch(layer.numTokens, objective.machine);
  if (tokens === undefined) return [];
  const apart = (layer.numTokens - tokens) / (NUM_BATCHES - 1);
  return Array.from({ length: NUM_BATCHES }, (_, batch) =>
    collectWindow(layer, trace, { start: Math.floor(batch * apart), tokens }),
  );
}

/**
 * Poses the placement problem of one layer of loads, to minimise the largest load of a chiplet.
 *
 * To a solver every choice of an expert is a token of its own, so that loads and their balance are true, and C_T, which
 * nobody can know, is the same for all placements. Replicas share their expert's load evenly.
 */
export function poseLoads({ layer, load }: LayerLoad, options: PosingOptions): PlacementProblem {
  const patterns = patternsOfLoads(load);
  const meanLoad = patterns.numTokens / options.numChiplets;
  return createProblem(patterns, {
    ...options,
    numReplicas: replicasOf({ layer }, options),
    dispatch: "uniform",
    objective: { minimise: "load" },
    layer,
    limits: limitsUnder(options, { meanLoad, tokens: undefined }),
  });
}

function replicasOf({ layer }: { readonly layer: number }, options: PosingOptions): number {
  return options.layerReplicas?.get(layer) ?? options.numReplicas ?? 0;
}

function limitsUnder(
  { groupBytes = Infinity, ...asked }: PosingOptions,
  scale: LayerScale,
): Partial<PlacementLimits> {
  return { groupBytes, ...limitsOfLayer(asked, scale) };
}

/** A pattern for every expert that has load. Loads that are no counts, or whose sum needs more than 31 bits, are scaled. */
function patternsOfLoads(load: Float64Array): TokenPatterns {
  // Solvers add up the loads of a chiplet, which may be all of them, in 32 bits.
  const total = sum(load);
  const isCounted = total < 2 ** 31 && load.every((expertLoad) => Number.isInteger(expertLoad));
  const scale = isCounted ? 1 : 2 ** 30 / total;
  const counts = Uint32Array.from(load, (expertLoad) => Math.round(expertLoad * scale));
  const experts = Uint16Array.from(counts.keys()).filter((expert) => counts[expert] > 0);
  return {
    numExperts: load.length,
    numPatterns: experts.length,
    numTokens: sum(counts),
    offsets: Uint32Array.from({ length: experts.length + 1 }, (_, pattern) => pattern),
    experts,
    counts: counts.filter((count) => count > 0),
  };
}
