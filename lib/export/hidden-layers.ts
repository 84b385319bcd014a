import { describeValue } from "../describe-value.js";
import type { Placement } from "../placement/placement.js";
import { moeLayers } from "../hardware/model-layers.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import type { ReadOptions, Report } from "./placement-format.js";

/**
 * Rows of slots for every *hidden* layer, as engines take them that count dense layers too.
 *
 * Rows of dense layers are never used, only counted; they hold the trivial map, slot p = expert p mod E.
 *
 * @returns Expert of every slot. Shape [numHiddenLayers, numSlots].
 */
export function rowsOfHiddenLayers(
  { layers, numExperts, numChiplets, slotsPerChiplet }: Placement & { readonly slotsPerChiplet: number },
  numHiddenLayers: number,
): number[][] {
  const trivial = Array.from({ length: numChiplets * slotsPerChiplet }, (_, slot) => slot % numExperts);
  const slotsOf = new Map(layers.map(({ layer, chiplets }) => [layer, expertsOfSlots(chiplets)]));
  return Array.from({ length: numHiddenLayers }, (_, layer) => slotsOf.get(layer) ?? trivial);
}

/**
 * Reads rows of slots for every hidden layer back.
 *
 * @param rows Meant to be lists of expert ids, all of one length.
 * @param report Told of another number of rows than the model has layers, and of rows that do not fit the others.
 */
export function fillHiddenLayers(
  rows: readonly unknown[],
  options: ReadOptions & { format: string },
  report: Report,
): Placement | undefined {
  const { numHiddenLayers = rows.length, firstMoeLayer = 0, moeLayerStep = 1 } = options;
  if (rows.length !== numHiddenLayers) {
    report(
      `found ${rows.length} rows, expected ${numHiddenLayers}, one for every hidden layer, dense ones too`,
    );
  }
  const isMoe = new Set(moeLayers({ numHiddenLayers: rows.length, firstMoeLayer, moeLayerStep }));
  const all = rows.map((slots: unknown, layer) => ({ layer, slots }));
  const placement = fillSlots(
    all.filter(({ layer }) => isMoe.has(layer)),
    options,
    report,
  );
  const numSlots = placement?.layers[0].chiplets.flat().length;
  for (const { layer, slots } of all) {
    // Engines make one tensor of all rows: those of dense layers have to fit it too.
    if (
      !isMoe.has(layer) &&
      (!Array.isArray(slots) || (numSlots !== undefined && slots.length !== numSlots))
    ) {
      report(`layer ${layer}: found ${describeValue(slots)}, expected as many slots as in the MoE layers`);
    }
  }
  return placement;
}
