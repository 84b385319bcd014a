import { inspectLoads, type LoadInspection } from "../../doors/flows.js";
import { counted } from "../../doors/report.js";
import type { LoadTrace, ReadReport } from "../../doors/traces.js";
import { formatTable, type Terminal } from "../terminal.js";

/** Shows what is in loads without tokens: what is busy, and what balance could gain. */
export function showLoads(
  loads: LoadTrace,
  { report, numChiplets, terminal }: { report: ReadReport; numChiplets: number; terminal: Terminal },
): void {
  const { model, numExperts } = loads;
  const layers = inspectLoads(loads, { numChiplets });
  const batches = new Map(report.batches.map(({ layer, batches: count }) => [layer, count]));
  const mean = (pick: (layer: LoadInspection) => number) =>
    layers.reduce((sum, layer) => sum + pick(layer), 0) / layers.length;
  const means = {
    loadMaxOverMean: mean((layer) => layer.loadMaxOverMean),
    loadEntropy: mean((layer) => layer.loadEntropy),
    contiguousMaxLoad: mean((layer) => layer.contiguousMaxLoad),
    maxLoadAtLeast: mean((layer) => layer.maxLoadAtLeast),
  };
  const records = layers.map((layer) => ({ ...layer, batches: batches.get(layer.layer) ?? 0 }));
  terminal.printCsv(records);
  terminal.printJson({
    kind: "loads",
    model: model ?? null,
    numExperts,
    numChiplets,
    mean: means,
    sources: report.sources,
    layers: records,
  });
  terminal.print(
    `model ${model ?? "unknown"}, loads of ${counted(layers.length, "MoE layer")}, ${numExperts} experts, without tokens\n`,
  );
  const rows = layers.map((layer) => [
    String(layer.layer),
    String(batches.get(layer.layer) ?? 0),
    String(Number(layer.choices.toPrecision(9))),
    String(layer.idleExperts),
    ...formatMeans(layer),
  ]);
  terminal.print(
    formatTable(
      ["layer", "batches", "choices", "idle", "max/mean", "entropy", "max load ids", "max load least"],
      [...rows, ["mean", "", "", "", ...formatMeans(means)]],
    ),
  );
  terminal.print(
    `\nMax load is the largest load of a chiplet over the mean, on ${numChiplets} chiplets: "ids" with experts in the\n` +
      'order of their ids, "least" what no placement without replicas can go below. C_T depends on what tokens choose\n' +
      "together, which loads do not tell; for balance they are enough: place --objective balance.",
  );
}

function formatMeans(
  means: Pick<LoadInspection, "loadMaxOverMean" | "loadEntropy" | "contiguousMaxLoad" | "maxLoadAtLeast">,
): string[] {
  return [
    means.loadMaxOverMean.toFixed(2),
    means.loadEntropy.toFixed(3),
    means.contiguousMaxLoad.toFixed(3),
    means.maxLoadAtLeast.toFixed(3),
  ];
}
