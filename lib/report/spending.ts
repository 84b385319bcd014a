import type { Machine } from "../hardware/machine.js";
import { layerEnergy, staticPj } from "../performance/energy.js";
import { scheduledWorkload } from "../schedule/schedule-step.js";
import { largest, sum } from "../statistics.js";
import { timeUnit } from "./format-time.js";
import type { PlacedStep } from "./placed-steps.js";

/** A part of a whole that bars show stacked. */
export interface StackedPart {
  readonly solver: string;
  readonly part: string;
  readonly value: number;
}

/** Where the time of a step, in `unit`, and its energy, in joules, go under every placement. */
export function spending(
  steps: readonly PlacedStep[],
  machine: Machine,
): { times: StackedPart[]; energies: StackedPart[]; unit: string } {
  const unit = timeUnit(largest(steps.map(({ step }) => step.makespanNs)));
  const workload = scheduledWorkload(machine);
  return {
    unit: unit.name,
    times: steps.flatMap(({ solver, step }): StackedPart[] => [
      { solver, part: "compute", value: step.computeNs / unit.ns },
      { solver, part: "exposed communication", value: step.exposedCommunicationNs / unit.ns },
      { solver, part: "exposed memory", value: step.exposedDramNs / unit.ns },
      { solver, part: "latency", value: step.idleNs / unit.ns },
    ]),
    energies: steps.flatMap(({ solver, traffic, step }): StackedPart[] => {
      const layers = traffic.map((counted) => layerEnergy(counted, machine, workload));
      const joules = (pick: (layer: (typeof layers)[number]) => number) => sum(layers.map(pick)) / 1e12;
      return [
        { solver, part: "compute", value: joules((layer) => layer.computePj) },
        { solver, part: "SRAM", value: joules((layer) => layer.sramPj) },
        { solver, part: "memory", value: joules((layer) => layer.memoryPj) },
        { solver, part: "root links", value: joules((layer) => layer.rootLinksPj) },
        { solver, part: "chiplet links", value: joules((layer) => layer.chipletLinksPj) },
        { solver, part: "static", value: staticPj(machine.hardware, step.makespanNs) / 1e12 },
      ];
    }),
  };
}

/** The parts in the order of their colours. */
export function partNames(parts: readonly StackedPart[]): string[] {
  return [...new Set(parts.map(({ part }) => part))];
}
