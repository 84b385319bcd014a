import { mi300xServers } from "./amd.js";
import { b200Servers, gb200Rack } from "./blackwell.js";
import { wormholeMesh } from "./chip-mesh.js";
import type { Hardware } from "./hardware.js";
import { h100Servers, h200Servers, h800Servers } from "./hopper.js";
import {
  mozartDeepseek,
  mozartDeepseekCalibrated,
  mozartDeepseekCopies,
  mozartOlmoe,
  mozartOlmoeCalibrated,
  mozartOlmoeCopies,
  mozartQwen3,
  mozartQwen3Calibrated,
  mozartQwen3Copies,
} from "./mozart.js";
import { ucieWafer } from "./ucie.js";

/** Every machine known by name, in the order in which they are listed to people. */
export const hardwarePresets: readonly Hardware[] = [
  mozartQwen3,
  mozartOlmoe,
  mozartDeepseek,
  mozartQwen3Calibrated,
  mozartOlmoeCalibrated,
  mozartDeepseekCalibrated,
  mozartQwen3Copies,
  mozartOlmoeCopies,
  mozartDeepseekCopies,
  ucieWafer,
  h100Servers,
  h200Servers,
  h800Servers,
  b200Servers,
  gb200Rack,
  mi300xServers,
  wormholeMesh,
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
