import { largest, sum } from "../statistics.js";
import type { LayerDurations } from "./layer-durations.js";
import type { StepPlan } from "./step-graph.js";

/** Of a layer, what some chiplet takes at least. */
export interface LeastDurations {
  /** What all chiplets take in the mean. */
  readonly even: LayerDurations;
  /** Each what one of the chiplets takes, whichever that is; all its chiplets alike. */
  readonly hottest: readonly LayerDurations[];
}

/** A stage of a pass through a layer: how long a chiplet computes, or its link is busy, with one piece of a micro-batch. */
interface Stage {
  readonly resource: "compute" | "link";
  readonly ns: number;
  /** Pieces of a micro-batch. */
  readonly pieces: number;
}

/** The stages that a piece goes through one after another, and what is computed beside them. */
interface Pass {
  readonly stages: readonly Stage[];
  readonly shared: Stage;
}

/** What one resource of a chiplet does in a window, as far as a pass has part in it. */
interface Share {
  /** In the pass that the window begins in: before the first task. */
  readonly headNs: number;
  /** For all micro-batches. */
  readonly workNs: number;
  /** In the pass that it ends in: after the last task. */
  readonly tailNs: number;
}

/**
 * A time that no schedule of a step is below where all chiplets wait for each other before and after the experts of
 * every layer: the work of one resource of one chiplet in a window of the step, between the longest way to it and from it.
 *
 * A window begins at a stage of one pass and ends at a stage of another or the same, both of the resource. No piece gets to
 * it before one has passed all layers ahead, each through the chiplet that is last there, and the stages ahead in its own. From
 * then on the resource has its stages inside to do for all micro-batches. The last of these tasks is of the last stage, since
 * a micro-batch that is not through has more to come; after it come the rest of that pass and the layers behind. In one pass
 * the chiplet may be the hottest; over several, where another is the hottest in each, it is the mean of all, as sums
 * over passes are linear. Time O(passes^2).
 *
 * @param layers In the model's order, of a machine where tokens start everywhere.
 */
export function windowBoundNs(
  layers: readonly LeastDurations[],
  plan: Pick<StepPlan, "numMicroBatches" | "overlap" | "training">,
): number {
  const forward = layers.map((layer) => passesOf(layer, (durations) => forwardPass(durations, plan)));
  const backward = layers
    .toReversed()
    .map((layer) => passesOf(layer, (durations) => backwardPass(durations, plan)));
  const passes = plan.training ? [...forward, ...backward] : forward;
  const waysNs = passes.map(({ even, hottest }) => largest([even, ...hottest].map(longestWayNs)));
  const wholeWayNs = sum(waysNs);
  let boundNs = wholeWayNs;
  let beforeNs = 0;
  passes.forEach(({ even, hottest }, first) => {
    const insideNs = largest([even, ...hottest].flatMap((pass) => insideShares(pass, plan)).map(spanNs));
    boundNs = Math.max(boundNs, wholeWayNs - waysNs[first] + insideNs);
    const begin = beginShares(even, plan);
    const workNs = begin.map((share) => share.workNs);
    let throughNs = beforeNs + waysNs[first];
    for (let last = first + 1; last < passes.length; last++) {
      throughNs += waysNs[last];
      const aroundNs = beforeNs + wholeWayNs - throughNs;
      const ends = endShares(passes[last].even, plan);
      begin.forEach(({ headNs }, which) => {
        for (const end of ends[which]) {
          boundNs = Math.max(boundNs, aroundNs + headNs + workNs[which] + end.workNs + end.tailNs);
        }
        workNs[which] += ends[which][0].workNs;
      });
    }
    beforeNs += waysNs[first];
  });
  return boundNs;
}

function passesOf({ even, hottest }: LeastDurations, passOf: (durations: LayerDurations) => Pass) {
  return { even: passOf(even), hottest: hottest.map(passOf) };
}

/** Attention, dispatch, experts, combine; shared experts after attention. */
function forwardPass(
  durations: LayerDurations,
  { overlap: { parts, chunks } }: Pick<StepPlan, "overlap">,
): Pass {
  const { attentionNs, sharedNs, dispatch, combine } = durations;
  return {
    stages: [
      { resource: "compute", ns: attentionNs, pieces: parts },
      { resource: "link", ns: dispatch.chipletNs[0], pieces: chunks },
      { resource: "compute", ns: expertsNs(durations, 1), pieces: chunks },
      { resource: "link", ns: combine.chipletNs[0], pieces: chunks },
    ],
    shared: { resource: "compute", ns: sharedNs, pieces: parts },
  };
}

