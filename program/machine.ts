import { readFile } from "node:fs/promises";
import { InputError } from "../lib/errors.js";
import type { WorkloadChoice } from "../lib/hardware/check-workload.js";
import { withChiplets, type Hardware } from "../lib/hardware/hardware.js";
import type { Machine } from "../lib/hardware/machine.js";
import { parseModelConfig } from "../lib/hardware/model-config.js";
import { findModelShape, modelShapes, type ModelShape } from "../lib/hardware/model-shapes.js";
import { parseHardware } from "../lib/hardware/parse.js";
import { findHardware, hardwarePresets } from "../lib/hardware/presets.js";
import { unknownName } from "../lib/unknown-name.js";
import { createWorkload } from "../lib/performance/workload.js";

/** Options of {@link machine}. */
export interface MachineChoice {
  /** Model whose sizes bytes and time are computed with: a name, or the path of its `config.json`. */
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
export async function machine(hardware: string, choice: MachineChoice): Promise<Required<Machine>> {
  const { model, workload, ...size } = choice;
  const shape = await findShape(model);
  const sized = withChiplets(findHardware(hardware) ?? (await readHardware(hardware)), size);
  return { hardware: sized, shape, workload: createWorkload({ hardware: sized, shape }, workload) };
}

async function findShape(model: string): Promise<ModelShape> {
  if (model.endsWith(".json"))
    return parseModelConfig(await readJson(model, "the configuration of a model"), model);
  const shape = findModelShape(model);
  if (shape !== undefined) return shape;
  throw unknownName("model", { found: model, known: namesOf(modelShapes), or: ", or a config.json" });
}

async function readHardware(path: string): Promise<Hardware> {
  if (!path.endsWith(".json"))
    throw unknownName("hardware", { found: path, known: namesOf(hardwarePresets) });
  return parseHardware(await readJson(path, "a machine as JSON"), path);
}

/** @throws InputError if the file cannot be read, or is no JSON. */
async function readJson(path: string, expected: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new InputError(`${path}: found no JSON, expected ${expected} (${(error as Error).message})`);
  }
}

function namesOf(known: readonly { readonly name: string }[]): string[] {
  return known.map(({ name }) => name);
}
