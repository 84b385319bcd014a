/** moeplace/flows: posing, placing, evaluating and comparing, each one function that takes its solver as a value. */
export { evaluatePlacement, type Evaluation, type EvaluationOptions } from "../lib/flows/evaluate.js";
export {
  evaluateTraffic,
  type Metrics,
  type MetricsOptions,
  type ModelledMetrics,
  type ServerMetrics,
} from "../lib/flows/layer-metrics.js";
export {
  stepTime,
  timeGap,
  timeOfPlacement,
  type StepMetrics,
  type StepTime,
} from "../lib/flows/step-time.js";
export {
  coLocationCeiling,
  inspectLoads,
  inspectTrace,
  type LoadInspection,
  type Inspection,
  type LayerInspection,
} from "../lib/flows/inspect.js";
export {
  chooseObjective,
  type ObjectiveChoice,
  type ObjectiveRequest,
} from "../lib/flows/choose-objective.js";
export { FRONTIER_CAPS, traceFrontier, type FrontierPoint } from "../lib/flows/frontier.js";
export {
  describeFailure,
  placeTrace,
  type PlaceOutcome,
  type PlaceTraceOptions,
} from "../lib/flows/place.js";
export {
  isRoutingTrace,
  poseFor,
  poseLayer,
  poseLayers,
  poseLoads,
  posedSlots,
  type PlacementRequest,
  type PosedMachine,
  type PosingOptions,
} from "../lib/flows/pose.js";
export { placedLayers } from "../lib/flows/placed-layers.js";
export { provenanceOf, recordPlacement, requestOfProvenance, type Making } from "../lib/flows/provenance.js";
export { spreadLoad } from "../lib/placement/spread-load.js";
export {
  compareSolvers,
  differentSolvers,
  runSolvers,
  type ComparedSolver,
  type ComparisonRow,
  type PlaceBy,
  type SolverRun,
} from "../lib/flows/compare.js";
export {
  batchMetrics,
  measureBatches,
  pairedGain,
  trafficOfBatches,
  type BatchFigures,
  type BatchMetrics,
  type BatchSpread,
  type BatchTraffic,
  type MeasuredBatches,
  type PairedGain,
} from "../lib/flows/batches.js";
export { batchWindows, searchedBatch, type BatchWindows } from "../lib/performance/batch-windows.js";
export { measureOnlineSlots, type OnlineSlots } from "../lib/flows/online-slots.js";
export {
  assessWorth,
  beforeAfter,
  measurePlacement,
  type BeforeAfter,
  type Bottleneck,
  type MeasuredPlacement,
  type PlacementFigures,
  type ReplicaCost,
  type Worth,
  type WorthOptions,
} from "../lib/flows/worth.js";
export {
  chooseReplicas,
  replicaCounts,
  type CurvePoint,
  type ReplicaCurve,
  type ReplicaLaw,
} from "../lib/flows/replica-curve.js";
export { layerCosts, replicaRoom, spendReplicas, type LayerCurve } from "../lib/flows/replica-budget.js";
export { boundEffortOf, evaluateOn, judge, provedOn, type ReadTokens } from "../lib/flows/judge.js";
export {
  createTasks,
  crossEvaluate,
  type CrossEvaluation,
  type Task,
  type TaskTable,
} from "../lib/flows/cross-evaluation.js";
export { parseYaml, type ParsedYaml } from "../lib/containers/yaml.js";
export { readBuild, readVersion } from "../lib/version.js";
export { gridMachines, parseSweep, type GridMachine, type SweepConfig } from "../lib/flows/sweep-grid.js";
export {
  estimatePoints,
  paretoFront,
  planSweep,
  runSweep,
  type JobSize,
  type SweepOptions,
  type SweepPlan,
  type SweepPoint,
  type SweepRow,
} from "../lib/flows/sweep.js";
export {
  fasterLayers,
  judgeChange,
  measureDrift,
  type ChangeVerdict,
  type Drift,
} from "../lib/flows/drift.js";
export { migrationNs } from "../lib/performance/migration-time.js";
