import { batchMetrics } from "../flows/batches.js";
import type { ComparedSolver, ComparisonRow } from "../flows/compare.js";
import type { Evaluation } from "../flows/evaluate.js";
import type { Workload } from "../hardware/workload.js";
import type { Placement } from "../placement/placement.js";
import { recordsCsv } from "./records-csv.js";

/** Whether to tell the seconds solvers took, which differ from run to run. */
interface DataOptions {
  readonly seconds: boolean;
}

/**
 * The comparison as plain data for JSON: one object a solver, with its layers.
 *
 * @param rows As `compareSolvers` made them of `solvers`.
 */
export function comparisonData(
  solvers: readonly ComparedSolver[],
  rows: readonly ComparisonRow[],
  options: DataOptions,
): object[] {
  return rows.map((row, index) => {
    const { answer } = solvers[index];
    const layers = answer.status === "placed" ? layerData(answer.placement, answer) : [];
    return { ...rowData(row, options), layers };
  });
}

/** The comparison as comma-separated values: a line of names, then a line a solver with the step; nothing where nothing is known. */
export function comparisonCsv(
  rows: readonly ComparisonRow[],
  { workload, ...options }: DataOptions & { readonly workload?: Workload | undefined },
): string {
  return recordsCsv(rows.map((row) => ({ ...rowData(row, options), ...(workload && { workload }) })));
}

function rowData(row: ComparisonRow, options: DataOptions): Record<string, unknown> {
  const { seconds, reason, batches, ...known } = row;
  const data: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(known)) data[name] = value ?? null;
  if (batches) data.batches = batchMetrics(batches);
  if (options.seconds) data.seconds = seconds;
  if (reason !== undefined) data.reason = reason;
  return data;
}

/** A placement layer by layer, with its metrics on the tokens learned from and on those held out. */
export function layerData(
  { layers }: Placement,
  { learned, heldOut }: { learned: Evaluation; heldOut?: Evaluation },
): object[] {
  const heldOutOf = new Map(heldOut?.layers.map((metrics) => [metrics.layer, metrics]));
  return layers.map(({ layer, status, cost, bound, groups, stoppedBy }, index) => ({
    layer,
    status,
    cost,
    bound: bound ?? null,
    groups: groups ?? null,
    stoppedBy,
    learned: learned.layers[index],
    heldOut: heldOutOf.get(layer) ?? null,
  }));
}
