import type { Machine } from "../hardware/machine.js";
import { expertBytes } from "../hardware/model-shapes.js";
import { groupCapacity } from "../performance/memory.js";
import { pairedGain, type PairedGain } from "./batches.js";
import type { PosedMachine } from "./pose.js";
import type { MeasuredPlacement, ReplicaCost } from "./worth.js";

/** A number of replicas, measured on the tokens learned from. */
export interface CurvePoint {
  readonly numReplicas: number;
  /** In the mean over batches; null where no time is known. */
  readonly stepNs: number | null;
  /** Largest load of a chiplet over the mean, in the mean over batches. */
  readonly loadMaxOverMean: number;
  readonly cost: ReplicaCost | null;
  /** What it saves of the chosen number, batch by batch; null for that itself, and where one batch cannot tell. */
  readonly gain: PairedGain | null;
}

/** A curve of time against replicas, and the number to take. */
export interface ReplicaCurve {
  readonly chosen: number;
  readonly points: readonly CurvePoint[];
  readonly law: ReplicaLaw;
}

/** What the law of OEPLB says of balancing the placement without replicas: gain = beta max(0, r - threshold). */
export interface ReplicaLaw {
  readonly beta: number;
  readonly threshold: number;
  /** Largest load over the mean without replicas, in the mean over batches. */
  readonly r: number;
  /** Share of time that even loads would save. */
  readonly gain: number;
  readonly source: string;
}

/** Measured end to end on 8 A100, Qwen3-235B, prefill. Source: the repository of OEPLB. */
const LAW = { beta: 0.33, threshold: 1.053, source: "measured by OEPLB on 8 A100, not fitted to this curve" };

/** Slots beyond those that experts need, a chiplet, that are worth trying. */
const MORE_SLOTS = [0, 1, 2, 3];

/**
 * Numbers of replicas to try: none, and those that fill whole slots on every chiplet, as far as memories have room.
 *
 * @example
 * replicaCounts(60, { hardware: findHardware("h100-8x8") }); // [0, 4, 68, 132, 196]
 */
export function replicaCounts(numExperts: number, { hardware, shape }: PosedMachine): number[] {
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  const base = Math.ceil(numExperts / numChiplets);
  const counts = MORE_SLOTS.map((more) => (base + more) * numChiplets - numExperts);
  const room = shape ? roomFor({ hardware, shape }) : Infinity;
  return [...new Set([0, ...counts])].filter(
    (count) =>
      count === 0 || (numExperts + count <= room && base < numExperts && count / numChiplets < numExperts),
  );
}

/** Experts of a layer, replicas included, that the memories hold of every layer. */
function roomFor({ hardware, shape }: Machine): number {
  const { groupBytes } = groupCapacity(hardware, shape);
  return hardware.numGroups * Math.floor(groupBytes / expertBytes(shape));
}

/**
 * Chooses the fewest replicas that no larger number beats by more than batches make of it by chance.
 *
 * @param measured By ascending number of replicas, on the same batches; where no time is known, loads are judged.
 */
export function chooseReplicas(
  measured: readonly { readonly numReplicas: number; readonly placement: MeasuredPlacement }[],
): ReplicaCurve {
  const valuesOf = ({ batches }: MeasuredPlacement) =>
    batches.each.map(({ stepNs, loadMaxOverMean }) => stepNs ?? loadMaxOverMean);
  let [chosen] = measured;
  for (const next of measured.slice(1)) {
    const { gain, noise } = pairedGain(valuesOf(chosen.placement), valuesOf(next.placement));
    if (gain > noise) chosen = next;
  }
  const gainOf = (next: (typeof measured)[number]): PairedGain | null => {
    const paired = pairedGain(valuesOf(chosen.placement), valuesOf(next.placement));
    return next === chosen || !Number.isFinite(paired.noise) ? null : paired;
  };
  const r = measured[0].placement.figures.batches.loadMaxOverMean.mean;
  return {
    chosen: chosen.numReplicas,
    points: measured.map((point) => {
      const { batches, replicas } = point.placement.figures;
      return {
        numReplicas: point.numReplicas,
        stepNs: batches.stepNs?.mean ?? null,
        loadMaxOverMean: batches.loadMaxOverMean.mean,
        cost: replicas,
        gain: gainOf(point),
      };
    }),
    law: { ...LAW, r, gain: LAW.beta * Math.max(0, r - LAW.threshold) },
  };
}
