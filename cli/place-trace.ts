import {
  collectPatterns,
  createProblem,
  expertBytes,
  groupCapacity,
  verifyFound,
  type LayerPlacement,
  type Placement,
  type RoutingTrace,
  type Solver,
} from "../index.js";
import type { Machine } from "./machine.js";
import type { SolveOptions } from "./solve-options.js";
import type { Terminal } from "./terminal.js";

/** A placement of every layer, or the first layer that has none and why. */
export type Placing =
  | { readonly status: "placed"; readonly placement: Placement }
  | { readonly status: "infeasible" | "undecided"; readonly reason: string };

/** Places every layer of a trace by one solver and believes nothing it says. */
export async function placeTrace(
  trace: RoutingTrace,
  {
    machine,
    solver,
    options,
    terminal,
  }: { machine: Machine; solver: Solver; options: SolveOptions; terminal: Terminal },
): Promise<Placing> {
  const { hardware, shape } = machine;
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const layers: LayerPlacement[] = [];
  for (const current of trace.layers) {
    terminal.progress(
      `${solver.name}: layer ${current.layer} (${layers.length + 1} of ${trace.layers.length})`,
    );
    const meanLoad = (current.numTokens * trace.topK) / numChiplets;
    const problem = createProblem(collectPatterns(current, trace), {
      layer: current.layer,
      numChiplets,
      numGroups: hardware.numGroups,
      slotsPerChiplet: options.slots,
      ...(shape && { expertBytes: new Float64Array(trace.numExperts).fill(expertBytes(shape)) }),
      limits: {
        ...(options.maxLoad !== undefined && { chipletLoad: options.maxLoad * meanLoad }),
        ...(shape && { groupBytes: groupCapacity(hardware, shape).groupBytes }),
      },
      pins: options.pin,
      apart: options.apart,
    });
    const solution = await solver.solve(problem, {
      seed: options.seed,
      backends: { fillings: options.fillingsBackend, groups: options.groupsBackend },
      ...(options.timeLimit !== undefined && { timeLimitMs: 1000 * options.timeLimit }),
    });
    if (solution.status === "infeasible") {
      return { status: "infeasible", reason: `layer ${current.layer}: ${solution.reason}` };
    }
    if (solution.status === "undecided") {
      return { status: "undecided", reason: `layer ${current.layer}: stopped by ${solution.stoppedBy}` };
    }
    const violations = verifyFound(problem, solution);
    if (violations.length > 0) throw new Error(`${solver.name}: layer ${current.layer}: ${violations[0]}`);
    layers.push({ layer: current.layer, ...solution });
  }
  const { model, numExperts } = trace;
  return { status: "placed", placement: { model, numExperts, numChiplets, layers } };
}
