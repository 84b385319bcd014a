import { readFile } from "node:fs/promises";
import { InputError } from "../lib/errors.js";
import { withChiplets, type Hardware } from "../lib/hardware/hardware.js";
import type { Machine } from "../lib/hardware/machine.js";
import { findModelShape, modelShapes } from "../lib/hardware/model-shapes.js";
import { parseHardware } from "../lib/hardware/parse.js";
import { findHardware, hardwarePresets } from "../lib/hardware/presets.js";
import { unknownName } from "../lib/unknown-name.js";
import { createWorkload, type WorkloadChoice } from "../lib/performance/workload.js";

/** Options of {@link machine}. */
export interface MachineChoice {
  /** Model whose sizes bytes and time are computed with. */
  readonly model: string;
  readonly numChiplets?: number;
  readonly numGroups?: number;
  readonly workload?: WorkloadChoice;
}

/**
 * A machine and the model it holds, by name.
 *
 * @param hardware A preset, or the path of a JSON file.
 * @throws InputError if there is no such machine or model, or its chiplets do not divide into groups.
 *
 * @example
 * const { hardware } = await machine("mozart-deepseek", { model: "deepseek-moe-16b", numChiplets: 8 });
 * hardware.chipletsPerGroup; // 2, in 4 groups
 */
export async function machine(hardware: string, choice: MachineChoice): Promise<Machine> {
  const { model, workload, ...size } = choice;
  const shape = findModelShape(model);
  if (shape === undefined) throw unknownName("model", { found: model, known: namesOf(modelShapes) });
  const sized = withChiplets(findHardware(hardware) ?? (await readHardware(hardware)), size);
  return { hardware: sized, shape, workload: createWorkload({ hardware: sized, shape }, workload) };
}

async function readHardware(path: string): Promise<Hardware> {
  if (!path.endsWith(".json"))
    throw unknownName("hardware", { found: path, known: namesOf(hardwarePresets) });
  try {
    return await parseHardware(JSON.parse(await readFile(path, "utf8")), path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: found no machine, expected one as JSON (${(error as Error).message})`);
  }
}

function namesOf(known: readonly { readonly name: string }[]): string[] {
  return known.map(({ name }) => name);
}
