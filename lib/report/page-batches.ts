import { countTraffic } from "../placement/traffic.js";
import { largest, sum } from "../statistics.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns } from "../trace/token-patterns.js";
import { chart } from "./draw-plot.js";
import { batchTokens, type PlacedSolver, type ReportMachine } from "./layer-view.js";
import { caption } from "./page-parts.js";
import { batchHistogram } from "./report-charts.js";

/** How much the largest load of a chiplet varies from batch to batch, of all layers together. */
export function batchPictures(
  trace: RoutingTrace,
  { placed, machine, where }: { placed: readonly PlacedSolver[]; machine: ReportMachine; where: string },
): string {
  const [{ numTokens }] = trace.layers;
  const size = batchTokens(numTokens, machine);
  const loads = placed.flatMap((solver) => batchLoads(trace, solver, { size, machine }));
  const means = placed.map(({ name }) => {
    const own = loads.filter(({ solver }) => solver === name).map(({ load }) => load);
    return `${name}: mean ${(sum(own) / own.length).toFixed(2)}, at most ${largest(own).toFixed(2)}`;
  });
  return (
    chart((at) => batchHistogram(loads, at)) +
    caption(
      `Batches of ${size} tokens in the order of the ${where}, every layer of each. ${means.join("; ")}. ` +
        "A placement is judged by the mean of many tokens; a batch is less even, the smaller the less.",
    )
  );
}

function batchLoads(
  trace: RoutingTrace,
  { name, answer: { placement } }: PlacedSolver,
  { size, machine }: { size: number; machine: ReportMachine },
): { solver: string; load: number }[] {
  const { chipletsPerGroup } = machine.hardware;
  const { dispatch } = placement;
  const chipletsOf = new Map(placement.layers.map(({ layer, chiplets }) => [layer, chiplets]));
  return trace.layers.flatMap((current) => {
    const chiplets = chipletsOf.get(current.layer) ?? [];
    return Array.from({ length: Math.floor(current.numTokens / size) }, (_, batch) => {
      const experts = current.experts.subarray(batch * size * trace.topK, (batch + 1) * size * trace.topK);
      const patterns = collectPatterns({ layer: current.layer, numTokens: size, experts }, trace);
      const { chipletLoad } = countTraffic(patterns, chiplets, { chipletsPerGroup, dispatch });
      return { solver: name, load: (largest(chipletLoad) * chipletLoad.length) / sum(chipletLoad) };
    });
  });
}
