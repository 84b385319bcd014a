import { InputError } from "../errors.js";
import type { Placement } from "../placement/placement.js";
import { verifyPlacement } from "../placement/verify-placement.js";
import { adviceNotes, checkEngine, engineAdvice, type EngineAdvice } from "./engine-advice.js";
import type { Engine } from "./engine.js";
import { engineOf } from "./engines.js";
import { fitEngine } from "./fit-engine.js";
import { lookAt } from "./foreign-content.js";
import type { ExportOptions, PlacementFormat } from "./placement-format.js";
import { moeLayers, type ModelLayers } from "../hardware/model-layers.js";
import { completeModelLayers } from "./model-layers.js";
import { readForeign } from "./read-foreign.js";

/** A file written for an engine, not yet on disk. */
export interface PlacementExport {
  readonly data: string | Uint8Array;
  /** What was assumed, filled in or forced, and what the engine makes of it: one sentence each. */
  readonly notes: readonly string[];
  /** How to load the file; undefined where no engine is known for the format. */
  readonly advice: EngineAdvice | undefined;
}

/**
 * Writes a placement in the format of an engine, reads it back and compares before handing it out.
 *
 * @throws InputError if the placement is unsound, does not meet what the engine needs, or the engine will not obey it.
 *
 * @example
 * const { advice } = await exportPlacement(placement, vllmAscend, { numHiddenLayers: 3, firstMoeLayer: 1 });
 * advice.engine; // "vllm-ascend"
 */
export async function exportPlacement(
  placement: Placement,
  format: PlacementFormat,
  options: ExportOptions = {},
): Promise<PlacementExport> {
  const violations = verifyPlacement(placement);
  if (violations.length > 0) throw new InputError(`placement: ${violations[0]}`);
  const notes = checkEngine(placement, format, options).map((complaint) => `forced: ${complaint}`);
  const note = (sentence: string) => void notes.push(sentence);
  const modelLayers = completeModelLayers(
    placement,
    options,
    format.needs.layers === "all" ? note : undefined,
  );
  const known = { ...options, ...modelLayers };
  const fitted = fitEngine(placement, format, { ...known, note });
  const placed = new Set(placement.layers.map(({ layer }) => layer));
  const filledLayers = fitted.layers.map(({ layer }) => layer).filter((layer) => !placed.has(layer));
  for (const sentence of partlyPlaced(placement, modelLayers, engineOf(format.name, options.engine)))
    note(sentence);
  const data = await format.write(fitted, { ...known, filledLayers });
  await verifyExport(data, { fitted, modelLayers }, format);
  const advice = engineAdvice(fitted, format, options);
  return { data, notes: advice === undefined ? notes : notes.concat(adviceNotes(advice)), advice };
}

/** What is told of the whole model goes for layers like those placed, and an engine runs all of them. */
function partlyPlaced({ layers }: Placement, modelLayers: ModelLayers, engine: Engine | undefined): string[] {
  const wanted = moeLayers(modelLayers).length;
  if (engine?.key === undefined || layers.length >= wanted) return [];
  return [
    `${layers.length} of ${wanted} MoE layers have a placement; tokens/s of the whole model are told as if all were placed like these`,
  ];
}

/** Reads the file written and finds the same placement in it, or else the format has a bug. */
async function verifyExport(
  data: string | Uint8Array,
  { fitted, modelLayers }: { fitted: Placement; modelLayers: ModelLayers },
  format: PlacementFormat,
): Promise<void> {
  if (format.read === undefined) return;
  const content = lookAt(typeof data === "string" ? new TextEncoder().encode(data) : data);
  const { numExperts, numChiplets } = fitted;
  const { placement, violations } = await readForeign(content, format, {
    numExperts,
    numChiplets,
    ...modelLayers,
  });
  if (violations.length > 0) throw new Error(`${format.name}: wrote a file with a fault: ${violations[0]}`);
  // A format of one placement does not tell its layer.
  const compared = ({ layers }: Placement) =>
    JSON.stringify(format.needs.layers === "one" ? layers[0].chiplets : layers);
  if (placement === undefined || compared(placement) !== compared(fitted))
    throw new Error(`${format.name}: wrote a file that reads back as another placement`);
}
