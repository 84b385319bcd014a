import type { Solver } from "../lib/placement/solver.js";
import { auto } from "./auto.js";
import { contiguous } from "./contiguous.js";
import { eplbGlobal, eplbHierarchical } from "./eplb.js";
import { exact } from "./exact.js";
import { ilp } from "./ilp.js";
import { localSearch } from "./local-search.js";
import { louvain } from "./louvain.js";
import { mozart } from "./mozart.js";
import { random } from "./random.js";
import { replicating } from "./replicas/replicate.js";
import { spectral } from "./spectral.js";

/** Every solver, in the order in which `compare` shows them. */
export const solvers: readonly Solver[] = [
  contiguous,
  random,
  eplbGlobal,
  eplbHierarchical,
  mozart,
  spectral,
  louvain,
  replicating(localSearch),
  replicating(ilp),
  replicating(exact),
  replicating(auto),
];

/** Finds a solver by name. */
export function findSolver(name: string): Solver | undefined {
  return solvers.find((solver) => solver.name === name);
}
