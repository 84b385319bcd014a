import { InputError } from "../lib/errors.js";
import { placedLayers } from "../lib/flows/placed-layers.js";
import type { Machine } from "../lib/hardware/machine.js";
import { defaultDispatch } from "../lib/placement/default-dispatch.js";
import type { Placement } from "../lib/placement/placement.js";
import { countTraffic } from "../lib/placement/traffic.js";
import {
  DEFAULT_CONFIGURATION,
  scheduleStep,
  STEP_CONFIGURATIONS,
  type ConfigurationName,
  type StepSchedule,
} from "../lib/schedule/schedule-step.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";

/** Options of {@link schedule}. */
export interface StepOptions {
  readonly machine: Machine;
  /** One layer alone; default all layers of the trace. */
  readonly layer?: number;
  /** How the step is run; default chunked. */
  readonly configuration?: ConfigurationName;
}

/**
 * Schedules one step of a placed model: makespan with a proved lower bound, and what stays exposed.
 *
 * @throws InputError if a layer is not in the placement, their experts differ in number, or the placement is for other chiplets than the machine has.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * const step = schedule(trace, placement, { machine: target, layer: 1 });
 * step.boundNs <= step.makespanNs; // true
 */
export function schedule(trace: RoutingTrace, placement: Placement, options: StepOptions): StepSchedule {
  const { machine, layer: wanted, configuration = DEFAULT_CONFIGURATION } = options;
  const layers = trace.layers.filter(({ layer }) => wanted === undefined || layer === wanted);
  if (layers.length === 0)
    throw new InputError(`layer: found ${wanted ?? "none"}, expected a layer of the trace`);
  const { chipletsPerGroup } = machine.hardware;
  const { dispatch = defaultDispatch(machine.hardware) } = placement;
  const traffic = placedLayers({ ...trace, layers }, placement).map(({ patterns, chiplets }) =>
    countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch }),
  );
  return scheduleStep(traffic, { ...machine, configuration: STEP_CONFIGURATIONS[configuration] });
}
