/** moeplace/placement: placements, their files, what engines load, and the moves from one to another. */
export { exportPlacement, type PlacementExport } from "../lib/export/export-placement.js";
export { aimAtEngine, type AimedModel } from "../lib/export/aim-at-engine.js";
export { findTarget, targetNames, type EngineTarget } from "../lib/export/engine-target.js";
export { findFormat, placementFormats } from "../lib/export/formats.js";
export { formatLayers } from "../lib/export/model-layers.js";
export type { ModelLayers } from "../lib/hardware/model-layers.js";
export {
  type ExportOptions,
  type FormatNeeds,
  type PlacementFormat,
  type ReadOptions,
} from "../lib/export/placement-format.js";
export {
  importPlacement,
  recognisePlacement,
  verifyForeign,
  type ForeignReading,
} from "../lib/export/read-foreign.js";
export {
  countMoves,
  verifyMigration,
  type MigrationStep,
  type Transfer,
} from "../lib/placement/migration.js";
export {
  formatMigrationPlan,
  planMigrations,
  type MigrationOptions,
  type MigrationPlan,
} from "../lib/placement/migration-plan.js";
export * from "../lib/placement/placement.js";
export {
  decodePlacement,
  formatPlacement,
  parsePlacement,
  verifyPlacementFile,
} from "../lib/placement/placement-file.js";
export { verifyAgainstPlacement, verifyAgainstTrace } from "../lib/placement/verify-against.js";
export { verifyPlacement } from "../lib/placement/verify-placement.js";
export { verifyRecord } from "../lib/placement/verify-record.js";
export { hashTrace, type Provenance } from "../lib/placement/provenance.js";
