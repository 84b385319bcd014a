/** moeplace/problem: what a placement is asked for, what it costs, and an independent check of both. */
export { describeValue } from "../lib/describe-value.js";
export { unknownName } from "../lib/unknown-name.js";
export { countTokenCopies, uniformReplication } from "../lib/placement/cost.js";
export { OBJECTIVES, type Objective } from "../lib/placement/objective.js";
export {
  ASKED_LIMITS,
  NO_LIMITS,
  type PlacementLimits,
  type RequestedLimits,
} from "../lib/placement/constraints.js";
export {
  numberingOf,
  requestedNumbering,
  type AskedNumbering,
  type Numbering,
} from "../lib/placement/numbering.js";
export { createProblem, type PlacementProblem } from "../lib/placement/problem.js";
export { defaultDispatch } from "../lib/placement/default-dispatch.js";
export { DISPATCH_MODELS, type DispatchModel } from "../lib/placement/dispatch.js";
export { countServerTraffic, type ServerTraffic, type TokenCopies } from "../lib/placement/server-traffic.js";
export { countTraffic, type LayerTraffic, type TrafficOptions } from "../lib/placement/traffic.js";
export { verifyChiplets, verifyFound } from "../lib/placement/verify.js";
