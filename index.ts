/** The public API: re-exports only. */
export { InputError } from "./lib/errors.js";
export { compare, type CompareOptions } from "./program/compare.js";
export { evaluate, verify } from "./program/evaluate.js";
export { machine, type MachineChoice } from "./program/machine.js";
export { place, type PlaceOptions } from "./program/place.js";
export { schedule, type StepOptions } from "./program/schedule.js";
export {
  formatPlacement as writePlacement,
  parsePlacement as readPlacement,
} from "./lib/placement/placement-file.js";
export { printableLines } from "./lib/printable.js";
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
} from "./lib/flows/evaluate.js";
export {
  coLocationCeiling,
  inspectTrace,
  type Inspection,
  type LayerInspection,
} from "./lib/flows/inspect.js";
export {
  listConstants,
  withChiplets,
  type Constant,
  type Hardware,
  type Trust,
} from "./lib/hardware/hardware.js";
export { hardwareJsonSchema, parseHardware } from "./lib/hardware/parse.js";
export type { Machine } from "./lib/hardware/machine.js";
export { findHardware, hardwarePresets } from "./lib/hardware/presets.js";
export { parseModelConfig } from "./lib/hardware/model-config.js";
export { expertBytes, findModelShape, modelShapes, type ModelShape } from "./lib/hardware/model-shapes.js";
export {
  calibrateKernels,
  type Calibration,
  type TimedCase,
  type TimedKernel,
} from "./lib/performance/calibrate.js";
export { modelConstants, type NamedConstant } from "./lib/performance/constants.js";
export { groupCapacity, type GroupCapacity } from "./lib/performance/memory.js";
export { NUMBER_FORMATS, type NumberFormat } from "./lib/hardware/number-format.js";
export {
  PHASES,
  TRANSPORTS,
  type Formats,
  type Phase,
  type Transport,
  type Workload,
} from "./lib/hardware/workload.js";
export {
  createWorkload,
  paperWorkload,
  sharesCopies,
  type WorkloadChoice,
} from "./lib/performance/workload.js";
export { loadsOf, type LayerLoad, type LoadTrace } from "./lib/trace/load-trace.js";
export { createRandom, type Random } from "./lib/random.js";
export {
  concatTraces,
  createRoutingTrace,
  splitHoldout,
  type LayerTrace,
  type RoutingTrace,
} from "./lib/trace/routing-trace.js";
export {
  coactivationGraph,
  coactivationMatrix,
  countCoactivation,
  type Coactivation,
  type CoactivationGraph,
} from "./lib/trace/coactivation.js";
export { coactivationGexf } from "./lib/report/coactivation-gexf.js";
export { findCommunities } from "./solvers/starts/communities.js";
export { collectPatterns, type TokenPatterns } from "./lib/trace/token-patterns.js";
export { countTokenCopies, uniformReplication } from "./lib/placement/cost.js";
export { exportPlacement, type PlacementExport } from "./lib/export/export-placement.js";
export { findFormat, placementFormats } from "./lib/export/formats.js";
export { type ModelLayers } from "./lib/export/model-layers.js";
export {
  type ExportOptions,
  type FormatNeeds,
  type PlacementFormat,
  type ReadOptions,
} from "./lib/export/placement-format.js";
export { importPlacement, verifyForeign, type ForeignReading } from "./lib/export/read-foreign.js";
export { FRONTIER_CAPS, traceFrontier, type FrontierPoint } from "./lib/flows/frontier.js";
export { placeTrace, type PlaceOutcome, type PlaceTraceOptions } from "./lib/flows/place.js";
export {
  isRoutingTrace,
  poseFor,
  poseLayer,
  poseLayers,
  poseLoads,
  posedSlots,
  type PlacementRequest,
  type PosingOptions,
} from "./lib/flows/pose.js";
export { provenanceOf, requestOfProvenance, type Making } from "./lib/flows/provenance.js";
export { hashTrace, nameHardware, type Provenance } from "./lib/placement/provenance.js";
export { spreadLoad } from "./lib/placement/spread-load.js";
export { selectLayers, splitParts, type SplitTrace } from "./lib/trace/holdout.js";
export { countMoves, verifyMigration, type MigrationStep, type Transfer } from "./lib/placement/migration.js";
export {
  formatMigrationPlan,
  planMigrations,
  type MigrationOptions,
  type MigrationPlan,
} from "./lib/placement/migration-plan.js";
export { OBJECTIVES, type Objective } from "./lib/placement/objective.js";
export * from "./lib/placement/placement.js";
export {
  decodePlacement,
  formatPlacement,
  parsePlacement,
  verifyPlacementFile,
  type PlacementFile,
} from "./lib/placement/placement-file.js";
export { verifyAgainstPlacement, verifyAgainstTrace } from "./lib/placement/verify-against.js";
export { verifyPlacement } from "./lib/placement/verify-placement.js";
export { NO_LIMITS, type PlacementLimits } from "./lib/placement/constraints.js";
export { createProblem, type PlacementProblem } from "./lib/placement/problem.js";
export * from "./lib/placement/solver.js";
export { DISPATCH_MODELS, type DispatchModel } from "./lib/placement/dispatch.js";
export { countServerTraffic, type ServerTraffic, type TokenCopies } from "./lib/placement/server-traffic.js";
export { countTraffic, type LayerTraffic, type TrafficOptions } from "./lib/placement/traffic.js";
export { verifyChiplets, verifyFound } from "./lib/placement/verify.js";
export { compareSolvers, type ComparedSolver, type ComparisonRow } from "./lib/flows/compare.js";
export { comparisonCsv, comparisonData } from "./lib/report/comparison-data.js";
export { comparisonHeadline, comparisonTable, type TableText } from "./lib/report/comparison-table.js";
export { placementTable } from "./lib/report/placement-table.js";
export { formatTime } from "./lib/report/format-time.js";
export { ganttSvg } from "./lib/report/gantt-svg.js";
export { ganttText } from "./lib/report/gantt-text.js";
export { comparisonPicture } from "./lib/report/comparison-picture.js";
export { reportPage, type ReportInput } from "./lib/report/report-page.js";
export { perfettoJson } from "./lib/report/perfetto.js";
export { scheduleBound, type ScheduleBound } from "./lib/task-graph/bounds.js";
export { criticalPath, timeByKind, type CriticalStep } from "./lib/task-graph/critical-path.js";
export { bestListSchedule, listSchedule, type Schedule } from "./lib/task-graph/list-schedule.js";
export { OVERLAPS, type Overlap } from "./lib/schedule/overlap.js";
export {
  CHUNK_COUNTS,
  DEFAULT_CONFIGURATION,
  estimateMakespanNs,
  scheduledWorkload,
  scheduleLayer,
  scheduleStep,
  STEP_CONFIGURATIONS,
  stepMakespanNs,
  sweepChunks,
  type ChunkPoint,
  type ConfigurationName,
  type ScheduleOptions,
  type StepConfiguration,
  type StepSchedule,
} from "./lib/schedule/schedule-step.js";
export { STEP_KINDS } from "./lib/schedule/step-graph.js";
export { memoryLevels, memoryPeak, type MemoryLevel } from "./lib/task-graph/memory-levels.js";
export { priorityRules, type PriorityRule } from "./lib/task-graph/priorities.js";
export { NO_RESOURCE, TaskGraphBuilder, taskName, type TaskGraph } from "./lib/task-graph/task-graph.js";
export { busyTimesNs, splitTime, type ClassTime } from "./lib/task-graph/timeline.js";
export { validateSchedule, type ScheduleViolation } from "./lib/task-graph/validate-schedule.js";
export { openLayerThreads, type LayerThreads } from "./solvers/threads/layer-threads.js";
export { migrateFrom } from "./solvers/migration/migrate.js";
export { findSolver, requireSolver, solvers } from "./solvers/index.js";
export { traceFormats } from "./traces/detect.js";
export { writeJsonLines } from "./traces/formats/json-lines.js";
export { writeBinaryTrace } from "./traces/formats/binary-trace.js";
export {
  readRouting,
  readTrace,
  type ReadReport,
  type ReadRouting,
  type ReadTrace,
  type ReadTraceOptions,
} from "./traces/read-trace.js";
export { synthesizeTrace, syntheticPresets, type SyntheticOptions } from "./traces/synthetic.js";
