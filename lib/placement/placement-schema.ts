import { z } from "zod";
import { NUMBER_FORMATS } from "../hardware/number-format.js";
import { MOST_MICRO_BATCHES, PHASES, TRANSPORTS } from "../hardware/workload.js";
import { ASKED_LIMITS, type RequestedLimits } from "./constraints.js";
import { OBJECTIVES } from "./objective.js";
import { DISPATCH_MODELS } from "./dispatch.js";

const count = z.int().min(1).max(65536);
const replicationCost = z.number().min(0);

function proved(cost: string) {
  return z.object({
    status: z.enum(["optimal", "feasible"]),
    cost: replicationCost.describe(cost),
    bound: replicationCost.exactOptional(),
  });
}

const layerSchema = z.object({
  layer: z.int().min(0).describe("Number of the layer as the model counts it, dense layers included."),
  status: z
    .enum(["optimal", "feasible"])
    .exactOptional()
    .describe("Whether a solver proved the placement optimal. Absent if no solver made it."),
  cost: replicationCost
    .exactOptional()
    .describe("Mean distinct chiplets per token (C_T) on the tokens learned from."),
  bound: replicationCost.exactOptional().describe("Proved: no placement within the limits costs less."),
  groups: proved("Mean distinct chiplet groups per token (C_G).")
    .exactOptional()
    .describe("The assignment of the chiplets to chiplet groups."),
  load: proved("Largest load of a chiplet over the mean.")
    .exactOptional()
    .describe("The balance of the chiplets, where that was the objective."),
  peaks: z
    .array(
      z.object({
        load: replicationCost.describe("Expert choices that some chiplet serves."),
        tokens: replicationCost.describe("Tokens that visit some chiplet."),
        cost: replicationCost.describe("C_T."),
      }),
    )
    .exactOptional()
    .describe(
      "Proved: every placement without replicas has at least what one of these says, for each token of the layer.",
    ),
  stoppedBy: z
    .enum(["proof", "rule", "budget", "time limit", "interrupt", "lost thread"])
    .exactOptional()
    .describe("Why the solver stopped."),
  chiplets: z
    .array(z.array(z.int().min(0)))
    .describe("chiplets[c] lists the experts on chiplet c; an expert on several chiplets has replicas."),
});

const share = z.number().min(0);
const backend = z.enum(["highs", "javascript-lp-solver"]);

const format = z.enum(NUMBER_FORMATS);
const workload = z.looseObject({
  phase: z.enum(PHASES),
  tokensPerChiplet: z.number().positive(),
  promptLength: count,
  kvLength: count,
  microBatches: count.max(MOST_MICRO_BATCHES),
  formats: z.looseObject({
    dispatch: format,
    combine: format,
    experts: format,
    attention: format,
    weights: format.exactOptional(),
  }),
  transport: z.enum(TRANSPORTS),
  otherComputeShare: z.number().min(0).lt(1),
  launchNs: z.number().min(0),
});

const provenanceSchema = z.object({
  version: z.string().describe("Version of moeplace."),
  objective: z.enum(OBJECTIVES),
  hardware: z.object({
    name: z.string(),
    numChiplets: count,
    numGroups: count,
    machine: z.looseObject({}).exactOptional().describe("The machine whole, if it is no preset."),
  }),
  modelShape: z.string().exactOptional().describe("Model whose sizes were taken."),
  modelLayers: z
    .object({
      numHiddenLayers: count.describe("Layers of the model, dense ones included."),
      firstMoeLayer: z.int().min(0).exactOptional().describe("The first with experts."),
      moeLayerStep: count.exactOptional().describe("From one layer with experts to the next."),
    })
    .exactOptional()
    .describe("Layers of that model, where the name that the trace gives its own does not tell them."),
  workload: workload.exactOptional().describe("How the step is run whose time was minimised."),
  slotsPerChiplet: count.exactOptional(),
  numReplicas: z.int().min(0).describe("Replicas asked for, beyond one of every expert."),
  replicaBudget: z.int().min(0).exactOptional().describe("Replicas asked for over all layers together."),
  dispatch: z.enum(DISPATCH_MODELS).exactOptional(),
  limits: z.object(
    Object.fromEntries(
      ASKED_LIMITS.map(({ field, inPartsOf, summary }) => {
        const value: z.ZodNumber = inPartsOf === undefined ? count : share;
        return [field, value.exactOptional().describe(summary)];
      }),
    ) as Record<keyof RequestedLimits, z.ZodExactOptional<z.ZodNumber>>,
  ),
  pins: z.array(z.object({ expert: z.int().min(0), chiplet: z.int().min(0) })).exactOptional(),
  antiAffinity: z.array(z.array(z.int().min(0))).exactOptional(),
  routerGroups: count.exactOptional().describe("Groups of consecutive experts that were kept whole."),
  evenSlots: z
    .boolean()
    .exactOptional()
    .describe(
      "Whether the first chiplets hold one expert more than the others, where experts do not divide.",
    ),
  maxMoves: z
    .int()
    .min(0)
    .nullable()
    .exactOptional()
    .describe("Most moves away from a running placement, null for any."),
  backends: z.object({ columns: backend, groups: backend }),
  holdout: z.number().min(0).max(1).describe("Last share of every trace file that was not learned from."),
  traceSha256: z.string().describe("SHA-256 of the layers as read."),
});

/** Shape of a placement file; what the shape cannot say (coverage, ranges) is checked after it. */
export const placementSchema = z
  .object({
    format: z.literal("moeplace.placement"),
    version: z.literal(1),
    model: z.string().nullable().exactOptional().describe("Name of the model, null if unknown."),
    numExperts: count.describe("Experts of every MoE layer."),
    sharedExperts: count
      .exactOptional()
      .describe("The last so many experts are shared ones, which every token chooses."),
    numChiplets: count,
    numGroups: count
      .exactOptional()
      .describe("Chiplet groups: chiplet c is in group floor(c / (numChiplets / numGroups))."),
    slotsPerChiplet: count.exactOptional().describe("Room on every chiplet, in experts."),
    groupsPerExpert: count
      .exactOptional()
      .describe(
        "Fewest chiplet groups in which each expert has a replica, where more than one was asked for.",
      ),
    dispatch: z
      .enum(DISPATCH_MODELS)
      .exactOptional()
      .describe("Which replica of an expert a token uses. Absent without replicas, or if it is not known."),
    solver: z.string().exactOptional().describe("Name of the solver that made the placement."),
    seed: z.int().exactOptional().describe("Seed the solver was given."),
    provenance: provenanceSchema
      .exactOptional()
      .describe("How the placement came about: enough to make it again from the same trace."),
    layers: z.array(layerSchema).min(1).describe("MoE layers, ascending by number."),
  })
  .describe("A moeplace placement: which experts sit on which chiplet, for every MoE layer of a model.");

/** The JSON Schema of the placement file, published as docs/placement.schema.json. */
export function placementJsonSchema(): object {
  return z.toJSONSchema(placementSchema, { io: "input" });
}
