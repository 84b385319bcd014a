import { InputError } from "../errors.js";
import type { Chiplets, LayerPlacement, Placement } from "../placement/placement.js";
import { moeLayers, type ModelLayers } from "../hardware/model-layers.js";
import { formatLayers } from "./model-layers.js";
import { runLengths } from "./physical-slots.js";
import { takesUnequalLayers } from "./engine.js";
import { engineOf, unequalFormats } from "./engines.js";
import type { ExportOptions, PlacementFormat } from "./placement-format.js";
import { largest } from "../statistics.js";

/** Options of {@link fitEngine}. */
export type FitOptions = ExportOptions &
  ModelLayers & {
    /** Told of everything assumed or filled in. */
    note?: (sentence: string) => void;
  };

/**
 * Makes a sound placement fit for the format of an engine: its layers complete, its slots equal, as the format needs it.
 *
 * Nothing is mended silently: empty slots and missing layers are filled only where the options say so.
 *
 * @throws InputError if the placement does not meet what the format needs.
 */
export function fitEngine(
  placement: Placement,
  format: PlacementFormat,
  options: FitOptions,
): Placement & { readonly slotsPerChiplet: number } {
  const { needs, name } = format;
  const chosen = chooseLayers(placement, format, options);
  const slotsPerChiplet = largest(chosen.flatMap(({ chiplets }) => chiplets.map(({ length }) => length)));
  const context = {
    ...options,
    numExperts: placement.numExperts,
    slotsPerChiplet,
    name,
    noReplicas: needs.noReplicas,
  };
  const complete =
    needs.layers === "all" ? completeLayers(chosen, moeLayers(options), { ...context, format }) : chosen;
  const engine = engineOf(name, options.engine);
  const mayDiffer = engine !== undefined && takesUnequalLayers(engine, options.engineVersion);
  const layers = needs.equalSlots
    ? complete.map((layer) => equalizeSlots(layer, mayDiffer ? ownSlots(layer, context) : context))
    : complete;
  if (needs.noReplicas && layers.some(({ chiplets }) => chiplets.flat().length > placement.numExperts)) {
    throw new InputError(
      `${name}: found replicas, expected every expert on one chiplet: the format holds no more`,
    );
  }
  if (needs.runs === true) for (const layer of layers) checkRuns(layer, placement.numExperts, name);
  return { ...placement, layers, slotsPerChiplet };
}

/**
 * Fills the empty slots of one layer with replicas of its busiest experts.
 *
 * Slot by slot, the expert with the most tokens a replica gets one more on the chiplet of the least load that has room
 * and lacks it, as EPLB would with these slots. Engines spread an expert's tokens over its replicas, so the token
 * replication of the filled placement is not the one the placement was made for.
 *
 * @param load Tokens that chose each expert; without it all count alike. Shape [numExperts].
 * @param slotsPerChiplet At most the number of experts.
 */
export function fillEmptySlots(
  chiplets: Chiplets,
  load: ArrayLike<number>,
  slotsPerChiplet: number,
): number[][] {
  const filled = chiplets.map((experts) => new Set(experts));
  const holders: number[][] = Array.from({ length: load.length }, () => []);
  for (const [chiplet, experts] of filled.entries())
    for (const expert of experts) holders[expert].push(chiplet);
  const share = (expert: number) => load[expert] / holders[expert].length;
  const isBusier = (a: number, b: number) =>
    (share(a) - share(b) || holders[b].length - holders[a].length) > 0;
  const loadOf = (experts: Iterable<number>) => {
    let total = 0;
    for (const expert of experts) total += share(expert);
    return total;
  };
  const chipletLoad = filled.map(loadOf);
  const open = [...filled.keys()].filter((chiplet) => filled[chiplet].size < slotsPerChiplet);
  while (open.length > 0) {
    let busiest = -1;
    for (let expert = 0; expert < load.length; expert++) {
      const isBetter = busiest < 0 || isBusier(expert, busiest);
      if (isBetter && open.some((chiplet) => !filled[chiplet].has(expert))) busiest = expert;
    }
    if (busiest < 0) throw new Error("more slots on a chiplet than experts");
    const fitting = open.filter((chiplet) => !filled[chiplet].has(busiest));
    const target = fitting.reduce((least, next) => (chipletLoad[next] < chipletLoad[least] ? next : least));
    filled[target].add(busiest);
    holders[busiest].push(target);
    for (const chiplet of holders[busiest]) chipletLoad[chiplet] = loadOf(filled[chiplet]);
    if (filled[target].size === slotsPerChiplet) open.splice(open.indexOf(target), 1);
  }
  return filled.map((experts) => [...experts].sort((a, b) => a - b));
}

function checkRuns({ layer, chiplets }: LayerPlacement, numExperts: number, name: string): void {
  const lengths = runLengths(numExperts, chiplets.length);
  const misfit = chiplets.findIndex((experts, chiplet) => experts.length !== lengths[chiplet]);
  if (misfit === -1) return;
  throw new InputError(
    `${name}: layer ${layer}: chiplet ${misfit} holds ${chiplets[misfit].length} experts, expected ${lengths[misfit]}: ` +
      "engines give every rank a run of ids, the longer ones to the first ranks",
  );
}

type FitContext = FitOptions & {
  numExperts: number;
  slotsPerChiplet: number;
  name: string;
  noReplicas: boolean;
};

