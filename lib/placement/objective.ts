import type { Machine } from "../hardware/machine.js";

/**
 * What a placement of a layer is to minimise; plain data, fit for a worker.
 *
 * `traffic`: mean distinct chiplets per token, C_T. `load`: the largest load of a chiplet, then C_T at no more than
 * that. `time`: the modelled time of the layer on a machine.
 */
export type Objective =
  { readonly minimise: "traffic" | "load" } | { readonly minimise: "time"; readonly machine: Machine };

/** The objectives by name. */
export const OBJECTIVES = ["traffic", "load", "time"] as const;
