import type { Hardware } from "../hardware/hardware.js";
import type { DispatchModel } from "./dispatch.js";

/**
 * How tokens choose among replicas unless they or the engine that is aimed at say otherwise: on GPUs any with equal chance, as EPLB balances for and no serving
 * engine does better; on chiplets, whose root sees all experts of a token, the nearest to the others.
 *
 * @example
 * defaultDispatch(findHardware("h100-8x8")); // "uniform"
 */
export function defaultDispatch({ tokensStart }: Pick<Hardware, "tokensStart">): DispatchModel {
  return tokensStart === "everywhere" ? "uniform" : "nearest";
}