/** The layers to write: all, or the one that formats of one placement hold. */
function chooseLayers(
  { layers }: Placement,
  { needs, name }: PlacementFormat,
  options: ExportOptions,
): LayerPlacement[] {
  const known = layers.map(({ layer, chiplets }) => ({ layer, chiplets }));
  if (needs.layers !== "one") return known;
  if (options.layer !== undefined) {
    const chosen = known.filter(({ layer }) => layer === options.layer);
    if (chosen.length === 1) return chosen;
    throw new InputError(
      `layer: found ${options.layer}, expected one of ${formatLayers(known.map(({ layer }) => layer))}`,
    );
  }
  const [first] = known;
  if (known.some(({ chiplets }) => JSON.stringify(chiplets) !== JSON.stringify(first.chiplets))) {
    throw new InputError(
      `${name}: found layers that differ, expected one placement: the format holds no more`,
      "Maybe pass layer to choose one.",
    );
  }
  return [first];
}

function completeLayers(
  layers: readonly LayerPlacement[],
  wanted: readonly number[],
  context: FitContext & { readonly format: PlacementFormat },
) {
  const { name, fillLayers, note, numExperts, slotsPerChiplet, noReplicas, format } = context;
  const stray = layers.find(({ layer }) => !wanted.includes(layer));
  if (stray !== undefined) {
    throw new InputError(
      `${name}: layer ${stray.layer}: found a placement, expected ${wanted.length > 0 ? `only MoE layers, ${formatLayers(wanted)}` : "none, as there is no MoE layer so"}`,
      strayAdvice(layers, wanted),
    );
  }
  const placed = new Map(layers.map((layer) => [layer.layer, layer]));
  const missing = wanted.filter((layer) => !placed.has(layer));
  if (missing.length === 0) return layers;
  if (fillLayers !== true) {
    throw new InputError(
      `${name}: found no placement for layers ${formatLayers(missing)}, expected one for every MoE layer`,
      missingAdvice(layers),
    );
  }
  const filled = formatLayers(missing);
  note?.(
    format.describeFilled?.(filled) ?? `placed the experts of layers ${filled} in the order of their ids`,
  );
  // What engines do by default: slot p holds expert p mod numExperts; without replicas slots beyond the experts stay empty.
  const inOrder = layers[0].chiplets.map((_, chiplet) =>
    Array.from({ length: slotsPerChiplet }, (__, slot) => chiplet * slotsPerChiplet + slot)
      .filter((slot) => !noReplicas || slot < numExperts)
      .map((slot) => slot % numExperts)
      .sort((a, b) => a - b),
  );
  return wanted.map((layer) => placed.get(layer) ?? { layer, chiplets: inOrder });
}

/** Layers numbered from the first MoE layer are as many as the model's, or at least stay that many when shifted. */
function strayAdvice(layers: readonly LayerPlacement[], wanted: readonly number[]): string {
  const offset = wanted[0] - layers[0].layer;
  const isShifted = offset > 0 && layers.every(({ layer }) => wanted.includes(layer + offset));
  return isShifted
    ? `Maybe the trace numbers layers from the first MoE layer: place again, and pass layerOffset ${offset}.`
    : "Maybe put right numHiddenLayers, firstMoeLayer or moeLayerStep.";
}

/** Models that interleave dense layers have experts in every second to fourth; layers further apart were picked. */
const MOST_STEP = 4;

function missingAdvice(layers: readonly LayerPlacement[]): string {
  const steps = new Set(layers.slice(1).map(({ layer }, index) => layer - layers[index].layer));
  const [step] = steps;
  return steps.size === 1 && step > 1 && step <= MOST_STEP
    ? `Maybe only one layer in ${step} has experts: pass moeLayerStep ${step}. Where the trace lacks layers, pass fillLayers.`
    : "Maybe pass fillLayers to place their experts in the order of their ids.";
}

/** Slots of a layer that need not be those of the others. */
function ownSlots({ chiplets }: LayerPlacement, context: FitContext): FitContext {
  return { ...context, slotsPerChiplet: largest(chiplets.map(({ length }) => length)) };
}

function equalizeSlots({ layer, chiplets }: LayerPlacement, context: FitContext): LayerPlacement {
  const { numExperts, slotsPerChiplet, name, fillEmpty, loads, note } = context;
  const short = chiplets.findIndex((experts) => experts.length < slotsPerChiplet);
  if (short === -1) return { layer, chiplets };
  if (fillEmpty !== true) {
    const isEven = chiplets.every(({ length }) => length === chiplets[0].length);
    if (isEven) {
      throw new InputError(
        `${name}: layer ${layer}: found ${chiplets[0].length} slots on every chiplet, expected ${slotsPerChiplet} as in other ` +
          "layers: the engine has as many in all",
        `Maybe export for one whose layers may differ, ${unequalFormats()}, or pass fillEmpty to fill the others up.`,
      );
    }
    throw new InputError(
      `${name}: layer ${layer}: chiplet ${short} holds ${chiplets[short].length} experts, expected ` +
        `${slotsPerChiplet} as on the fullest: the engine has no empty slots`,
      "Maybe pass fillEmpty to replicate the busiest experts into the empty slots.",
    );
  }
  const load = loads?.get(layer);
  const numEmpty = chiplets.length * slotsPerChiplet - chiplets.flat().length;
  note?.(
    `layer ${layer}: filled ${numEmpty} empty slots with replicas of ` +
      (load ? "the busiest experts" : "experts of unknown load"),
  );
  return {
    layer,
    chiplets: fillEmptySlots(chiplets, load ?? new Float64Array(numExperts).fill(1), slotsPerChiplet),
  };
}
