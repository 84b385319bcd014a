import type { Hardware } from "../hardware.js";
import { gb200Rack, h100Servers } from "./gpu.js";
import { mozartDeepseek, mozartOlmoe, mozartQwen3 } from "./mozart.js";
import { ucieWafer } from "./ucie.js";

/** Every machine known by name, in the order in which they are listed to people. */
export const hardwarePresets: readonly Hardware[] = [
  mozartQwen3,
  mozartOlmoe,
  mozartDeepseek,
  ucieWafer,
  h100Servers,
  gb200Rack,
];

/**
 * Finds a machine by name.
 *
 * @example
 * findHardware("h100-8x8")?.numGroups; // 8
 */
export function findHardware(name: string): Hardware | undefined {
  return hardwarePresets.find((hardware) => hardware.name === name);
}
