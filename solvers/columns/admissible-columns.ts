import { isAbove } from "../../lib/placement/constraints.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { createLimitGauge } from "../constraints/violations.js";
import { INADMISSIBLE, type ColumnModel } from "./column-model.js";
import { walkSubsets } from "./column-table.js";
import { zeroMultipliers } from "./multipliers.js";

/** Poses set partitioning: what limits, pins and separations mean for a single chiplet. */
export function columnModelOf(model: ConstraintModel): ColumnModel {
  const { patterns, numExperts, numChiplets, slotsPerChiplet, pins } = model;
  const gauge = model.constraints.length > 0 ? createLimitGauge(model) : undefined;
  const isPinned = new Uint8Array(numExperts);
  for (const { expert } of pins) isPinned[expert] = 1;
  return {
    patterns,
    numExperts,
    numChiplets,
    slotsPerChiplet,
    admits: gauge && ((experts) => gauge.chipletExcess(experts) === 0 && gauge.groupExcess(experts) === 0),
    isPinned,
    markInadmissible: (tokens, size) => {
      markInadmissible(model, tokens, size);
    },
  };
}

/** Marks columns that cannot be on any chiplet: those above a cap, be it of their whole group, and those that part pins. */
function markInadmissible(model: ConstraintModel, tokens: Int32Array, size: number): void {
  const multipliers = zeroMultipliers(model);
  const markIf = (isBad: (members: Uint16Array) => boolean) => {
    walkSubsets(
      tokens,
      { numExperts: model.numExperts, size, multipliers, limit: Infinity },
      (members, rank) => {
        if (isBad(members)) tokens[rank] = INADMISSIBLE;
      },
    );
  };
  for (const { measure, weight, cap } of model.constraints) {
    if (measure === "tokens") {
      for (let rank = 0; rank < tokens.length; rank++) {
        if (isAbove(tokens[rank], cap)) tokens[rank] = INADMISSIBLE;
      }
    } else {
      markIf((members) => {
        let sum = 0;
        for (const expert of members) sum += weight[expert];
        return isAbove(sum, cap);
      });
    }
  }
  if (model.pins.length > 0) markIf(createPinTest(model));
}

/** Experts pinned to one chiplet go there together; experts pinned to two never share one. */
function createPinTest({
  numExperts,
  numChiplets,
  pins,
}: ConstraintModel): (members: Uint16Array) => boolean {
  const pinnedTo = new Int32Array(numExperts).fill(-1);
  const pinsOn = new Uint16Array(numChiplets);
  for (const { expert, chiplet } of pins) {
    pinnedTo[expert] = chiplet;
    pinsOn[chiplet]++;
  }
  return (members) => {
    const chiplets = [...members].map((expert) => pinnedTo[expert]).filter((chiplet) => chiplet >= 0);
    return (
      chiplets.length > 0 &&
      (chiplets.some((chiplet) => chiplet !== chiplets[0]) || chiplets.length !== pinsOn[chiplets[0]])
    );
  };
}
