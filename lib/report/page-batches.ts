import { counted } from "../counted.js";
import { measureBatches } from "../flows/batches.js";
import { largest, sum } from "../statistics.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { chart } from "./draw-plot.js";
import { posedMachine, type PlacedSolver, type ReportMachine } from "./layer-view.js";
import { caption } from "./page-parts.js";
import { batchHistogram } from "./report-charts.js";

/** How much the largest load of a chiplet varies from batch to batch, of all layers together. */
export function batchPictures(
  trace: RoutingTrace,
  { placed, machine, where }: { placed: readonly PlacedSolver[]; machine: ReportMachine; where: string },
): string {
  const { tokens, stepTokens, loads } = batchLoads(trace, { placed, machine });
  const means = placed.map(({ name }) => {
    const own = loads.filter(({ solver }) => solver === name).map(({ load }) => load);
    return `${name}: mean ${(sum(own) / own.length).toFixed(2)}, at most ${largest(own).toFixed(2)}`;
  });
  return (
    chart((at) => batchHistogram(loads, at)) +
    caption(
      `Batches of ${counted(tokens, "token")} in the order of the ${where}, every layer of each. ${means.join("; ")}. ` +
        (tokens < stepTokens ? `A step has ${stepTokens}, of which there are too few here. ` : "") +
        "A placement is judged by the mean of many tokens; the smaller a batch, the less even it is.",
    )
  );
}

/** The load of the busiest chiplet over the mean, of every layer of every batch. */
export function batchLoads(
  trace: RoutingTrace,
  { placed, machine }: { placed: readonly PlacedSolver[]; machine: ReportMachine },
): { tokens: number; stepTokens: number; loads: readonly BatchLoad[] } {
  const measured = placed.map(({ name, answer }) => ({
    name,
    ...(answer.batches ?? measureBatches(trace, answer.placement, posedMachine(machine))),
  }));
  const [{ tokens, stepTokens }] = measured;
  const loads = measured.flatMap(({ name: solver, each }) =>
    each.flatMap(({ layerLoads }, batch) =>
      layerLoads.map((load, index) => ({ solver, layer: trace.layers[index].layer, batch, load })),
    ),
  );
  return { tokens, stepTokens, loads };
}

interface BatchLoad {
  readonly solver: string;
  readonly layer: number;
  readonly batch: number;
  readonly load: number;
}
