import { InputError } from "../errors.js";
import { posedSlots, type PlacementRequest } from "../flows/pose.js";
import type { DispatchModel } from "../placement/dispatch.js";
import { checkSharedExperts, modelComplaints } from "./engine-advice.js";
import { formatUnequal } from "./engine.js";
import { unequalFormats } from "./engines.js";
import type { EngineTarget } from "./engine-target.js";
import { moeLayers, type KnownModelLayers } from "../hardware/model-layers.js";
import { completeModelLayers, formatLayers } from "./model-layers.js";
import { routerGroups } from "./router-groups.js";

/** What is to be placed for an engine. */
export interface AimedModel {
  readonly model: string | undefined;
  readonly numExperts: number;
  /** How many of them, the last ones, are shared; default none. */
  readonly sharedExperts?: number | undefined;
  /** EP ranks. */
  readonly numChiplets: number;
  /** Numbers of the layers that have a trace, ascending. */
  readonly layers: readonly number[];
  /** Layers of the model, where its name does not tell them. */
  readonly modelLayers?: KnownModelLayers | undefined;
}

/**
 * Makes a request one whose placement the engine can load: dispatch and slots as it has them, nothing that its file lacks.
 *
 * Where a file needs equal slots and holds replicas, slots that would stay empty get more of them. That no expert is on a
 * rank twice holds for every placement.
 *
 * @returns The request, and what was changed or will be asked at export, one sentence each.
 * @throws InputError if the engine cannot serve what is asked for, unless `force` is set where it would serve it otherwise.
 *
 * @example
 * const aimed = { model: "qwen1.5-moe", numExperts: 60, numChiplets: 16, layers: [0] };
 * const { request } = aimAtEngine({}, findTarget("sglang"), aimed);
 * request.dispatch; // "sglang-static"
 * request.numReplicas; // 4, so that every rank has 4 slots
 */
export function aimAtEngine(
  request: PlacementRequest,
  target: EngineTarget,
  { force = false, ...aimed }: AimedModel & { readonly force?: boolean },
): { readonly request: PlacementRequest; readonly notes: readonly string[] } {
  const { engine, format } = target;
  const complaint = modelComplaints(engine, aimed.model).at(0);
  if (complaint !== undefined && !force) {
    throw new InputError(`engine: ${complaint}`, "Maybe pass force to place for it all the same.");
  }
  checkSharedExperts(engine, aimed.sharedExperts);
  const numGroups = format.needs.renumbers === true && !force ? routerGroups(aimed.model) : 1;
  const slots = aimedSlots(request, target, aimed);
  const asked = format.asks?.(aimed.model);
  const added = `added ${slots.added} replicas, so that every rank has ${slots.slotsPerChiplet} slots, as ${engine.name} needs`;
  return {
    request: {
      ...request,
      dispatch: aimedDispatch(request.dispatch, target),
      slotsPerChiplet: slots.slotsPerChiplet,
      numReplicas: slots.numReplicas,
      ...(numGroups > 1 && { routerGroups: numGroups }),
      ...(slots.evenSlots && { evenSlots: true }),
      // Slots that are all filled are even.
      ...(slots.added > 0 && { evenSlots: false }),
    },
    notes: [
      `placing for ${engine.name}, whose file is ${format.name}`,
      ...(slots.added > 0 ? [added] : []),
      ...(request.layerReplicas !== undefined && engine.unequalLayers
        ? [
            `layers have replicas of their own, as ${formatUnequal(engine.name, engine.unequalLayers)} takes them`,
          ]
        : []),
      ...(slots.evenSlots ? [`the first ranks hold one expert more, as ${engine.name} deals them`] : []),
      ...(numGroups > 1 ? [keptGroups(target, numGroups)] : []),
      ...(format.needs.layers === "all" ? missingLayers(aimed) : []),
      ...(asked === undefined ? [] : [`at export pass ${asked}`]),
    ],
  };
}

function aimedDispatch(
  asked: DispatchModel | undefined,
  { engine }: EngineTarget,
): DispatchModel | undefined {
  const { dispatch = [], name } = engine;
  if (asked === undefined || dispatch.length === 0 || dispatch.includes(asked))
    return asked ?? dispatch.at(0);
  throw new InputError(
    `dispatch: found ${asked}, expected ${dispatch.join(" or ")}, by which ${name} chooses replicas`,
  );
}

