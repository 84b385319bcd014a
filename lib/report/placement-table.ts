import type { Evaluation } from "../flows/evaluate.js";
import type { Placement } from "../placement/placement.js";
import { OPTIMALITY_GAP } from "../placement/tolerance.js";
import { sum } from "../statistics.js";
import type { TableText } from "./table.js";

/**
 * A placement as a table for people: a row for every layer, then the mean.
 * It is judged on the tokens it was made from, and on those held out, if there are any.
 */
export function placementTable(
  { layers }: Placement,
  { learned, heldOut }: { learned: Evaluation; heldOut?: Evaluation },
): TableText {
  const isBounded = layers.some(({ bound }) => bound !== undefined);
  const bounds = layers.flatMap(({ bound }) => bound ?? []);
  const meanBound = bounds.length === layers.length ? sum(bounds) / layers.length : undefined;
  const meanCost = sum(layers.flatMap(({ cost }) => cost ?? [])) / layers.length;
  const heldOutOf = new Map(heldOut?.layers.map((metrics) => [metrics.layer, metrics]));
  const row = (
    name: string,
    found: { cost?: number; bound?: number | undefined; stoppedBy?: string },
    metrics: [Evaluation["mean"], Evaluation["mean"] | undefined],
  ) => [
    name,
    found.cost?.toFixed(3) ?? "",
    ...(isBounded ? [found.bound?.toFixed(3) ?? "", formatGap(found)] : []),
    ...(heldOut ? [metrics[1]?.tokenReplication.toFixed(3) ?? ""] : []),
    metrics[0].groupReplication.toFixed(3),
    metrics[0].loadMaxOverMean.toFixed(2),
    found.stoppedBy ?? "",
  ];
  return {
    headers: [
      "layer",
      "C_T",
      ...(isBounded ? ["at least", "gap"] : []),
      ...(heldOut ? ["C_T held out"] : []),
      "C_G",
      "max load",
      "stopped by",
    ],
    cells: [
      ...layers.map((layer, index) =>
        row(`${layer.layer}`, layer, [learned.layers[index], heldOutOf.get(layer.layer)]),
      ),
      row("mean", { cost: meanCost, bound: meanBound, stoppedBy: "" }, [learned.mean, heldOut?.mean]),
    ],
  };
}

function formatGap({ cost, bound }: { cost?: number; bound?: number | undefined }): string {
  if (cost === undefined || bound === undefined) return "";
  const gap = Math.max(0, cost / bound - 1);
  return gap < OPTIMALITY_GAP ? "0 %" : `${(100 * gap).toFixed(2)} %`;
}
