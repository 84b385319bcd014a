import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { plainNumbers } from "../lib/hardware/constant.js";
import type { GpuKernels } from "../lib/hardware/kernels.js";
import { findHardware } from "../lib/hardware/presets.js";
import { readGpuCases, type GpuCases } from "./gpu-cases.js";

/** Where published measurements of GPUs are; docs/gpu-model.md says what they are. */
export const measuredFolder = process.env["MOEPLACE_MEASURED"] ?? "../shared/reference/gpu-measured";

/** Reads every file of a folder that holds measurements of a kind that is known; the others are named on stderr. */
export function readMeasured(folder = measuredFolder): (GpuCases & { readonly file: string })[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".csv"))
    .sort()
    .flatMap((file) => {
      const found = readCarefully(file, readFileSync(join(folder, file), "utf8"));
      if (found === undefined) {
        process.stderr.write(`${file}: holds no measurements of a kind that is known, skipped\n`);
        return [];
      }
      return [{ file, ...found }];
    });
}

function readCarefully(file: string, text: string): GpuCases | undefined {
  try {
    return readGpuCases(file, text);
  } catch (error) {
    process.stderr.write(`${file}: ${(error as Error).message}\n`);
    return undefined;
  }
}

/** The kernels of a preset, without their sources. */
export function plainKernels(machine: string): GpuKernels {
  const kernels = findHardware(machine)?.kernels;
  if (kernels === undefined) throw new Error(`found no kernels of ${machine}`);
  return plainNumbers<GpuKernels>(kernels);
}