interface AimedSlots {
  readonly slotsPerChiplet?: number;
  readonly numReplicas: number;
  /** Whether experts are dealt as evenly as can be, as engines do it that deal runs of ids. */
  readonly evenSlots?: boolean;
  /** Replicas beyond those asked for. */
  readonly added: number;
}

function aimedSlots(
  request: PlacementRequest,
  { engine, format }: EngineTarget,
  { numExperts, numChiplets }: AimedModel,
): AimedSlots {
  const { slotsPerChiplet: room = Infinity, numReplicas } = posedSlots(request, { numExperts, numChiplets });
  const { equalSlots, noReplicas, runs = false, redundantEach = false } = format.needs;
  if (noReplicas && numReplicas > 0) {
    throw new InputError(
      `numReplicas: found ${numReplicas}, expected none: what ${engine.name} loads (${format.name}) holds each expert once`,
      "Maybe leave out numReplicas and slotsPerChiplet.",
    );
  }
  if (runs && numExperts < numChiplets) {
    throw new InputError(
      `numChiplets: found ${numChiplets} for ${numExperts} experts, expected at most ${numExperts}: ${engine.name} leaves no ` +
        "rank without experts",
    );
  }
  const isEven = numExperts % numChiplets === 0;
  if (!isEven && (redundantEach || (equalSlots && noReplicas && !runs))) {
    const sizes = divisors(numExperts).filter((size) => size > numChiplets / 4 && size < numChiplets * 4);
    throw new InputError(
      `numChiplets: found ${numChiplets} for ${numExperts} experts, expected ranks among which they divide: ` +
        `${engine.name} gives each as many`,
      sizes.length > 0 ? `Maybe pass numChiplets ${sizes.join(", ")}.` : undefined,
    );
  }
  if (request.layerReplicas !== undefined) {
    if (engine.unequalLayers !== undefined) return { numReplicas: 0, added: 0 };
    throw new InputError(
      `layerReplicas: found layers with replicas of their own, expected as many in all: ${engine.name} has as many slots in each`,
      `Maybe pass numReplicas, or place for an engine that takes ${unequalFormats()}.`,
    );
  }
  if (!equalSlots && !runs) {
    return { ...(room < Infinity && { slotsPerChiplet: room }), numReplicas, added: 0 };
  }
  // More room than that would leave slots empty; less is refused where the problem is posed.
  const least = numExperts / numChiplets + (redundantEach ? 1 : 0);
  const each = Math.max(Math.ceil((numExperts + numReplicas) / numChiplets), least);
  const slotsPerChiplet = Math.min(room, Math.ceil(each));
  if (runs) return { slotsPerChiplet, numReplicas, added: 0, ...(!isEven && { evenSlots: true }) };
  const filled = slotsPerChiplet * numChiplets - numExperts;
  return {
    slotsPerChiplet,
    numReplicas: Math.max(filled, numReplicas),
    added: Math.max(0, filled - numReplicas),
  };
}

function divisors(value: number): number[] {
  return Array.from({ length: value }, (_, index) => index + 1).filter((size) => value % size === 0);
}

/** A renumbering must not change what the router sees as a group. */
function keptGroups({ engine, format }: EngineTarget, numGroups: number): string {
  return (
    `keeping the ${numGroups} groups of experts whole among which the router chooses first: ${engine.name} takes ` +
    `${format.name}, which renumbers the experts`
  );
}

function missingLayers(aimed: AimedModel): string[] {
  const { model, numExperts, sharedExperts, numChiplets, layers, modelLayers = {} } = aimed;
  const placed = layers.map((layer) => ({ layer, chiplets: [] }));
  const placement = {
    model,
    numExperts,
    numChiplets,
    layers: placed,
    ...(sharedExperts !== undefined && { sharedExperts }),
  };
  const wanted = moeLayers(completeModelLayers(placement, modelLayers));
  const missing = wanted.filter((layer) => !layers.includes(layer));
  if (missing.length === 0) return [];
  return [
    `the trace lacks MoE layers ${formatLayers(missing)}: at export pass fillLayers to keep them in order`,
  ];
}
