import { InputError } from "../index.js";
import { spreadLoad } from "../doors/flows.js";
import type { Placement } from "../doors/placement.js";
import { counted } from "../doors/report.js";
import type { LoadTrace } from "../doors/traces.js";
import { flagsOfTokenLimits } from "./limit-options.js";
import type { Machine } from "./machine.js";
import type { SolveOptions } from "./solve-options.js";
import { formatTable } from "./terminal.js";

/**
 * Refuses what needs tokens, where a trace has loads only.
 *
 * @throws InputError that says why.
 */
export function checkLoadOptions(
  path: string,
  { objective, holdout, dispatch, ...options }: SolveOptions,
): void {
  const refuse = (found: string, reason: string, advice: string) => {
    throw new InputError(
      `${path}: found loads of experts without tokens, expected ${found}: ${reason}`,
      advice,
    );
  };
  if (objective !== "balance") {
    refuse(
      "the experts that every token chose",
      "C_T depends on what is chosen together",
      "Maybe pass --objective balance, for which loads are enough.",
    );
  }
  if (dispatch === "nearest") {
    refuse(
      "--dispatch uniform",
      "which replica is nearest depends on what a token chose",
      "Maybe leave out --dispatch.",
    );
  }
  const unmet = [...(holdout > 0 ? ["--holdout"] : []), ...flagsOfTokenLimits(options)];
  for (const name of unmet) refuse(`no ${name}`, "it is about tokens", `Maybe leave out ${name}.`);
}

/** Loads and machine in a line each, for people. */
export function describeLoads({ model, layers, numExperts }: LoadTrace, { hardware }: Machine): string {
  const { numGroups, chipletsPerGroup, name } = hardware;
  return (
    `${model ?? "unnamed model"}: loads of ${counted(layers.length, "MoE layer")}, ${numExperts} experts\n` +
    `${name}: ${counted(numGroups * chipletsPerGroup, "chiplet")} in ${counted(numGroups, "group")}`
  );
}

/** The same as data, with what the placement makes of the loads. */
export function loadsData(
  { model, layers, numExperts }: LoadTrace,
  { hardware }: Machine,
  placement: Placement,
): object {
  const loadMaxOverMean = spreadLoads(layers, placement);
  return {
    model: model ?? null,
    numExperts,
    numLayers: layers.length,
    hardware: hardware.name,
    numChiplets: hardware.numGroups * hardware.chipletsPerGroup,
    numGroups: hardware.numGroups,
    mean: { loadMaxOverMean: meanOf(loadMaxOverMean) },
    layers: layers.map(({ layer }, index) => ({ layer, loadMaxOverMean: loadMaxOverMean[index] })),
  };
}

/** A record for every layer. */
export function loadRecords({ layers }: LoadTrace, placement: Placement): object[] {
  const loads = spreadLoads(layers, placement);
  return placement.layers.map(({ layer, load, stoppedBy }, index) => ({
    layer,
    loadMaxOverMean: loads[index],
    bound: load?.bound ?? null,
    stoppedBy,
  }));
}

/** A row for every layer, then the mean. */
export function loadsTable({ layers }: LoadTrace, placement: Placement): string {
  const loads = spreadLoads(layers, placement);
  const rows = placement.layers.map(({ layer, load, stoppedBy }, index) => [
    `${layer}`,
    loads[index].toFixed(3),
    load?.bound?.toFixed(3) ?? "",
    stoppedBy ?? "",
  ]);
  return formatTable(
    ["layer", "max load", "at least", "stopped by"],
    [...rows, ["mean", meanOf(loads).toFixed(3), "", ""]],
  );
}

function spreadLoads(layers: LoadTrace["layers"], placement: Placement): number[] {
  return layers.map(({ load }, index) => spreadLoad(load, placement.layers[index].chiplets));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
