/** The public API: re-exports only. */
export { InputError } from "./lib/errors.js";
export { createRandom, type Random } from "./lib/random.js";
export {
  concatTraces,
  createRoutingTrace,
  splitHoldout,
  type LayerTrace,
  type RoutingTrace,
} from "./lib/routing-trace.js";
export { collectPatterns, type TokenPatterns } from "./lib/token-patterns.js";
export { countTouches, uniformReplication } from "./lib/placement/cost.js";
export * from "./lib/placement/placement.js";
export {
  createProblem,
  NO_LIMITS,
  type PlacementLimits,
  type PlacementProblem,
} from "./lib/placement/problem.js";
export * from "./lib/placement/solver.js";
export { countTraffic, type LayerTraffic } from "./lib/placement/traffic.js";
export { verifyChiplets, verifyFound } from "./lib/placement/verify.js";
export { findSolver, solvers } from "./solvers/index.js";
