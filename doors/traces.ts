/** moeplace/traces: reading and writing what was routed, and the structure of it: patterns, co-activation, communities. */
export { loadsOf, type LayerLoad, type LoadTrace } from "../lib/trace/load-trace.js";
export {
  concatTraces,
  createRoutingTrace,
  splitHoldout,
  type LayerTrace,
  type RoutingTrace,
} from "../lib/trace/routing-trace.js";
export {
  coactivationGraph,
  coactivationMatrix,
  countCoactivation,
  type Coactivation,
  type CoactivationGraph,
} from "../lib/trace/coactivation.js";
export { collectPatterns, type TokenPatterns } from "../lib/trace/token-patterns.js";
export { traceFormats } from "../traces/detect.js";
export { writeJsonLines } from "../traces/formats/json-lines.js";
export { writeBinaryTrace } from "../traces/formats/binary-trace.js";
export {
  readRouting,
  readTrace,
  type ReadReport,
  type ReadRouting,
  type ReadTrace,
  type ReadTraceOptions,
} from "../traces/read-trace.js";
export { synthesizeTrace, syntheticPresets, type SyntheticOptions } from "../traces/synthetic.js";
export { withSharedExperts } from "../lib/trace/shared-experts.js";
export type { OnLayer } from "../lib/trace/layer-progress.js";
export { selectLayers, splitParts, type SplitTrace } from "../lib/trace/holdout.js";
