import type { Hardware } from "../hardware/hardware.js";
import type { DispatchModel } from "./dispatch.js";

/**
 * How tokens choose among replicas unless told otherwise: on GPUs any with equal chance, as EPLB balances for and no serving
 * engine does better; on chiplets, whose root sees all experts of a token, the nearest to the others.
 *
 * @param engine What the engine does that will load the placement, where one is known.
 *
 * @example
 * defaultDispatch(findHardware("h100-8x8")); // "uniform"
 */
export function defaultDispatch(
  { tokensStart }: Pick<Hardware, "tokensStart">,
  engine?: DispatchModel,
): DispatchModel {
  return engine ?? (tokensStart === "everywhere" ? "uniform" : "nearest");
}
