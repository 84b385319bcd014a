import { fixesNumbers } from "../placement/numbering.js";
import type { LayerPlacement, Placement, Solution } from "../placement/placement.js";
import type { PlacementProblem } from "../placement/problem.js";
import { timeLeft, type Solver, type SolverOptions, type SolverProgress } from "../placement/solver.js";
import { countTraffic, tokenReplicationOf } from "../placement/traffic.js";
import { SHARE_ROUNDING } from "../placement/tolerance.js";
import type { Chiplets } from "../placement/placement.js";
import { verifyByTokens, verifyChiplets, verifyFound } from "../placement/verify.js";
import { countTokens } from "../placement/verify-tokens.js";
import { smallest } from "../statistics.js";
import type { LoadTrace } from "../trace/load-trace.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { claimOf, fastestStep, type Candidates } from "./fastest-step.js";
import { isRoutingTrace, poseLayers, type PosingOptions } from "./pose.js";

/** What placing a trace came to. */
export type PlaceOutcome =
  | {
      readonly status: "placed";
      readonly placement: Placement;
      /** Name of the solver that really answered. */
      readonly solver: string;
      /** What the solver passed over of what was asked, for people. */
      readonly passedOver?: string;
    }
  | { readonly status: "infeasible"; readonly layer: number; readonly reason: string }
  | { readonly status: "undecided"; readonly layer: number; readonly reason?: string };

/** Why there is no placement, and of which layer, for people. */
export function describeFailure(outcome: Exclude<PlaceOutcome, { status: "placed" }>): string {
  return `layer ${outcome.layer}: ${outcome.reason ?? "stopped before anything was found"}`;
}

/** Options of {@link placeTrace}. */
export interface PlaceTraceOptions {
  readonly posing: PosingOptions;
  readonly solver: Solver;
  /** `timeLimitMs` is for all layers together: whatever layer begins gets its share of what is left. */
  readonly solverOptions: Omit<SolverOptions, "onProgress">;
  /** Whether chiplets keep the numbers that the solver gave them, as within some moves of a running placement; default false. */
  readonly keepsNumbers?: boolean;
  /** Layers that are solved at once; default all. */
  readonly concurrency?: number;
  /** Admissible placements to begin with, by layer. */
  readonly starts?: ReadonlyMap<number, Chiplets>;
  /** Told of every better placement or bound of a layer. */
  readonly onProgress?: (layer: number, progress: SolverProgress) => void;
  /** Told of every layer that is placed. */
  readonly onLayer?: (placed: LayerPlacement) => void;
}

/**
 * Places the experts of every layer of a trace, or of loads without tokens: the main job.
 *
 * trace -> token patterns -> placement problem -> solver -> verified placement, a layer at a time. Of loads the largest
 * load of a chiplet is minimised, and C_T, which nobody can know, is left out of the answer.
 *
 * @throws Error if a solver's answer fails the independent verifier, which is a bug in the solver.
 *
 * @example
 * const outcome = await placeTrace(trace, {
 *   posing: { numChiplets: 16, numGroups: 4 }, solver: exact, solverOptions: DEFAULT_SOLVER_OPTIONS });
 * if (outcome.status === "placed") outcome.placement.layers[0].cost;
 */
export async function placeTrace(
  trace: RoutingTrace | LoadTrace,
  options: PlaceTraceOptions,
): Promise<PlaceOutcome> {
  const { posing, concurrency = Infinity, onLayer } = options;
  const problems = poseLayers(trace, posing);
  const deadline = performance.now() + SOLVING_SHARE * (options.solverOptions.timeLimitMs ?? Infinity);
  const share = shareTime(problems.length, { concurrency, deadline });
  const candidatesOf: Candidates = new Map();
  const answers = await mapSome(problems, concurrency, async (problem) => {
    const reason = missingRoom(problem);
    if (reason !== undefined) return { layer: problem.layer, status: "infeasible" as const, reason };
    const answer = await solveLayer(problem, { ...options, timeLimitMs: share() });
    if (!("chiplets" in answer)) return { layer: problem.layer, ...answer };
    verifyAnswer(answer, { trace, problem, solver: options.solver });
    const { candidates, ...placed } = { layer: problem.layer, ...answer };
    onLayer?.(placed);
    if (candidates) candidatesOf.set(placed.layer, candidates);
    return placed;
  });
  const layers: LayerPlacement[] = [];
  for (const answer of answers) {
    if (!("chiplets" in answer)) return answer;
    layers.push(isRoutingTrace(trace) ? answer : withoutTraffic(answer));
  }
  const { model, numExperts } = trace;
  const sharedExperts = isRoutingTrace(trace) ? trace.sharedExperts : undefined;
  const { numChiplets, slotsPerChiplet } = posing;
  const [first] = problems;
  const { dispatch } = first;
  const { solver } = options;
  const keepsNumbers = options.keepsNumbers === true || solver.keepsNumbers === true || fixesNumbers(first);
  const chosen = fastestStep(layers, { problems, candidates: candidatesOf, keepsNumbers });
  const together = keepsNumbers ? chosen : improveStep(chosen, { trace, problems, deadline, ...options });
  const supported = solver.supports?.(first) ?? true;
  return {
    status: "placed",
    solver: answeredAs(solver, problems),
    ...(supported !== true && { passedOver: supported }),
    placement: {
      model,
      numExperts,
      ...(sharedExperts !== undefined && { sharedExperts }),
      numChiplets,
      ...(slotsPerChiplet !== undefined && { slotsPerChiplet }),
      ...(problems.some(({ numReplicas }) => numReplicas > 0) && { dispatch }),
      layers: verified(together, problems),
    },
  };
}

