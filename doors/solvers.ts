/** moeplace/solvers: every solver, the contract of a new one, and the threads that run them. */
export { createRandom, type Random } from "../lib/random.js";
export { findCommunities } from "../solvers/starts/communities.js";
export type { BackendChoice, BackendName } from "../lib/placement/backend-choice.js";
export * from "../lib/placement/solver.js";
export { openLayerThreads, type LayerThreads } from "../solvers/threads/layer-threads.js";
export { estimateSeconds } from "../solvers/jobs/estimate-seconds.js";
export { rememberSolutions, type SolutionStore } from "../solvers/jobs/remember-solutions.js";
export { migrateFrom, type MigrateOptions } from "../solvers/migration/migrate.js";
export { findSolver, minimisedBySolver, requireSolver, solvers } from "../solvers/index.js";
