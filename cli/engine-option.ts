import { Option } from "commander";
import {
  layersBeyondName,
  layersOfShape,
  strayLayers,
  transportOn,
  type ModelShape,
} from "../doors/hardware.js";
import { aimAtEngine, findTarget, formatLayers, targetNames, type EngineTarget } from "../doors/placement.js";
import { requestedNumbering } from "../doors/problem.js";
import type { LoadTrace, RoutingTrace } from "../doors/traces.js";
import { withFlags } from "./field-flags.js";
import { loadMachine, requireGpus, type Machine, type MachineOptions } from "./machine.js";
import { requestOf, type SolveOptions } from "./solve-options.js";
import type { Terminal } from "./terminal.js";

/** Options of a command that places for an engine. */
export interface AimOptions extends MachineOptions, SolveOptions {
  readonly for?: string;
  readonly force?: boolean;
}

/** The machine, on which copies travel as the engine sends them in such a step. */
export function withTransport(machine: Machine, { transport }: EngineTarget["engine"]): Machine {
  const { hardware, workload } = machine;
  if (transport === undefined) return machine;
  return {
    ...machine,
    workload: { ...workload, transport: transportOn(hardware, transport[workload.phase]) },
  };
}

/** `--for`, with the engines that may be named. */
export function engineOption(description: string): Option {
  return new Option("--for <engine>", `${description}: ${targetNames().join(", ")}`);
}

/**
 * The machine, and the options as the engine wants them that is to load the placement.
 *
 * @throws InputError if the engine cannot load what is asked for.
 */
export async function aimAt<Options extends AimOptions>(
  trace: RoutingTrace | LoadTrace,
  options: Options,
  terminal: Terminal,
): Promise<{ machine: Machine; options: Options }> {
  const { model, numExperts, layers } = trace;
  const target = options.for === undefined ? undefined : findTarget(options.for, model);
  if (options.for !== undefined) requireGpus(options, options.for);
  const found = await loadMachine(options, trace, terminal);
  const numbers = layers.map(({ layer }) => layer);
  if (options.model !== undefined && found.shape) noteStray(found.shape, numbers, terminal);
  if (target === undefined) return { machine: found, options };
  const machine = options.transport === undefined ? withTransport(found, target.engine) : found;
  const { numGroups, chipletsPerGroup } = machine.hardware;
  const { request, notes } = aimAtEngine(requestOf(options), target, {
    model,
    numExperts,
    numChiplets: numGroups * chipletsPerGroup,
    layers: numbers,
    modelLayers: machine.shape && layersBeyondName(machine.shape, { model, layers: numbers }),
    ...("topK" in trace && { sharedExperts: trace.sharedExperts }),
    force: options.force === true,
  });
  for (const note of notes) terminal.note(withFlags(note));
  const { dispatch, slotsPerChiplet: slots, numReplicas: replicas } = request;
  const aimed = { slotsPerChiplet: undefined, slots, replicas, dispatch, ...requestedNumbering(request) };
  const evenSlots = request.evenSlots === true;
  return { machine, options: { ...options, ...aimed, evenSlots } };
}

/** Layers of a model that was named are kept for export only if those of the trace are among them. */
function noteStray(shape: ModelShape, layers: readonly number[], terminal: Terminal): void {
  const counted = layersOfShape(shape);
  const stray = strayLayers(counted, layers);
  if (stray.length === 0) return;
  const { numHiddenLayers, firstMoeLayer = 0 } = counted;
  terminal.noteOnce(
    `the trace has layers ${formatLayers(stray)}, which are no MoE layers of ${shape.name} (${numHiddenLayers} layers, experts from ` +
      `layer ${firstMoeLayer} on): how many layers the model has is asked at export; maybe pass --layer-offset`,
  );
}