/** What the solver makes of all layers together, held against the tokens like its answers. */
function improveStep(
  layers: readonly LayerPlacement[],
  {
    trace,
    problems,
    deadline,
    solver,
    solverOptions,
  }: Pick<PlaceTraceOptions, "solver" | "solverOptions"> & {
    readonly trace: RoutingTrace | LoadTrace;
    readonly problems: readonly PlacementProblem[];
    readonly deadline: number;
  },
): readonly LayerPlacement[] {
  const placed = layers.map(({ chiplets }) => chiplets);
  const together = solver.improveStep?.(placed, problems, { ...solverOptions, ...timeLeft(deadline) });
  if (together === undefined) return layers;
  return layers.map((layer, index) => {
    if (together[index] === placed[index]) return layer;
    const problem = problems[index];
    const cost = tokenReplicationOf(countTraffic(problem.patterns, together[index], problem));
    const improved = claimOf(layer, { chiplets: together[index], cost });
    verifyAnswer(improved, { trace, problem, solver });
    return improved;
  });
}

/** Name of the solver that answered for all layers; where another did for some, that of the one asked. */
function answeredAs(solver: Solver, problems: readonly PlacementProblem[]): string {
  const names = new Set(problems.map((problem) => solver.answersAs?.(problem) ?? solver.name));
  return names.size === 1 ? [...names][0] : solver.name;
}

/** Why the memories have no room for the replicas asked for; undefined where they have. */
function missingRoom(problem: PlacementProblem): string | undefined {
  const { numExperts, numReplicas, numChiplets, chipletsPerGroup, slotsPerChiplet, expertBytes } = problem;
  if (numReplicas === 0) return undefined;
  const numGroups = numChiplets / chipletsPerGroup;
  const held = Math.floor((problem.limits.groupBytes / smallest(expertBytes)) * (1 + SHARE_ROUNDING));
  const room = numGroups * Math.min(chipletsPerGroup * slotsPerChiplet, held);
  if (room >= numExperts + numReplicas) return undefined;
  return (
    `${numReplicas} replicas of ${numExperts} experts are ${numExperts + numReplicas}, and the memories of ${numGroups} chiplet ` +
    `groups have room for ${room} in every layer: at most ${Math.max(0, room - numExperts)} replicas, or a machine with more memory`
  );
}

async function solveLayer(
  problem: PlacementProblem,
  { solver, solverOptions, onProgress, timeLimitMs, starts }: PlaceTraceOptions & { timeLimitMs: number },
): Promise<Solution> {
  const { layer } = problem;
  const start = starts?.get(layer) ?? solverOptions.start;
  return solver.solve(problem, {
    ...solverOptions,
    ...(start && { start }),
    timeLimitMs,
    ...(onProgress && {
      onProgress: (progress) => {
        onProgress(layer, progress);
      },
    }),
  });
}

/** Holds an answer against the tokens themselves, or against the loads where there are none. */
function verifyAnswer(
  answer: Omit<LayerPlacement, "layer">,
  { trace, problem, solver }: { trace: RoutingTrace | LoadTrace; problem: PlacementProblem; solver: Solver },
): void {
  const tokens = isRoutingTrace(trace) && trace.layers.find(({ layer }) => layer === problem.layer);
  const violations = tokens
    ? verifyByTokens(problem, answer, countTokens(tokens, trace.topK))
    : verifyFound(problem, answer);
  if (violations.length > 0) {
    throw new Error(`${solver.name}, layer ${problem.layer}: ${violations.join("; ")}`);
  }
}

/** Layers whose chiplets may have new numbers, held against their problems once more. */
function verified(
  layers: readonly LayerPlacement[],
  problems: readonly PlacementProblem[],
): readonly LayerPlacement[] {
  layers.forEach(({ layer, chiplets }, index) => {
    const violations = verifyChiplets(problems[index], chiplets);
    if (violations.length > 0) throw new Error(`renumbered, layer ${layer}: ${violations.join("; ")}`);
  });
  return layers;
}

/** Share of a time limit that solvers get: answers are verified after them, and put together. */
const SOLVING_SHARE = 0.9;

/** Tells a layer that begins its share of the time that is left for all, up to a moment on the clock of `performance.now()`. */
function shareTime(
  numLayers: number,
  { concurrency, deadline }: { readonly concurrency: number; readonly deadline: number },
): () => number {
  let waiting = numLayers;
  return () => {
    const rounds = Math.ceil(waiting-- / Math.min(concurrency, numLayers));
    return Math.max(1, (deadline - performance.now()) / rounds);
  };
}

/** Maps items in order, no more than some at once. */
async function mapSome<Item, Result>(
  items: readonly Item[],
  most: number,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await map(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
  return results;
}

/** What is known of a layer of which nobody knows what its tokens chose together. */
function withoutTraffic({ layer, chiplets, load, stoppedBy }: LayerPlacement): LayerPlacement {
  return { layer, chiplets, ...(load && { load }), ...(stoppedBy && { stoppedBy }) };
}
