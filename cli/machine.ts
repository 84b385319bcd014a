import type { Command } from "commander";
import { InputError } from "../index.js";
import {
  createWorkload,
  findHardware,
  findModelShape,
  hardwarePresets,
  modelShapes,
  parseHardware,
  parseModelConfig,
  withChiplets,
  withSharedPlaced,
  type Hardware,
  type ModelShape,
  type Workload,
} from "../doors/hardware.js";
import type { Placement, Provenance } from "../doors/placement.js";
import { unknownName } from "../doors/problem.js";
import { integerOption } from "./options.js";
import { readText } from "./read-files.js";
import type { Terminal } from "./terminal.js";
import { addWorkloadOptions, toWorkloadChoice, type WorkloadOptions } from "./workload-options.js";

/** Where experts are to sit, and of which model they are. */
export interface MachineOptions extends WorkloadOptions {
  readonly hardware?: string;
  /** A machine that a placement file holds whole, in place of `hardware`. */
  readonly machine?: Hardware;
  /** A step as a placement file tells it, in place of the options that describe one. */
  readonly recordedWorkload?: Workload;
  /** The step that a placement file tells, where options that describe one go before what it says. */
  readonly madeWorkload?: Workload | undefined;
  readonly chiplets?: number;
  readonly groups?: number;
  readonly model?: string;
  /** Shared experts that are placed like the others. */
  readonly sharedExperts?: number;
}

export interface Machine {
  readonly hardware: Hardware;
  /** Undefined where the model is not known: bytes, time and energy cannot be told then. */
  readonly shape: ModelShape | undefined;
  readonly workload: Workload;
  /** Experts of the model by that name, where the trace has another number, which `shape` has then. */
  readonly modelExperts?: number;
}

const DEFAULT_HARDWARE = "mozart-deepseek-calibrated";

/** @param options.chiplets Whether the number of chiplets is to be told, rather than read from a placement. */
export function addMachineOptions(command: Command, { chiplets }: { chiplets: boolean }): Command {
  addWorkloadOptions(command);
  command
    .optionsGroup("Machine and model:")
    .option(
      "--hardware <name|file.json>",
      `machine: ${hardwarePresets.map(({ name }) => name).join(", ")}, or a file ` +
        `(default: ${chiplets ? "" : "the placement's, or else "}${DEFAULT_HARDWARE})`,
    )
    .option(
      "--model <name|config.json>",
      "model whose sizes bytes and time are told with (default: the trace's)",
    )
    .addOption(integerOption("--groups <n>", "chiplet groups (default: as many as the machine has)", 1));
  return chiplets
    ? command.addOption(integerOption("--chiplets <n>", "chiplets (default: as many as the machine has)", 1))
    : command;
}

/** What a trace, or a placement, tells of its model. */
export interface TracedModel {
  /** Its name. */
  readonly model: string | undefined;
  readonly numExperts: number;
}

/**
 * Finds the machine and the model that the options name, or else the trace; says where model and trace cannot be of one another.
 *
 * @throws InputError if there is no such machine or model.
 */
export async function loadMachine(
  options: MachineOptions,
  traced: TracedModel,
  terminal: Terminal,
): Promise<Machine> {
  const { chiplets, groups } = options;
  const found = options.machine
    ? await parseHardware(options.machine, "provenance.hardware.machine")
    : await findMachine(options.hardware);
  const hardware = withChiplets(found, {
    ...(chiplets !== undefined && { numChiplets: chiplets }),
    ...(groups !== undefined && { numGroups: groups }),
  });
  const whole = loadShape(options, traced.model, terminal);
  if (options.model !== undefined && whole) noteOther(whole, traced.model, terminal);
  const { sharedExperts } = options;
  const named = whole && sharedExperts !== undefined ? withSharedPlaced(whole, sharedExperts) : whole;
  const shape = named && { ...named, numExperts: traced.numExperts };
  const isOther = named !== undefined && named.numExperts !== traced.numExperts;
  if (isOther) {
    terminal.noteOnce(
      `warning: the trace has ${traced.numExperts} experts a layer and ${named.name} has ${named.numExperts}, so that it is of ` +
        `another model: bytes, time and tokens/s are told of ${named.name} with ${traced.numExperts} experts, which may be no ` +
        "model at all; --model NAME or config.json names the one that the trace is of",
    );
  }
  return {
    hardware,
    shape,
    workload: options.recordedWorkload ?? workloadOf({ hardware, shape }, options),
    ...(isOther && { modelExperts: named.numExperts }),
  };
}

/** Says that a trace and `--model` name models of other sizes. */
function noteOther(named: ModelShape, model: string | undefined, terminal: Terminal): void {
  const traced = model === undefined ? undefined : findModelShape(model);
  if (traced === undefined) return;
  const sizes = ({ numLayers, firstMoeLayer, numExperts, topK, hiddenSize, expertWidth }: ModelShape) =>
    [numLayers, firstMoeLayer, numExperts, topK, hiddenSize, expertWidth].join();
  if (sizes(traced) === sizes(named)) return;
  terminal.noteOnce(
    `warning: the trace is of ${model} by its name (${traced.numLayers} layers), --model is ${named.name} (${named.numLayers} layers): ` +
      "bytes, time and the number of layers are those of --model, the name in files is that of the trace",
  );
}

/** The step that options describe; what they leave open is as a placement was made for, where it is of the same kind. */
function workloadOf(machine: Pick<Machine, "hardware" | "shape">, options: MachineOptions): Workload {
  const { madeWorkload: made } = options;
  const phase = options.workload ?? made?.phase;
  const choice = toWorkloadChoice(options, phase);
  if (made === undefined || made.phase !== phase) return createWorkload(machine, choice);
  return createWorkload(machine, { ...made, ...choice, formats: { ...made.formats, ...choice.formats } });
}

