/** moeplace/flows: posing, placing, evaluating and comparing, each one function that takes its solver as a value. */
export {
  evaluatePlacement,
  evaluateTraffic,
  stepTime,
  timeOfPlacement,
  type Metrics,
  type Evaluation,
  type EvaluationOptions,
  type ModelledMetrics,
  type ServerMetrics,
  type StepMetrics,
  type StepTime,
} from "../lib/flows/evaluate.js";
export {
  coLocationCeiling,
  inspectTrace,
  type Inspection,
  type LayerInspection,
} from "../lib/flows/inspect.js";
export { FRONTIER_CAPS, traceFrontier, type FrontierPoint } from "../lib/flows/frontier.js";
export {
  placeTrace,
  poseLayer,
  type PlaceOutcome,
  type PlaceTraceOptions,
  type PosingOptions,
} from "../lib/flows/place.js";
export {
  placeLoads,
  poseLoads,
  spreadLoad,
  type PlaceLoadsOptions,
  type PlaceLoadsOutcome,
} from "../lib/flows/place-loads.js";
export { compareSolvers, type ComparedSolver, type ComparisonRow } from "../lib/flows/compare.js";
