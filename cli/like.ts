import { InputError } from "../index.js";
import { findModelShape } from "../doors/hardware.js";
import type { Placement, Provenance } from "../doors/placement.js";
import { requestedNumbering } from "../doors/problem.js";
import type { LoadTrace, RoutingTrace } from "../doors/traces.js";
import { optionsOfLimits } from "./limit-options.js";
import { hardwareOptions, type Machine, type MachineOptions } from "./machine.js";
import type { MigrationOptions } from "./migration.js";
import { makingOf, type SolveOptions } from "./solve-options.js";

/** Options of a command that places again as a placement was made. */
export interface LikeOptions extends MachineOptions, SolveOptions, MigrationOptions {
  readonly like?: string;
  readonly solver?: string;
}

/**
 * The options with which a placement was made; files are named anew.
 *
 * @throws InputError if the file does not say how it was made, or it began at a running placement and none is given.
 */
export function optionsLike<Options extends LikeOptions>(
  { solver, seed, provenance }: Placement,
  options: Options,
): Options {
  if (provenance === undefined || solver === undefined || seed === undefined) {
    throw new InputError(
      `--like: ${options.like}: found nothing of how it was made, expected its provenance`,
    );
  }
  const { objective, hardware, modelShape, slotsPerChiplet, dispatch, limits, maxMoves } = provenance;
  if (maxMoves !== undefined && options.from === undefined) {
    throw new InputError(`--like: ${options.like}: found no --from, expected the placement that ran before`);
  }
  // What the file does not give was not given then, either.
  const replaced: readonly string[] = ["slotsPerChiplet", "slots", "dispatch", "model", "machine"];
  const own = Object.fromEntries(
    Object.entries(options).filter(([name]) => !replaced.includes(name)),
  ) as unknown as Options;
  return {
    ...own,
    ...hardwareOptions(provenance),
    ...(provenance.workload && { recordedWorkload: provenance.workload }),
    chiplets: hardware.numChiplets,
    groups: hardware.numGroups,
    ...(modelShape !== undefined && { model: modelLike(modelShape, options) }),
    solver,
    seed,
    objective: objective === "load" ? "balance" : objective,
    holdout: provenance.holdout,
    ...(provenance.replicaBudget === undefined
      ? { replicas: provenance.numReplicas }
      : { replicaBudget: provenance.replicaBudget }),
    ...(slotsPerChiplet !== undefined && { slots: slotsPerChiplet }),
    ...(dispatch && { dispatch }),
    ...optionsOfLimits(limits),
    ...(typeof maxMoves === "number" && { maxMoves }),
    pin: provenance.pins ?? [],
    apart: provenance.antiAffinity ?? [],
    ...requestedNumbering(provenance),
    columnsBackend: provenance.backends.columns,
    groupsBackend: provenance.backends.groups,
  };
}

/** The model whose sizes were taken: one of a config.json has only its name in a placement file. */
function modelLike(modelShape: string, { like, model }: LikeOptions): string {
  if (findModelShape(modelShape)?.name === modelShape) return modelShape;
  if (model !== undefined) return model;
  throw new InputError(
    `--like: ${like}: found a placement with the sizes of ${modelShape}, which are not known by that name`,
    "Maybe pass --model with the config.json that they were read from.",
  );
}

/**
 * How the placement is about to be made.
 *
 * @throws InputError if it is to be made like another one, which was made from other tokens.
 */
export function checkedMaking(
  parts: readonly (RoutingTrace | LoadTrace)[],
  machine: Machine,
  { options, like }: { readonly options: LikeOptions; readonly like: Placement | undefined },
): Provenance {
  const provenance = makingOf(parts, machine, options);
  if (like?.provenance && like.provenance.traceSha256 !== provenance.traceSha256) {
    throw new InputError(
      `--like: ${options.like}: found a placement of another trace, expected one made from the same layers and tokens`,
      "Maybe give the traces in the same order, with the same options for reading them.",
    );
  }
  return provenance;
}
