import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { SolverOptions } from "../../lib/placement/solver.js";
import { stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { createRandom, type Random } from "../../lib/random.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { SCHEDULED_ANNEALING } from "./anneal-candidates.js";
import { annealTime, drawSwaps } from "./anneal-time.js";
import { StepTraffic } from "./step-traffic.js";
import { createAdmissibility, type Swap, type SwapTraffic } from "./swap-traffic.js";
import { isSame, startsEverywhere } from "./time-candidates.js";

/** Layers that are scheduled: steps of fewer are tried more often, as each takes less. */
const SCHEDULED_LAYERS = 6000;
/**
 * Beyond so many pairs of slots, of all layers, too few are tried for anything to come of it: two layers of 32 experts on 16 chiplets become
 * 0.02 % faster in twice the time. Of large layers the placement for their own time is the better, the more evenly experts can be dealt.
 */
const MOST_PAIRS = 600;
/** Share of the moves that swap two chiplet groups of a layer: memories work for all layers. */
const WHOLE_GROUPS = 0.05;
const STEP_STREAM = 930;

/**
 * Anneals the placements of a few small layers together on the schedule of their step: each was placed for its own time, while the memories of a
 * wafer work for all, so that a layer may take longer with more experts where another has fewer.
 *
 * Only without replicas, where all tokens stand for a step, and chiplets may have any number of experts; else the layers are
 * left as they are, as they are on GPUs, whose memories stream no weights.
 *
 * @param placed Of every layer, in the order of the problems.
 * @returns Placements whose step is no slower; those given, of layers that stay as they are.
 */
export function annealStep(
  placed: readonly Chiplets[],
  problems: readonly PlacementProblem[],
  { seed, timeLimitMs = Infinity, signal }: Pick<SolverOptions, "seed" | "timeLimitMs" | "signal">,
): readonly Chiplets[] {
  const [{ objective, numChiplets, slotsPerChiplet, layer }] = problems;
  if (objective.minimise !== "time" || signal?.aborted || !problems.every(isFree)) return placed;
  const numSlots = numChiplets * slotsPerChiplet;
  const numPairs = (problems.length * numSlots * (numSlots - 1)) / 2;
  if (problems.length === 1 || numPairs > MOST_PAIRS) return placed;
  const state = new StepTraffic(problems);
  const allowed = problems.map((problem, index) =>
    createAdmissibility(constraintModelOf(problem), state.layers[index]),
  );
  const traffic = state.layers.map((each) => each.traffic);
  const stepNs = () => stepMakespanNs(traffic, objective.machine);
  state.place(placed.flat());
  const beforeNs = stepNs();
  const { chiplets, ns } = annealTime(state, placed.flat(), {
    estimate: stepNs,
    isAllowed: (swaps) => {
      const index = state.layerOf(swaps[0]);
      return allowed[index]?.(swaps.map((swap) => state.within(index, swap))) ?? true;
    },
    draw: (_, random) => {
      const index = random.below(problems.length);
      return drawMove(state.layers[index], random)?.map((swap) => state.among(index, swap));
    },
    maxMoves: Math.floor(SCHEDULED_LAYERS / problems.length),
    annealing: SCHEDULED_ANNEALING,
    random: createRandom(seed, layer, STEP_STREAM),
    deadline: performance.now() + timeLimitMs,
  });
  if (ns >= beforeNs) return placed;
  return placed.map((before, index) => {
    const after = chiplets.slice(index * numChiplets, (index + 1) * numChiplets);
    return isSame({ chiplets: before }, { chiplets: after }) ? before : after;
  });
}

/** Whether experts of a layer may be swapped for the step's sake. */
function isFree(problem: PlacementProblem): boolean {
  const { numReplicas, batches, evenSlots, routerGroups } = problem;
  const isNumbered = evenSlots || routerGroups > 1;
  return numReplicas === 0 && batches.length === 0 && !isNumbered && !startsEverywhere(problem);
}

/** Swaps of a layer: of two slots, two chiplets, or all chiplets of two groups. */
function drawMove(layer: SwapTraffic, random: Random): readonly Swap[] | undefined {
  const { chipletsPerGroup, groupTokens } = layer.traffic;
  if (random.next() >= WHOLE_GROUPS) return drawSwaps(layer, random, SCHEDULED_ANNEALING.wholeChiplets);
  const [a, b] = [random.below(groupTokens.length), random.below(groupTokens.length)];
  if (a === b) return undefined;
  return Array.from({ length: chipletsPerGroup }, (_, place) => ({
    of: "chiplets",
    a: a * chipletsPerGroup + place,
    b: b * chipletsPerGroup + place,
  }));
}