/** The same way back, with gradients; shared experts before attention. */
function backwardPass(
  durations: LayerDurations,
  { overlap: { parts, chunks } }: Pick<StepPlan, "overlap">,
): Pass {
  const { attentionNs, sharedNs, dispatch, combine, backwardFactor } = durations;
  return {
    stages: [
      { resource: "link", ns: combine.chipletNs[0], pieces: chunks },
      { resource: "compute", ns: expertsNs(durations, backwardFactor), pieces: chunks },
      { resource: "link", ns: dispatch.chipletNs[0], pieces: chunks },
      { resource: "compute", ns: backwardFactor * attentionNs, pieces: parts },
    ],
    shared: { resource: "compute", ns: backwardFactor * sharedNs, pieces: parts },
  };
}

/** Experts of one piece, and what its dispatch and combine take of the compute. */
export function expertsNs(
  { expertsNs, dispatch, combine, unitShare }: LayerDurations,
  factor: number,
): number {
  return factor * expertsNs[0] + unitShare * (dispatch.chipletNs[0] + combine.chipletNs[0]);
}

/** The longest way of one piece through a pass. */
function longestWayNs({ stages, shared }: Pass): number {
  const [first, , , last] = stages;
  const attention = first.resource === "compute" ? first : last;
  return Math.max(sum(stages.map(({ ns }) => ns)), attention.ns + shared.ns);
}

/** Windows inside of one pass. */
function insideShares(pass: Pass, plan: Pick<StepPlan, "numMicroBatches">): Share[] {
  const { stages } = pass;
  const windows = stages.flatMap(({ resource }, from) =>
    stages.flatMap((end, to) =>
      to >= from && end.resource === resource ? [shareOf(pass, { resource, from, to }, plan)] : [],
    ),
  );
  return [...windows, withShared(pass, plan)];
}

/** Windows that begin in a pass and go on after it: from either stage of each resource, and all compute. */
function beginShares(pass: Pass, plan: Pick<StepPlan, "numMicroBatches">): Share[] {
  const windows = pass.stages.map(({ resource }, from) => shareOf(pass, { resource, from, to: 3 }, plan));
  return [...windows, withShared(pass, plan)];
}

/** How each of these windows may end in a later pass: with its resource's last stage, by which it goes on too, or its first. */
function endShares(pass: Pass, plan: Pick<StepPlan, "numMicroBatches">): Share[][] {
  const { stages } = pass;
  const windows = stages.map(({ resource }) =>
    [3, 1].map((latest) => {
      const to = stages.findLastIndex((stage, at) => at <= latest && stage.resource === resource);
      return shareOf(pass, { resource, from: 0, to }, plan);
    }),
  );
  return [...windows, [withShared(pass, plan)]];
}

/** The stages of a resource among some in a row. */
function shareOf(
  { stages }: Pass,
  { resource, from, to }: { resource: Stage["resource"]; from: number; to: number },
  { numMicroBatches }: Pick<StepPlan, "numMicroBatches">,
): Share {
  const inside = stages.slice(from, to + 1).filter((stage) => stage.resource === resource);
  return {
    headNs: sum(stages.slice(0, from).map(({ ns }) => ns)),
    workNs: numMicroBatches * sum(inside.map(({ ns, pieces }) => ns * pieces)),
    tailNs: sum(stages.slice(to + 1).map(({ ns }) => ns)),
  };
}

/** All compute of a pass: shared experts may come first, or last. */
function withShared(pass: Pass, plan: Pick<StepPlan, "numMicroBatches">): Share {
  const { workNs } = shareOf(pass, { resource: "compute", from: 0, to: 3 }, plan);
  const { ns, pieces } = pass.shared;
  return { headNs: 0, workNs: workNs + plan.numMicroBatches * pieces * ns, tailNs: 0 };
}

function spanNs({ headNs, workNs, tailNs }: Share): number {
  return headNs + workNs + tailNs;
}
