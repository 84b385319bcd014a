import {
  formatTime,
  type Evaluation,
  type PlaceOutcome,
  type RoutingTrace,
  type Placement,
} from "../../index.js";
import type { SplitTrace } from "../load-trace.js";
import type { Machine } from "../machine.js";

/** Trace and machine in a line each, for people. */
export function describeInput({ learn, heldOut }: SplitTrace, { hardware }: Machine): string {
  const { model, layers, numExperts, topK, sampledOneIn } = learn;
  const sample = sampledOneIn ? `, a sample of one token in ${sampledOneIn}` : "";
  const learned = `${numTokens(learn)} tokens to learn from`;
  const judged = heldOut ? `, ${numTokens(heldOut)} held out` : "";
  const { numGroups, chipletsPerGroup, name } = hardware;
  return (
    `${model ?? "unnamed model"}: ${layers.length} MoE layers, ${numExperts} experts, top-${topK}; ${learned}${judged}${sample}\n` +
    `${name}: ${numGroups * chipletsPerGroup} chiplets in ${numGroups} groups`
  );
}

/** The same as data. */
export function inputData({ learn, heldOut }: SplitTrace, { hardware, shape }: Machine): object {
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
  };
}

/** Modelled time and energy of a step, where the model's sizes are known. */
export function describeStep({ step, layers }: Evaluation): string | undefined {
  if (step === undefined) return undefined;
  const { configuration, stepNs, stepPj } = step;
  return (
    `modelled training step of ${layers.length} layers, ${configuration}: ${formatTime(stepNs)}, ` +
    `${(stepPj / 1e12).toFixed(1)} J`
  );
}

/** How many copies of experts there are, where there are any. */
export function describeReplicas({ numExperts, layers, dispatch }: Placement): string | undefined {
  const replicas = layers.map(({ chiplets }) => chiplets.flat().length - numExperts);
  const [least, most] = [Math.min(...replicas), Math.max(...replicas)];
  if (most === 0) return undefined;
  const count = least === most ? `${most}` : `${least} to ${most}`;
  return `${count} replicas a layer; tokens use ${dispatch === "uniform" ? "any copy, with equal chance" : "the nearest copy"}`;
}

/** Why a trace has no placement. */
export function describeFailure(outcome: Exclude<PlaceOutcome, { status: "placed" }>): string {
  const reason = outcome.status === "infeasible" ? outcome.reason : "stopped before anything was found";
  return `layer ${outcome.layer}: ${reason}`;
}

/** Tokens of all layers together: layers may have different ones. */
function numTokens({ layers }: RoutingTrace): number {
  return layers.reduce((sum, layer) => sum + layer.numTokens, 0);
}
