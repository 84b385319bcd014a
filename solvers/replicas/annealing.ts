import type { MigrationBudget } from "../../lib/placement/migration.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import { ruleOf } from "../../lib/placement/dispatch.js";
import { constraintsOf, isAbove, type Constraint } from "../../lib/placement/constraints.js";
import { meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { SHARE_ROUNDING } from "../../lib/placement/tolerance.js";
import { quickRandom, type Random } from "../../lib/random.js";
import { ReplicaGains } from "./replica-gains.js";
import { NearestGains } from "./nearest-gains.js";
import { chipletsOfSlots, EMPTY, type ReplicaSlots, type SlotChange } from "./replica-slots.js";
import type { ReplicaTrials } from "./replica-trials.js";
import { createSeparationTest } from "./separation.js";
import { sum } from "../../lib/statistics.js";

/** Options of {@link annealReplicas}. */
export interface ReplicaSearchOptions {
  readonly random: Random;
  /** Most load on a chiplet, in token-expert pairs. */
  readonly maxLoad: number;
  /** Searches so many times as long as the size of the problem asks for. Default 1. */
  readonly effort?: number;
  /** How far cooled down the search begins, in parts of all cooling: a good start is only warmed up. Default 0. */
  readonly cooled?: number | undefined;
  /** Keeps the search within the migration budget of a running placement. */
  readonly budget?: MigrationBudget;
  /** When to stop on the clock of `performance.now()`. */
  readonly deadline?: number;
}

/** Patterns looked at in a search: a second or two. */
const MOST_WORK = 6e7;
/** Changes tried for every slot, where the patterns are few; quality grows slowly beyond. Fewer where each that is kept costs more. */
const MOVES_PER_SLOT = { drawn: 25_000, nearest: 10_000 };
/** What a change costs that is refused at once, in patterns looked at. */
const WORK_OF_TRIAL = 4;
/**
 * Temperatures of the annealing, in token copies per token of all slots together: what a change may cost at the start and at
 * the end. The more slots there are, the less a change of two of them matters.
 */
const HOT = { drawn: 0.4, nearest: 0.3 };
const COLD = { drawn: 0.1, nearest: 0.15 };
/**
 * Token copies that a token-expert pair above the load cap is worth, at the start and at the end: little at first, so that
 * the search finds its way around the cap, and more than any copy at last.
 */
const FIRST_PENALTY = 0.1;
const LAST_PENALTY = 20;
/** Load of experts without a replica that a chiplet should not exceed, in parts of the cap. */
const FIXED_SHARE = 0.9;
/** Loads of several experts pack onto chiplets where each may take so much more than the mean. */
const PACKING_SLACK = 1.25;
/** Where a search goes on that ended above the load cap, as a part of all its moves, and how often at most. */
const REHEATED = 0.5;
const MOST_REHEATINGS = 4;
/** How much lower than the cap each of them aims, in parts of it. */
const AIMED_LOWER = 0.004;

/**
 * Decides together which experts have replicas and where every replica is, for the fewest token copies under a load cap.
 *
 * Simulated annealing over placements: two slots of different chiplets swap what they hold, or a replica gives its slot to
 * a replica of another expert. Load above the cap costs more and more token copies, and so does load above a lower limit that no
 * dispatcher could send elsewhere, for the sake of tokens that choose otherwise than those learned from; pins, separations
 * and bytes are never broken. Every candidate is served exactly as the dispatch model says.
 *
 * @param start Respects slots, pins, separations and bytes.
 * @returns The best placement met: of least excess over the limits, then of fewest token copies; and whether the clock cut the
 *   search.
 */
export function annealReplicas(
  problem: PlacementProblem,
  start: Chiplets,
  { maxLoad, budget, effort = 1, cooled = 0, deadline = Infinity, ...options }: ReplicaSearchOptions,
): { chiplets: number[][]; isCut: boolean } {
  const state = createTrials(problem);
  state.assign(start);
  const random = quickRandom(options.random);
  const { numTokens } = problem.patterns;
  const { chipletTokens: maxTokens } = problem.limits;
  const { slots } = state;
  const rule = isNearest(problem) ? "nearest" : "drawn";
  const propose = createProposals(problem, slots, random);
  const allows = createChangeRule(problem, slots);
  const moves = budget && countingMoves(slots, budget);
  const maxFixed = limitOfFixedLoad(problem, maxLoad);
  // Below this, an excess is rounding.
  const tolerance = SHARE_ROUNDING * numTokens;
  const measure = () => {
    let excess = 0;
    for (let chiplet = 0; chiplet < slots.numChiplets; chiplet++) {
      excess += Math.max(0, state.load[chiplet] - maxLoad);
      excess += Math.max(0, state.chipletTokens[chiplet] - maxTokens);
    }
    const fixed = maxFixed < Infinity ? excessOfFixedLoad(problem, slots, maxFixed) : 0;
    return { excess, cost: state.tokenCopies() + LAST_PENALTY * fixed };
  };
  const best = { ...measure(), expertIn: slots.expertIn.slice() };
  const mostWork = effort * workFor(problem);
  let isCut = false;
  const anneal = (from: number, cap: number) => {
    const begun = state.work;
    let trials = 0;
    let progress = from;
    let [price, temperature] = [FIRST_PENALTY, 0];
    while (progress < 1 && !isCut) {
      if (trials % 64 === 0) {
        isCut = performance.now() > deadline;
        progress = from + (state.work - begun + WORK_OF_TRIAL * trials) / mostWork;
        price = FIRST_PENALTY * (LAST_PENALTY / FIRST_PENALTY) ** progress;
        temperature = (numTokens / slots.expertIn.length) * HOT[rule] * (COLD[rule] / HOT[rule]) ** progress;
      }
      trials++;
      const changes = propose();
      if (!changes || allows?.(changes) === false || moves?.allows(changes) === false) continue;
      const limits = { price, maxLoad: cap, maxTokens, maxFixed };
      if (!state.tryChange(changes, limits, -temperature * Math.log(1 - random.next()))) continue;
      moves?.keep(changes);
      state.keep();
      const { excess, cost } = measure();
      const isBetter =
        excess < best.excess - tolerance ||
        (excess <= best.excess + tolerance && cost < best.cost - tolerance);
      if (isBetter) Object.assign(best, { excess, cost, expertIn: slots.expertIn.slice() });
    }
  };
  anneal(cooled, maxLoad);
  // Cooled down just above the cap: warmed up, and aimed a little lower each time, it comes to rest below.
  // Below the mean there is nothing to aim at.
  const meanLoad = meanChipletLoad(problem);
  for (let round = 1; round <= MOST_REHEATINGS && best.excess > tolerance; round++) {
    const aim = maxLoad * (1 - round * AIMED_LOWER);
    if (aim < meanLoad) break;
    anneal(1 - REHEATED, aim);
  }
  return { chiplets: chipletsOfSlots(best.expertIn, slots.perChiplet), isCut };
}

function createTrials(problem: PlacementProblem): ReplicaTrials {
  return isNearest(problem) ? new NearestGains(problem) : new ReplicaGains(problem);
}

/** What a search may cost, in patterns looked at. */
function workFor(problem: PlacementProblem): number {
  const perSlot = isNearest(problem) ? MOVES_PER_SLOT.nearest : MOVES_PER_SLOT.drawn;
  return Math.min(MOST_WORK, WORK_OF_TRIAL * perSlot * problem.numChiplets * problem.slotsPerChiplet);
}

function isNearest({ dispatch }: PlacementProblem): boolean {
  return ruleOf(dispatch) === "nearest";
}

/**
 * Most load that experts without a replica may bring to a chiplet. Tokens of the others can be sent elsewhere when loads
 * are not those learned from, as long as there is room.
 *
 * Where there are too few replicas to keep it, it is what packs onto the chiplets with that slack; without a load cap, or
 * where the dispatcher pays loads no heed, all that there is.
 */
function limitOfFixedLoad(
  { load, numReplicas, numChiplets, dispatch }: PlacementProblem,
  maxLoad: number,
): number {
  if (ruleOf(dispatch) !== "nearest") return Infinity;
  const lightest = load.toSorted().subarray(0, Math.max(0, load.length - numReplicas));
  const least = sum(lightest) / numChiplets;
  return Math.max(FIXED_SHARE * maxLoad, PACKING_SLACK * least);
}

function excessOfFixedLoad({ load }: PlacementProblem, slots: ReplicaSlots, limit: number): number {
  const { expertIn, perChiplet, replicasOf } = slots;
  let excess = 0;
  for (let first = 0; first < expertIn.length; first += perChiplet) {
    let fixed = 0;
    for (let slot = first; slot < first + perChiplet; slot++) {
      const expert = expertIn[slot];
      if (expert !== EMPTY && replicasOf[expert] === 1) fixed += load[expert];
    }
    excess += Math.max(0, fixed - limit);
  }
  return excess;
}

/**
 * Makes a draw of a change that keeps every expert placed and no replica twice on a chiplet; undefined where the draw fails.
 *
 * The change drawn is overwritten by the next: millions are drawn.
 */
function createProposals(
  { numExperts, numReplicas }: PlacementProblem,
  slots: ReplicaSlots,
  random: Pick<Random, "below" | "next">,
): () => readonly SlotChange[] | undefined {
  const { expertIn, chipletOf, replicasOf } = slots;
  const fill = { slot: 0, expert: 0 };
  const back = { slot: 0, expert: 0 };
  const single = [fill];
  const both = [fill, back];
  return () => {
    const slot = random.below(expertIn.length);
    const chiplet = chipletOf[slot];
    const expert = expertIn[slot];
    fill.slot = slot;
    const isSpare = expert === EMPTY ? slots.numFilled < numExperts + numReplicas : replicasOf[expert] > 1;
    if (isSpare && random.next() < 0.5) {
      fill.expert = random.below(numExperts);
      return slots.holds(chiplet, fill.expert) ? undefined : single;
    }
    back.slot = random.below(expertIn.length);
    back.expert = expert;
    const otherChiplet = chipletOf[back.slot];
    const guest = expertIn[back.slot];
    fill.expert = guest;
    if (chiplet === otherChiplet || expert === guest) return undefined;
    if (expert !== EMPTY && slots.holds(otherChiplet, expert)) return undefined;
    if (guest !== EMPTY && slots.holds(chiplet, guest)) return undefined;
    return both;
  };
}

/** Makes the test whether pins, and constraints on what is held, allow a change; undefined where there are none. */
function createChangeRule(
  problem: PlacementProblem,
  slots: ReplicaSlots,
): ((changes: readonly SlotChange[]) => boolean) | undefined {
  const { pins, chipletsPerGroup, limits } = problem;
  const pinnedTo = new Map(pins.map(({ expert, chiplet }) => [expert, chiplet]));
  const isUnpinned = ({ slot }: SlotChange) => pinnedTo.get(slots.expertIn[slot]) !== slots.chipletOf[slot];
  const tests = constraintsOf(problem)
    .filter(({ measure }) => measure === "held")
    .map((constraint) => createHoldTest(constraint, slots, chipletsPerGroup));
  if (limits.groupsPerExpert > 1) tests.push(createSeparationTest({ ...limits, chipletsPerGroup }, slots));
  if (tests.length === 0 && pins.length === 0) return undefined;
  return (changes) => changes.every(isUnpinned) && tests.every((keeps) => keeps(changes));
}

/** Makes the test whether the chiplets, or chiplet groups, of a change keep a cap on what they hold. */
function createHoldTest(
  { scope, weight, cap }: Constraint,
  { expertIn, perChiplet }: ReplicaSlots,
  chipletsPerGroup: number,
): (changes: readonly SlotChange[]) => boolean {
  const slotsPerBlock = perChiplet * (scope === "chiplet" ? 1 : chipletsPerGroup);
  const weightOf = (expert: number) => (expert === EMPTY ? 0 : weight[expert]);
  const keeps = (changes: readonly SlotChange[], block: number) => {
    const end = (block + 1) * slotsPerBlock;
    let sum = 0;
    for (let slot = block * slotsPerBlock; slot < end; slot++) sum += weightOf(expertIn[slot]);
    for (const { slot, expert } of changes) {
      if (Math.floor(slot / slotsPerBlock) === block) sum += weightOf(expert) - weightOf(expertIn[slot]);
    }
    return !isAbove(sum, cap);
  };
  return (changes) => changes.every(({ slot }) => keeps(changes, Math.floor(slot / slotsPerBlock)));
}

/** Counts the moves from a running placement to the one at hand, and tells whether a change keeps them within the budget. */
function countingMoves(
  { expertIn, chipletOf, numChiplets, numExperts }: ReplicaSlots,
  { running, maxMoves }: MigrationBudget,
): {
  allows(changes: readonly SlotChange[]): boolean;
  /** Told of every change before it is made. */
  keep(changes: readonly SlotChange[]): void;
} {
  const runsOn = new Uint8Array(numChiplets * numExperts);
  running.forEach((experts, chiplet) => {
    for (const expert of experts) runsOn[chiplet * numExperts + expert] = 1;
  });
  const moved = (slot: number, expert: number) =>
    expert === EMPTY ? 0 : 1 - runsOn[chipletOf[slot] * numExperts + expert];
  const added = (changes: readonly SlotChange[]) => {
    let more = 0;
    for (const { slot, expert } of changes) more += moved(slot, expert) - moved(slot, expertIn[slot]);
    return more;
  };
  let moves = expertIn.reduce((total, expert, slot) => total + moved(slot, expert), 0);
  return {
    allows: (changes) => moves + added(changes) <= maxMoves,
    keep(changes) {
      moves += added(changes);
    },
  };
}
