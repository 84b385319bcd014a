/** moeplace/schedule: task graphs, list schedules with bounds, and the step of a model as one. */
export { scheduleBound, type ScheduleBound } from "../lib/task-graph/bounds.js";
export { criticalPath, timeByKind, type CriticalStep } from "../lib/task-graph/critical-path.js";
export { bestListSchedule, listSchedule, type Schedule } from "../lib/task-graph/list-schedule.js";
export { OVERLAPS, type Overlap } from "../lib/schedule/overlap.js";
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
} from "../lib/schedule/schedule-step.js";
export { STEP_KINDS } from "../lib/schedule/step-graph.js";
export { memoryLevels, memoryPeak, type MemoryLevel } from "../lib/task-graph/memory-levels.js";
export { priorityRules, type PriorityRule } from "../lib/task-graph/priorities.js";
export { NO_RESOURCE, TaskGraphBuilder, taskName, type TaskGraph } from "../lib/task-graph/task-graph.js";
export { busyTimesNs, splitTime, type ClassTime } from "../lib/task-graph/timeline.js";
export { validateSchedule, type ScheduleViolation } from "../lib/task-graph/validate-schedule.js";
