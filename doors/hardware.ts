/** moeplace/hardware: machines, models, workloads, and the constants they rest on with their sources. */
export {
  listConstants,
  withChiplets,
  type Constant,
  type Hardware,
  type Trust,
} from "../lib/hardware/hardware.js";
export { overrideHardware } from "../lib/hardware/override.js";
export { hardwareJsonSchema, parseHardware } from "../lib/hardware/parse.js";
export type { Machine } from "../lib/hardware/machine.js";
export { findHardware, hardwarePresets } from "../lib/hardware/presets.js";
export {
  expertBytes,
  findModelShape,
  modelShapes,
  withSharedPlaced,
  type ModelShape,
} from "../lib/hardware/model-shapes.js";
export {
  calibrateKernels,
  implausibleTimes,
  type Calibration,
  type TimedCase,
  type TimedKernel,
} from "../lib/performance/calibrate.js";
export { collectiveNs } from "../lib/performance/collective.js";
export { expertComputeNs } from "../lib/performance/expert-compute.js";
export { modelConstants, type NamedConstant } from "../lib/performance/constants.js";
export { groupCapacity, memoryWarning, type GroupCapacity } from "../lib/performance/memory.js";
export { NUMBER_FORMATS, type NumberFormat } from "../lib/hardware/number-format.js";
export {
  PHASES,
  TRANSPORTS,
  type Formats,
  type Phase,
  type Transport,
  type Workload,
} from "../lib/hardware/workload.js";
export { type WorkloadChoice } from "../lib/hardware/check-workload.js";
export { createWorkload, paperWorkload, sharesCopies, transportOn } from "../lib/performance/workload.js";
export { layersBeyondName, layersOfShape, strayLayers } from "../lib/hardware/model-layers.js";
export { parseModelConfig } from "../lib/hardware/model-config.js";
