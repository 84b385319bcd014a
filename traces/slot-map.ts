import { parseYaml } from "../lib/containers/yaml.js";
import { InputError } from "../lib/errors.js";
import { modelShapes } from "../lib/hardware/model-shapes.js";
import { readText } from "./bytes/file-bytes.js";
import { largest } from "../lib/statistics.js";

/** Which logical expert every physical slot of a running server holds. */
export interface SlotMap {
  readonly numExperts: number;
  /**
   * @returns Shape [numSlots].
   * @throws InputError if the layer is not there.
   */
  expertsOf(layer: number): readonly number[];
}

/** Models of more experts than this are all known by name; smaller numbers may be anything. */
const MAX_SMALL = 32;

/**
 * Reads the placement that a server ran with while it recorded slots: the load balancer file of TensorRT-LLM
 * (`initial_global_assignments`), a `physical_to_logical_map`, or a moeplace placement, whose chiplets list their experts
 * in the order of the slots.
 *
 * @throws InputError if it is none of these.
 */
export async function readSlotMap(path: string): Promise<SlotMap> {
  const { value, excess } = await parseYaml(await readText(path));
  const rows = rowsOf(value);
  if (rows.size === 0) {
    throw new InputError(
      `${path}: found ${excess ?? "no slots of experts"}, expected initial_global_assignments, physical_to_logical_map or a moeplace placement`,
    );
  }
  const numExperts = 1 + largest([...rows.values()].flat(), -1);
  return {
    numExperts,
    expertsOf(layer) {
      const row = rows.get(layer);
      if (row) return row;
      throw new InputError(
        `${path}: found no slots of layer ${layer}, expected those of every layer that was recorded`,
        "Maybe the recording counts layers otherwise; pass layerOffset and read it without placement, or pass another file.",
      );
    },
  };
}

/** What a number of experts and a top-k cannot be taken for without asking: the slots of a server with a load balancer. */
export function mayBeSlots(numExperts: number, topK: number | undefined): boolean {
  const isKnown = modelShapes.some(
    (shape) => shape.numExperts === numExperts && (topK === undefined || shape.topK === topK),
  );
  return numExperts > MAX_SMALL && !isKnown;
}

function rowsOf(content: unknown): Map<number, number[]> {
  const { initial_global_assignments: byLayer, physical_to_logical_map: rows, layers } = recordOf(content);
  const entries: (readonly [number, unknown])[] = Array.isArray(rows)
    ? rows.map((row, layer) => [layer, row] as const)
    : Array.isArray(layers)
      ? layers.flatMap((item) => {
          const { layer, chiplets } = recordOf(item);
          return typeof layer === "number" ? [[layer, slotsOfChiplets(chiplets)] as const] : [];
        })
      : Object.entries(recordOf(byLayer)).map(([layer, row]) => [Number(layer), row] as const);
  return new Map(entries.flatMap(([layer, row]) => (isIds(row) ? [[layer, row] as const] : [])));
}

function slotsOfChiplets(chiplets: unknown): unknown {
  return Array.isArray(chiplets) ? chiplets.flat() : undefined;
}

function isIds(row: unknown): row is number[] {
  return Array.isArray(row) && row.every((id) => Number.isInteger(id) && id >= 0);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
