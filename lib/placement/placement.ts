import type { DispatchModel } from "./dispatch.js";

/** The experts on every chiplet, each list ascending. An expert on several chiplets has replicas. */
export type Chiplets = readonly (readonly number[])[];

/** Why a solver stopped. A result cut by the clock or by Ctrl-C is not reproducible, and says so here. */
export type StoppedBy = "proof" | "rule" | "budget" | "time limit" | "interrupt";

/** A figure that was minimised, and what is proved about it. */
export interface Proved {
  readonly status: "optimal" | "feasible";
  readonly cost: number;
  /** Proved: it cannot be less. */
  readonly bound?: number;
}

/** A placement found, in a solver's words. Costs and bounds are mean distinct chiplets per token (C_T). */
export interface FoundPlacement {
  readonly status: "optimal" | "feasible";
  readonly chiplets: Chiplets;
  readonly cost: number;
  /** Proved: no placement that respects the limits costs less. */
  readonly bound?: number;
  /** Mean distinct chiplet groups per token (C_G) and, for these columns, what is proved about it. */
  readonly groups?: Proved;
  /** Largest load of a chiplet over the mean, where that was the objective. */
  readonly load?: Proved;
  readonly stoppedBy: StoppedBy;
}

/** What a solver answers: a placement, a proof that there is none, or neither. */
export type Solution =
  | FoundPlacement
  | { readonly status: "infeasible"; readonly reason: string }
  | { readonly status: "undecided"; readonly stoppedBy: StoppedBy };

/** Where the experts of one MoE layer sit, whoever seated them. */
export interface SeatedLayer {
  readonly layer: number;
  readonly chiplets: Chiplets;
}

/** Where all experts of a model sit, whoever seated them: what engines and evaluation need of a placement. */
export interface Seating {
  readonly model: string | undefined;
  readonly numExperts: number;
  readonly numChiplets: number;
  /** Which copy a token uses, where experts have replicas and it is known. */
  readonly dispatch?: DispatchModel;
  /** Ascending by layer number. */
  readonly layers: readonly SeatedLayer[];
}

/** The placement of one MoE layer. */
export interface LayerPlacement extends FoundPlacement {
  readonly layer: number;
}

/** The placement of a model: one placement of all its experts for every MoE layer. */
export interface Placement extends Seating {
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
