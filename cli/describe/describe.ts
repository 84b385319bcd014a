import { timeGap, type Evaluation, type StepTime } from "../../doors/flows.js";
import { sharesCopies, type Workload } from "../../doors/hardware.js";
import { formatLayers, type Placement } from "../../doors/placement.js";
import { counted, formatTime } from "../../doors/report.js";
import type { RoutingTrace, SplitTrace } from "../../doors/traces.js";
import type { Machine } from "../machine.js";
import { describeWorkload } from "../workload-options.js";

/** Trace, machine and step in a line each, for people. */
export function describeInput(
  { learn, heldOut }: SplitTrace,
  { hardware, shape, workload }: Machine,
): string {
  const { model, layers, numExperts, topK, sampledOneIn } = learn;
  const sample = sampledOneIn ? `, a sample of one token in ${sampledOneIn}` : "";
  const learned = `${tokensOfLayer(learn, "token")} a layer to learn from`;
  const judged = heldOut ? `, ${tokensOfLayer(heldOut)} held out` : "";
  const { numGroups, chipletsPerGroup, name } = hardware;
  const numChiplets = numGroups * chipletsPerGroup;
  const step = shape && `\n${describeTransport(workload, numChiplets)}`;
  return (
    `${model ?? "unnamed model"}: ${counted(layers.length, "MoE layer")}, ${numExperts} experts, top-${topK}; ${learned}${judged}${sample}\n` +
    `${name}: ${counted(numChiplets, "chiplet")} in ${counted(numGroups, "group")}${step ?? ""}`
  );
}

/** A step in words, and where its copies are not shared that what follows of them is worth knowing and worth nothing. */
export function describeTransport(workload: Workload, numChiplets: number): string {
  const worthless = `\n${workload.transport}: C_T and its gap are worth nothing here, only load is`;
  return `${describeWorkload(workload, numChiplets)}${sharesCopies(workload) ? "" : worthless}`;
}

/** The same as data. */
export function inputData({ learn, heldOut }: SplitTrace, { hardware, shape, workload }: Machine): object {
  return {
    model: learn.model ?? null,
    numExperts: learn.numExperts,
    topK: learn.topK,
    sampledOneIn: learn.sampledOneIn ?? 1,
    numLayers: learn.layers.length,
    tokensLearned: numTokens(learn),
    tokensHeldOut: heldOut ? numTokens(heldOut) : 0,
    hardware: hardware.name,
    numChiplets: hardware.numGroups * hardware.chipletsPerGroup,
    numGroups: hardware.numGroups,
    modelShape: shape?.name ?? null,
    workload,
  };
}

/** Modelled time and energy of a step, and what the whole model comes to by it, where the model's sizes are known. */
export function describeStep(
  { step, layers }: Evaluation,
  { shape, modelExperts }: Machine,
): string | undefined {
  if (step === undefined || shape === undefined) return undefined;
  const { configuration, workload, stepNs, stepPj, tokensPerSecond } = step;
  const { name, numExperts, numMoeLayers } = shape;
  const asNamed =
    modelExperts === undefined ? "" : ` (${name} with ${numExperts} experts in place of its ${modelExperts})`;
  const placed = layers.length === 1 ? "this one" : `these ${layers.length}`;
  const asPlaced = layers.length < numMoeLayers ? `, were all ${numMoeLayers} MoE layers like ${placed}` : "";
  return (
    `modelled step of ${counted(layers.length, "layer")} (${workload.phase}, ${workload.transport}, ${configuration}): ` +
    `${formatTime(stepNs)}, ${(stepPj / 1e12).toFixed(1)} J\n` +
    `the whole model${asNamed}: ${Math.round(tokensPerSecond)} tokens/s a chiplet${asPlaced}`
  );
}

/** What is proved of the time of a step: the least that any placement, of as many replicas, takes on the tokens learned from. */
export function describeLeastTime(time: StepTime | null, placement: Placement): string | undefined {
  const gap = timeGap(time);
  if (!time || time.atLeastNs === null || gap === undefined) return undefined;
  const ofWhich = describeReplicas(placement) === undefined ? "" : " with as many replicas";
  return (
    `proved: no placement${ofWhich} takes less than ${formatTime(time.atLeastNs)} on the tokens learned from; ` +
    `this one takes ${formatTime(time.learnedNs)}, ${(100 * gap).toFixed(2)} % more`
  );
}

/**
 * How many replicas beyond one of each there are, where there are any or were to be, and which layers have fewer than they were to.
 *
 * @param askedOf Replicas that a layer was to have. Default none.
 */
export function describeReplicas(
  { numExperts, layers, dispatch }: Placement,
  askedOf: (layer: number) => number = () => 0,
): string | undefined {
  const replicas = layers.map(({ chiplets }) => chiplets.flat().length - numExperts);
  const [least, most] = [Math.min, Math.max].map((choose) =>
    replicas.reduce((extreme, next) => choose(extreme, next)),
  );
  const short = layers.flatMap(({ layer }, at) => (replicas[at] < askedOf(layer) ? [layer] : []));
  const lacking =
    short.length === 0
      ? ""
      : `; fewer than asked for in ${short.length === 1 ? "layer" : "layers"} ${formatLayers(short)}, where no placement with all of them ` +
        "was found that keeps all limits";
  if (most === 0) return lacking === "" ? undefined : `no replicas${lacking}`;
  const count = least === most ? counted(most, "replica") : `${least} to ${counted(most, "replica")}`;
  const chosen =
    dispatch === undefined || dispatch === "nearest"
      ? "the nearest"
      : dispatch === "uniform"
        ? "any replica, with equal chance"
        : `replicas as ${dispatch} chooses them`;
  return `${count} a layer; tokens use ${chosen}${lacking}`;
}

/** Tokens of a layer, or from how many to how many, with their noun where it is to be told. */
function tokensOfLayer({ layers }: RoutingTrace, noun?: "token"): string {
  const counts = layers.map(({ numTokens: count }) => count);
  const [least, most] = [Math.min, Math.max].map((choose) => counts.reduce((a, b) => choose(a, b)));
  const upTo = noun === undefined ? `${most}` : counted(most, noun);
  return least === most ? upTo : `${least} to ${upTo}`;
}

/** Tokens of all layers together: layers may have different ones. */
function numTokens({ layers }: RoutingTrace): number {
  return layers.reduce((sum, layer) => sum + layer.numTokens, 0);
}
