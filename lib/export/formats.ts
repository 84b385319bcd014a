import { csv } from "./csv.js";
import type { PlacementFormat } from "./placement-format.js";
import { sglang } from "./sglang.js";
import { vllm } from "./vllm.js";

/** Every file format a placement can be exported to, in the order in which help shows them. */
export const placementFormats: readonly PlacementFormat[] = [sglang, vllm, csv];

/** Finds a format by name. */
export function findFormat(name: string): PlacementFormat | undefined {
  return placementFormats.find((format) => format.name === name);
}
