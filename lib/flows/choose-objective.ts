import type { Objective } from "../placement/objective.js";
import type { Placement } from "../placement/placement.js";
import type { PosedMachine } from "./pose.js";

/** What is minimised, and why that. */
export interface ObjectiveChoice {
  readonly minimise: Objective["minimise"];
  /** For people, after "as". */
  readonly because: string;
}

/** What is asked, as far as it decides what is minimised. */
export interface ObjectiveRequest {
  /** As told, which nothing overrules. */
  readonly objective?: Objective["minimise"] | undefined;
  /** Names of the solvers that were chosen, if any were. */
  readonly solvers?: readonly string[] | undefined;
  readonly routerGroups?: number | undefined;
  /** The placement that runs now, of a solver that minimises, whose objective is kept where nothing else is told. */
  readonly running?: Pick<Placement, "provenance"> | undefined;
}

/**
 * Chooses what to minimise: time where machine and model are known, else traffic. Whoever names a solver or groups of the
 * router asks for what those minimise: traffic. What moves from a running placement keeps its objective.
 *
 * @example
 * chooseObjective({}, { hardware, shape }).minimise; // "time"
 * chooseObjective({ solvers: ["exact"] }, { hardware, shape }).minimise; // "traffic"
 */
export function chooseObjective(
  { objective, solvers, routerGroups = 1, running }: ObjectiveRequest,
  { shape }: Pick<PosedMachine, "shape">,
): ObjectiveChoice {
  if (objective !== undefined) return { minimise: objective, because: "asked for" };
  const isNamed = solvers !== undefined && !solvers.includes("auto");
  const kept = isNamed ? undefined : running?.provenance?.objective;
  if (kept !== undefined && (kept !== "time" || shape !== undefined)) {
    return { minimise: kept, because: "the running placement was made for it" };
  }
  if (shape === undefined) {
    return { minimise: "traffic", because: "the sizes of the model are not known" };
  }
  if (routerGroups > 1) {
    return { minimise: "traffic", because: "groups of the router are placed one by one" };
  }
  if (isNamed) {
    return { minimise: "traffic", because: "solvers were named and no objective" };
  }
  return { minimise: "time", because: "machine and model are known" };
}