/**
 * Checks what options name and how large it is to be, before traces are read that may take minutes.
 *
 * @throws InputError if there is no such machine or model, or the chiplets do not divide into groups.
 */
export async function checkMachineOptions(options: MachineOptions): Promise<void> {
  const { hardware, machine, chiplets, groups } = options;
  await checkMachineNames(options);
  if (machine === undefined && (chiplets !== undefined || groups !== undefined)) {
    withChiplets(await findMachine(hardware), {
      ...(chiplets !== undefined && { numChiplets: chiplets }),
      ...(groups !== undefined && { numGroups: groups }),
    });
  }
}

/**
 * Checks what options name, where the size of the machine is that of a placement ({@link loadMachineOf}).
 *
 * @throws InputError if there is no such machine or model.
 */
export async function checkMachineNames({ hardware, machine, model }: MachineOptions): Promise<void> {
  if (machine === undefined && hardware !== undefined) await findMachine(hardware);
  if (model !== undefined) namedShape(model);
}

/** A preset, or the machine of a file. */
export async function findMachine(name = DEFAULT_HARDWARE): Promise<Hardware> {
  return findHardware(name) ?? (await readHardware(name));
}

function loadShape(
  { model }: MachineOptions,
  traceModel: string | undefined,
  terminal: Terminal,
): ModelShape | undefined {
  if (model === undefined) {
    const shape = traceModel === undefined ? undefined : findModelShape(traceModel);
    if (shape === undefined) {
      terminal.noteOnce(
        `the sizes of model ${traceModel ?? "(unnamed)"} are not known: bytes and time need --model NAME`,
      );
    }
    return shape;
  }
  return namedShape(model);
}

function namedShape(model: string): ModelShape {
  if (model.endsWith(".json"))
    return parseModelConfig(readJson(model, "the configuration of a model"), model);
  const shape = findModelShape(model);
  if (shape !== undefined) return shape;
  throw unknownName("--model", {
    found: model,
    known: modelShapes.map(({ name }) => name),
    or: ", or a config.json",
  });
}

/**
 * The machine with as many chiplets and chiplet groups as a placement has, and the step that the placement was made for: what
 * options say of it goes before, and another machine or kind of step has steps of its own.
 */
export async function loadMachineOf(
  placement: Placement,
  options: MachineOptions,
  { trace, terminal }: { trace: TracedModel; terminal: Terminal },
): Promise<Machine> {
  // On a mesh there are no groups, whatever a placement for another machine has.
  const isMesh = options.hardware !== undefined && (await findMachine(options.hardware)).mesh !== undefined;
  const groups = options.groups ?? (isMesh ? 1 : placement.numGroups);
  return loadMachine(
    {
      ...options,
      ...(options.hardware === undefined && placement.provenance && hardwareOptions(placement.provenance)),
      ...(options.hardware === undefined && { madeWorkload: placement.provenance?.workload }),
      chiplets: placement.numChiplets,
      ...(placement.sharedExperts !== undefined && { sharedExperts: placement.sharedExperts }),
      ...(groups !== undefined && { groups }),
    },
    { ...trace, model: trace.model ?? placement.model },
    terminal,
  );
}

/** The options that name the machine a placement was made for. */
export function hardwareOptions({ hardware }: Provenance): Pick<MachineOptions, "hardware" | "machine"> {
  const { name, machine } = hardware;
  return { hardware: name, ...(machine && { machine }) };
}

/**
 * The options with the machine of the placement that runs now, and its step, which its file remembers, where they name no other machine.
 *
 * @example
 * recallMachine({}, placedOnH100).hardware; // "h100-8x8"
 */
export function recallMachine<Options extends MachineOptions>(
  options: Options,
  running: Placement | undefined,
): Options {
  const { hardware, machine, chiplets, groups } = options;
  const isOther = hardware !== undefined && hardware !== running?.provenance?.hardware.name;
  if (running?.provenance === undefined || isOther || machine !== undefined) return options;
  const isSized = chiplets !== undefined || groups !== undefined;
  const { numChiplets, numGroups } = running.provenance.hardware;
  return {
    ...options,
    ...hardwareOptions(running.provenance),
    madeWorkload: running.provenance.workload,
    ...(!isSized && { chiplets: numChiplets, groups: numGroups }),
  };
}

/**
 * Sees to it that a machine is named where an engine needs one of GPUs: the default is a wafer.
 *
 * @throws InputError if none is.
 */
export function requireGpus({ hardware, machine }: MachineOptions, engine: string): void {
  if (hardware !== undefined || machine !== undefined) return;
  const gpus = hardwarePresets.filter(({ tokensStart }) => tokensStart === "everywhere");
  throw new InputError(
    `--for ${engine}: found no --hardware, expected a machine of GPUs`,
    `Maybe pass --hardware ${gpus.map(({ name }) => name).join(", ")}, or a .json file; --chiplets tells how many GPUs.`,
  );
}

async function readHardware(path: string): Promise<Hardware> {
  if (!path.endsWith(".json")) {
    throw unknownName("--hardware", {
      found: path,
      known: hardwarePresets.map(({ name }) => name),
      or: ", or a .json file",
    });
  }
  return parseHardware(readJson(path, "a machine"), path);
}

function readJson(path: string, expected: string): unknown {
  try {
    return JSON.parse(readText(path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new InputError(`${path}: found no JSON, expected ${expected} (${error.message})`);
  }
}
