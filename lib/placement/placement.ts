import type { DispatchModel } from "./dispatch.js";
import type { Provenance } from "./provenance.js";

/** The experts on every chiplet, each list ascending. An expert on several chiplets has replicas. */
export type Chiplets = readonly (readonly number[])[];

/** Why a solver stopped. A result cut by the clock, by Ctrl-C or by a thread that died is not reproducible, and says so here. */
export type StoppedBy = "proof" | "rule" | "budget" | "time limit" | "interrupt" | "lost thread";

/** A figure that was minimised, and what is proved about it. */
export interface Proved {
  readonly status: "optimal" | "feasible";
  readonly cost: number;
  /** Proved: it cannot be less. */
  readonly bound?: number;
}

/**
 * The placement of one MoE layer and, where a solver made it, what the solver says of it: its cost and bound are mean
 * distinct chiplets per token (C_T).
 */
export interface LayerPlacement extends Partial<Proved> {
  readonly layer: number;
  readonly chiplets: Chiplets;
  /** Mean distinct chiplet groups per token (C_G) and, for these columns, what is proved about it. */
  readonly groups?: Proved;
  /** Largest load of a chiplet over the mean, where that was the objective. */
  readonly load?: Proved;
  /** Proved: every placement without replicas has at least what one of these says, be it this one or that. */
  readonly peaks?: readonly Peaks[];
  readonly stoppedBy?: StoppedBy;
}

/** What a placement of a layer has at least, all of it for each token of the layer. */
export interface Peaks {
  /** Expert choices that some chiplet serves, in [0, topK]. */
  readonly load: number;
  /** Tokens that visit some chiplet, be it the same one or another; in [0, 1]. */
  readonly tokens: number;
  /** C_T. */
  readonly cost: number;
}

/** What a solver answers to the problem of one layer: a placement, a proof that there is none, or neither. */
export type Solution =
  | (Omit<LayerPlacement, "layer"> &
      Proved & {
        readonly stoppedBy: StoppedBy;
        /** Placements of the same layer that it was chosen from, by solver: another may suit the step of all layers better. */
        readonly candidates?: Readonly<
          Record<string, { readonly chiplets: Chiplets; readonly cost: number }>
        >;
      })
  | { readonly status: "infeasible"; readonly reason: string }
  | {
      readonly status: "undecided";
      readonly stoppedBy: StoppedBy;
      /** What came nearest, where something did. */
      readonly reason?: string;
    };

/**
 * The placement of a model, whoever made it: one placement of all its experts for every MoE layer, and what is known of
 * where it belongs and how it came about. A placement file holds all of it.
 */
export interface Placement {
  readonly model: string | undefined;
  readonly numExperts: number;
  /** The last so many experts are shared ones, placed like the others; absent where all are routed. */
  readonly sharedExperts?: number;
  readonly numChiplets: number;
  /** Chiplet c is in chiplet group floor(c / (numChiplets / numGroups)). */
  readonly numGroups?: number;
  /** Room on every chiplet, where it is known; a chiplet may hold fewer experts. */
  readonly slotsPerChiplet?: number;
  /** Fewest chiplet groups in which each expert has a replica, where more than one was asked for. */
  readonly groupsPerExpert?: number;
  /** Which replica a token uses, where experts have any and it is known. */
  readonly dispatch?: DispatchModel;
  /** Name of the solver that really answered. */
  readonly solver?: string;
  readonly seed?: number;
  readonly provenance?: Provenance;
  /** Ascending by layer number. */
  readonly layers: readonly LayerPlacement[];
}

/**
 * Turns lists of experts into the chiplet of every expert.
 *
 * @param chiplets A placement without replicas.
 * @returns `chipletOf[expert]`. Shape [numExperts].
 *
 * @example
 * chipletOfExperts([[0, 3], [1, 2]], 4); // Uint16Array [0, 1, 1, 0]
 */
export function chipletOfExperts(chiplets: Chiplets, numExperts: number): Uint16Array {
  const chipletOf = new Uint16Array(numExperts);
  chiplets.forEach((experts, chiplet) => {
    for (const expert of experts) chipletOf[expert] = chiplet;
  });
  return chipletOf;
}

/** Turns the chiplet of every expert into ascending lists of experts, the inverse of {@link chipletOfExperts}. */
export function expertsOfChiplets(chipletOf: ArrayLike<number>, numChiplets: number): number[][] {
  const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
  for (let expert = 0; expert < chipletOf.length; expert++) chiplets[chipletOf[expert]].push(expert);
  return chiplets;
}
