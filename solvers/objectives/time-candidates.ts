import type { Machine } from "../../lib/hardware/machine.js";
import type { Transport } from "../../lib/hardware/workload.js";
import { createWorkload, sharesCopies, transportOn } from "../../lib/performance/workload.js";
import type { Chiplets, Proved, Solution } from "../../lib/placement/placement.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { tokenReplicationOf } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { createRandom } from "../../lib/random.js";
import { largest } from "../../lib/statistics.js";
import { regroupByLoad } from "../groups/balance-groups.js";
import { groupByCopies } from "../groups/group-by-copies.js";
import { regroupUnderLoad } from "../groups/regroup-under-load.js";
import { isHurried } from "./hurried.js";
import type { TrafficOf } from "./modelled-time.js";

/** Caps on the largest chiplet load over the mean, under which C_T is minimised: the bottleneck's surrogates. */
const LOAD_CAPS = [1.6, 1.3, 1.15, 1.05];
const HURRIED_LOAD_CAPS = [1.3, 1.05];
/** Load of a chiplet group over the mean that a smaller C_G may cost, in one of the ways to regroup. */
const GROUP_LOAD_CAP = 1.1;
/** Tells the random stream of grouping from those of other searches. */
const GROUPING_STREAM = 950;

/** What a solver answers that has found a placement. */
export type Candidate = Extract<Solution, Proved>;

/** With its estimated time, in ns. */
export interface TimedCandidate {
  readonly placement: Candidate;
  readonly ns: number;
}

/**
 * The problem under caps on the load, each with a placement to begin with that respects it.
 *
 * Caps are between the load of the answer that costs least, which no laxer cap would change, and that of the most
 * balanced answer: a tighter cap may be impossible to meet, and to find that out would take longer than all the rest.
 */
export function cappedTasks(
  problem: PlacementProblem,
  answers: readonly Candidate[],
  trafficOf: TrafficOf,
): [PlacementProblem, Chiplets][] {
  // Searches with replicas take a second and more each, and annealing makes up for them.
  if (problem.numReplicas > 0) return [];
  const { limits } = problem;
  const loaded = answers.map(({ chiplets, cost }) => ({
    chiplets,
    cost,
    load: largest(trafficOf(chiplets).chipletLoad),
  }));
  const balanced = loaded.reduce((a, b) => (b.load < a.load ? b : a));
  const cheapest = loaded.reduce((a, b) =>
    b.cost < a.cost || (b.cost === a.cost && b.load < a.load) ? b : a,
  );
  const meanLoad = meanChipletLoad(problem);
  const caps = (isHurried(problem) ? HURRIED_LOAD_CAPS : LOAD_CAPS).map((cap) =>
    Math.max(cap * meanLoad, balanced.load),
  );
  return [...new Set(caps)]
    .filter((chipletLoad) => chipletLoad < Math.min(cheapest.load, limits.chipletLoad))
    .map((chipletLoad) => [{ ...problem, limits: { ...limits, chipletLoad } }, balanced.chiplets]);
}

/**
 * The same columns in chiplet groups of even load and, where a solver has assigned the groups, of nearly even load for
 * the least C_G; as far as the groups' limits allow it.
 */
export async function regroup(
  problem: PlacementProblem,
  found: Candidate,
  {
    isSearched,
    trafficOf,
    ...options
  }: SolverOptions & { readonly isSearched: boolean; readonly trafficOf: TrafficOf },
): Promise<Candidate[]> {
  const { numReplicas } = problem;
  const underLoad =
    isSearched && found.groups && numReplicas === 0
      ? await regroupUnderLoad(problem, found.chiplets, {
          ...options,
          maxOverMean: GROUP_LOAD_CAP,
        })
      : undefined;
  return [regroupByLoad(problem, found.chiplets), ...(underLoad ? [underLoad] : [])]
    .filter((chiplets) => verifyChiplets(problem, chiplets).length === 0)
    .map((chiplets) => {
      // Tokens choose the nearest of several replicas by their chiplet groups, so the cost may differ.
      const cost = tokenReplicationOf(trafficOf(chiplets));
      return { status: "feasible", chiplets, cost, stoppedBy: found.stoppedBy };
    });
}

/**
 * The experts in chiplet groups of few copies to the busiest of them, dealt evenly to its chiplets; where adapters of servers
 * carry one copy of a token, which bind then.
 */
export function groupsFirst(
  problem: PlacementProblem,
  { chiplets, stoppedBy }: Candidate,
  { seed, trafficOf }: SolverOptions & { readonly trafficOf: TrafficOf },
): Candidate[] {
  if (problem.objective.minimise !== "time" || !startsEverywhere(problem)) return [];
  if (transportOf(problem.objective.machine) !== "per-group") return [];
  if (problem.numReplicas > 0 || problem.pins.length > 0) return [];
  const grouped = groupByCopies(problem, chiplets, createRandom(seed, problem.layer, GROUPING_STREAM));
  if (verifyChiplets(problem, grouped).length > 0) return [];
  const cost = tokenReplicationOf(trafficOf(grouped));
  return [{ status: "feasible", chiplets: grouped, cost, stoppedBy }];
}

export function distinct(placements: readonly Candidate[]): Candidate[] {
  return placements.filter(
    (placement, index) => placements.findIndex((earlier) => isSame(placement, earlier)) === index,
  );
}

export function isSame(a: Pick<Candidate, "chiplets">, b: Pick<Candidate, "chiplets">): boolean {
  return a.chiplets.every((experts, chiplet) => {
    const others = b.chiplets[chiplet];
    return experts.length === others.length && experts.every((expert, place) => expert === others[place]);
  });
}

/** Whether nothing but loads makes a difference, as copies are not shared. */
export function isLoadAlone({ objective, numReplicas }: PlacementProblem): boolean {
  return (
    objective.minimise === "time" &&
    numReplicas === 0 &&
    !sharesCopies({ transport: transportOf(objective.machine) })
  );
}

/** Whether the least time is asked for on a machine whose tokens start on all chiplets, as on GPUs. */
export function startsEverywhere({ objective }: Pick<PlacementProblem, "objective">): boolean {
  return objective.minimise === "time" && objective.machine.hardware.tokensStart === "everywhere";
}

/** How token copies travel. */
function transportOf(machine: Machine): Transport {
  const { transport } = machine.workload ?? createWorkload(machine);
  return transportOn(machine.hardware, transport);
}
