/**
 * moeplace for programs: the functions that README.md shows. What they are made of is behind moeplace/problem, /placement, /solvers,
 * /flows, /schedule, /traces, /hardware and /report (doors/).
 */
export { InputError } from "./lib/errors.js";
export {
  compare,
  crossEvaluate,
  type CompareOptions,
  type CrossEvaluationOptions,
} from "./program/compare.js";
export { evaluate, verify, type EvaluateOptions } from "./program/evaluate.js";
export { machine, type MachineChoice } from "./program/machine.js";
export { place, type PlaceOptions, type PlaceResult } from "./program/place.js";
export { schedule, type StepOptions } from "./program/schedule.js";
export {
  formatPlacement as writePlacement,
  parsePlacement as readPlacement,
} from "./lib/placement/placement-file.js";
export { type PlaceOutcome } from "./lib/flows/place.js";
export { splitHoldout } from "./lib/trace/routing-trace.js";
export { exportPlacement } from "./lib/export/export-placement.js";
export { importPlacement } from "./lib/export/read-foreign.js";
export { readTrace } from "./traces/read-trace.js";
export { synthesizeTrace } from "./traces/synthetic.js";
