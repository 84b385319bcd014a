import { InputError } from "../index.js";
import {
  chooseReplicas,
  type CurvePoint,
  measurePlacement,
  replicaCounts,
  type MeasuredPlacement,
  type ReplicaCurve,
} from "../doors/flows.js";
import { counted, formatTime } from "../doors/report.js";
import { requireSolver } from "../doors/solvers.js";
import { splitParts } from "../doors/traces.js";
import { aimAt, type AimOptions } from "./engine-option.js";
import type { LoadedTrace } from "./load-trace.js";
import { openPlacer } from "./placer.js";
import { withObjective, withoutCheckpoint, type Objective } from "./solve-options.js";
import { formatTable, type Terminal } from "./terminal.js";

/** Layers that the curve is measured on, evenly spread over all: every point places them. */
const CURVE_LAYERS = 4;

/** A curve, and how many layers it was measured on. */
export interface AutoReplicas extends ReplicaCurve {
  readonly numLayers: number;
}

/**
 * Places some layers with every number of replicas worth trying, and chooses by the time of batches learned from.
 *
 * @throws InputError if slots are asked for, too, which say how many replicas there are.
 */
export async function autoReplicas(
  { trace, parts }: Pick<LoadedTrace, "trace" | "parts">,
  asked: AimOptions & { readonly solver?: string },
  terminal: Terminal,
): Promise<AutoReplicas> {
  if (asked.slotsPerChiplet !== undefined || asked.slots !== undefined) {
    throw new InputError("--replicas: found auto beside slots, expected a number or no slots");
  }
  const { length } = trace.layers;
  const count = Math.min(CURVE_LAYERS, length);
  const chosen = Array.from({ length: count }, (_, index) => Math.floor((index * length) / count));
  const sample = parts.map((part) => ({
    ...part,
    layers: part.layers.filter((_, index) => chosen.includes(index)),
  }));
  const { learn } = splitParts(sample, asked.holdout);
  const solver = requireSolver(asked.solver ?? "auto");
  const first = await aimAt(learn, { ...asked, replicas: 0 }, terminal);
  const measured: { numReplicas: number; placement: MeasuredPlacement }[] = [];
  for (const numReplicas of replicaCounts(learn.numExperts, first.machine)) {
    const { machine, options: aimed } = await aimAt(learn, { ...asked, replicas: numReplicas }, terminal);
    const named = aimed.solver === undefined ? undefined : [aimed.solver];
    const { options: pursued } = withObjective(aimed, machine, named);
    const placer = await openPlacer(machine, withoutCheckpoint(pursued), {
      parts: sample,
      solvers: [solver],
      terminal,
    });
    const outcome = await placer.place(learn, solver).finally(() => placer.close());
    if (outcome.status !== "placed") continue;
    const placement = measurePlacement(outcome.placement, { learn, heldOut: undefined }, machine);
    measured.push({ numReplicas, placement });
    if (placer.signal.aborted) break;
  }
  if (measured.length === 0) {
    throw new InputError("--replicas: found no number of replicas with a placement, expected one");
  }
  return { ...chooseReplicas(measured), numLayers: count };
}

const TIME_IS_MINIMISED =
  "Time is minimised: loads may be less even where fewer token copies save more. All replicas of a row are made, so\n" +
  "that more may take longer.";

/** Why numbers with less time in the mean are not chosen: what they save, and how much of that batches make by chance. */
function describePassedOver({ chosen, points }: ReplicaCurve): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const valueOf = ({ stepNs, loadMaxOverMean }: CurvePoint) => stepNs ?? loadMaxOverMean;
  const least = points.find(({ numReplicas }) => numReplicas === chosen);
  return points
    .filter((point) => least !== undefined && valueOf(point) < valueOf(least))
    .map(({ numReplicas, gain }) => {
      const saved = gain
        ? `batch by batch they save ${percent(gain.gain)}, of which ${percent(gain.noise)} may be chance`
        : "one batch cannot tell what they save";
      return `Not ${counted(numReplicas, "replica")}: ${saved}.`;
    });
}

/** The curve for people. */
export function describeCurve(curve: AutoReplicas, objective: Objective): string {
  const { chosen, points, law, numLayers } = curve;
  const passedOver = describePassedOver(curve).map((line) => `${line}\n`);
  const cells = points.map(({ numReplicas, stepNs, loadMaxOverMean, cost }) => [
    `${numReplicas}`,
    stepNs === null ? "" : formatTime(stepNs),
    loadMaxOverMean.toFixed(3),
    cost === null ? "" : `${(cost.bytesPerChiplet / 1e9).toPrecision(3)} GB`,
    numReplicas === chosen ? "chosen" : "",
  ]);
  const { beta, threshold, r, gain, source } = law;
  return (
    `replicas against time, in the mean over batches of the tokens learned from, on ${counted(numLayers, "layer")}:\n\n` +
    `${formatTable(["replicas", "step", "max load", "memory a chiplet", ""], cells)}\n\n` +
    (passedOver.length > 0 ? `${passedOver.join("")}\n` : "") +
    (objective === "time" ? `${TIME_IS_MINIMISED}\n\n` : "") +
    `By the law of OEPLB even loads would save ${(100 * gain).toFixed(1)} %: ${beta} x max(0, ${r.toFixed(3)} - ${threshold}), ${source}.`
  );
}
