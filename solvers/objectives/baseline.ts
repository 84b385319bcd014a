import type { PlacementProblem } from "../../lib/placement/problem.js";

/** What solvers have in common that answer by a rule of their own, to be measured against. */
export const BASELINE = {
  kind: "baseline",
  proves: false,
  supports({ objective, numReplicas }: PlacementProblem): true | string {
    if (objective.minimise !== "traffic") return `minimises ${objective.minimise} by no rule of its own`;
    return numReplicas === 0 || "places every expert once, whatever replicas are allowed";
  },
} as const;
