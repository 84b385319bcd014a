import { InputError } from "../errors.js";
import { loadOfPatterns, type TokenPatterns } from "../trace/token-patterns.js";
import { NO_LIMITS, type Constrained, type PlacementLimits } from "./constraints.js";
import type { DispatchModel } from "./dispatch.js";
import { numberingOf, type AskedNumbering, type Numbering } from "./numbering.js";
import type { Objective } from "./objective.js";
import { sum } from "../statistics.js";

/** An expert that has to be on one given chiplet. */
export interface Pin {
  readonly expert: number;
  readonly chiplet: number;
}

/** The question of one MoE layer: which experts go on which chiplet. Immutable plain data, fit for a worker. */
export interface PlacementProblem extends Constrained, Numbering {
  readonly layer: number;
  readonly numExperts: number;
  readonly numChiplets: number;
  /** Consecutive chiplets that share one switch and one memory (see `groupOfChiplet`). Divides numChiplets. */
  readonly chipletsPerGroup: number;
  /** Room on every chiplet, in experts. */
  readonly slotsPerChiplet: number;
  /** Replicas allowed beyond one of every expert, never two on one chiplet; 0 for a placement without. */
  readonly numReplicas: number;
  /** Which replica a token uses. */
  readonly dispatch: DispatchModel;
  /** The tokens to place for; its experts are [0, numExperts). */
  readonly patterns: TokenPatterns;
  /**
   * The same tokens as the steps of the workload take them, for the objective time, which is their mean: each waits for the busiest of
   * its own tokens. None where the trace is too short for some steps, as with another objective: all tokens stand for a step then.
   */
  readonly batches: readonly TokenPatterns[];
  /** Tokens that chose each expert. Shape [numExperts]. */
  readonly load: Float64Array;
  /** Weights of each expert in this layer, in bytes. Shape [numExperts]. */
  readonly expertBytes: Float64Array;
  readonly limits: PlacementLimits;
  readonly objective: Objective;
  /** At most one an expert. */
  readonly pins: readonly Pin[];
  /** Sets of experts of which no two may share a chiplet. */
  readonly antiAffinity: readonly (readonly number[])[];
}

/** Options of {@link createProblem}. */
export interface ProblemOptions extends AskedNumbering {
  layer?: number;
  /** Default none. */
  batches?: readonly TokenPatterns[];
  numChiplets: number;
  /** Default 1 group. */
  numGroups?: number;
  /** Default ceil((numExperts + numReplicas) / numChiplets). */
  slotsPerChiplet?: number | undefined;
  /** Default 0. */
  numReplicas?: number;
  /** Default nearest. */
  dispatch?: DispatchModel;
  /** Default 1 for every expert. Shape [numExperts]. */
  expertBytes?: Float64Array;
  limits?: Partial<PlacementLimits>;
  /** Default traffic. */
  objective?: Objective;
  pins?: readonly Pin[];
  antiAffinity?: readonly (readonly number[])[];
}

/**
 * Poses the placement problem of one layer.
 *
 * @throws InputError if the experts do not fit the slots or the chiplets do not divide into groups.
 *
 * @example
 * const problem = createProblem(patterns, { numChiplets: 2 });
 * problem.slotsPerChiplet; // 2, for 4 experts
 */
export function createProblem(patterns: TokenPatterns, options: ProblemOptions): PlacementProblem {
  const { numExperts } = patterns;
  const { layer = 0, numChiplets, numGroups = 1, numReplicas = 0 } = options;
  const numPlaced = numExperts + numReplicas;
  const slotsPerChiplet = options.slotsPerChiplet ?? Math.ceil(numPlaced / numChiplets);
  if (numChiplets % numGroups !== 0) {
    throw new InputError(
      `chiplets: found ${numChiplets} in ${numGroups} groups, expected groups of equal size`,
      "Maybe pass numGroups with a divisor of the number of chiplets.",
    );
  }
  if (numPlaced > numChiplets * slotsPerChiplet) {
    throw new InputError(
      `slots: found ${numChiplets} chiplets x ${slotsPerChiplet} slots = ${numChiplets * slotsPerChiplet}, ` +
        `expected at least ${numPlaced}, one for every expert${numReplicas > 0 ? " and replica" : ""}`,
      `Maybe raise slotsPerChiplet to ${Math.ceil(numPlaced / numChiplets)}.`,
    );
  }
  if (numReplicas > numExperts * (numChiplets - 1)) {
    throw new InputError(
      `replicas: found ${numReplicas}, expected at most ${numExperts * (numChiplets - 1)}, ` +
        `because ${numChiplets} chiplets hold at most one replica of an expert each`,
    );
  }
  if (options.evenSlots && numReplicas > 0) {
    throw new InputError(
      `evenSlots: found ${numReplicas} replicas too, expected none: slots are even where replicas fill them`,
      "Maybe pass slotsPerChiplet and leave out evenSlots.",
    );
  }
  checkRules(options, { numExperts, numChiplets });
  return {
    layer,
    numExperts,
    numChiplets,
    chipletsPerGroup: numChiplets / numGroups,
    slotsPerChiplet,
    numReplicas,
    dispatch: options.dispatch ?? "nearest",
    patterns,
    batches: options.batches ?? [],
    load: loadOfPatterns(patterns),
    expertBytes: options.expertBytes ?? new Float64Array(numExperts).fill(1),
    limits: { ...NO_LIMITS, ...options.limits },
    objective: options.objective ?? { minimise: "traffic" },
    // The same pin again says nothing new.
    pins: [...new Map((options.pins ?? []).map((pin) => [pin.expert, pin])).values()],
    antiAffinity: options.antiAffinity ?? [],
    ...numberingOf(options),
  };
}

function checkRules(
  { pins = [], antiAffinity = [] }: ProblemOptions,
  { numExperts, numChiplets }: { numExperts: number; numChiplets: number },
): void {
  const checkExpert = (where: string, expert: number) => {
    if (expert < 0 || expert >= numExperts) {
      throw new InputError(`${where}: expert ${expert} is out of range [0, ${numExperts})`);
    }
  };
  const chipletOf = new Map<number, number>();
  for (const { expert, chiplet } of pins) {
    checkExpert("pin", expert);
    if (chiplet < 0 || chiplet >= numChiplets) {
      throw new InputError(`pin: chiplet ${chiplet} is out of range [0, ${numChiplets})`);
    }
    const earlier = chipletOf.get(expert) ?? chiplet;
    if (earlier !== chiplet) {
      throw new InputError(
        `pin: expert ${expert} is pinned to chiplets ${earlier} and ${chiplet}, expected one`,
      );
    }
    chipletOf.set(expert, chiplet);
  }
  for (const experts of antiAffinity) {
    for (const expert of experts) checkExpert("apart", expert);
    if (new Set(experts).size !== experts.length) {
      throw new InputError(`apart: found an expert twice in ${experts.join(",")}, expected distinct experts`);
    }
  }
}

/** Load of a chiplet if all had the same, in token-expert pairs. */
export function meanChipletLoad({
  load,
  numChiplets,
}: Pick<PlacementProblem, "load" | "numChiplets">): number {
  return sum(load) / numChiplets;
}
