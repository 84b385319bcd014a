import { ROUNDING } from "../../lib/placement/tolerance.js";
import type { Random } from "../../lib/random.js";
import { packReplicas, replicateBusiest } from "./pack-replicas.js";
import { sum } from "../../lib/statistics.js";

/** Options of {@link balanceReplicas}. */
export interface BalanceOptions {
  /** Replicas of all experts together, at least one each. */
  readonly numPlaced: number;
  readonly numChiplets: number;
  /** Room on every chiplet; default the replicas spread evenly. */
  readonly slotsPerChiplet?: number;
  readonly random: Random;
  /** Further placements to begin from, none with an expert twice on a chiplet, each of `numPlaced` replicas. */
  readonly starts?: readonly (readonly (readonly number[])[])[];
  /** Largest load of a chiplet that is low enough; default next to the mean. */
  readonly enoughLoad?: number;
}

/** A placement this close to the mean load is not improved further. */
const CLOSE_ENOUGH = 1 + 5e-4;
/** Changes tried for every slot. */
const MOVES_PER_SLOT = 4000;
/** Changes tried at most: about a tenth of a second. */
const MOST_MOVES = 100_000;
/** Loads are compared by their sum of 2 ** SQUARINGS: high enough that the largest counts most, low enough to feel the rest. */
const SQUARINGS = 3;
/** Temperatures of the annealing, in units of the potential of one chiplet of mean load. */
const HOT = 2;
const COLD = 1e-3;

/**
 * Replicates experts and spreads all replicas so that the largest load of a chiplet is least.
 *
 * Tokens of an expert are spread evenly over its replicas. The first start gives replicas to the expert of largest load
 * a replica, one by one, and packs them heaviest first. That is optimal for the largest load of a replica, but wastes
 * slots on an expert far busier than the rest, so simulated annealing then changes how many replicas an expert has and
 * where they are together: two slots swap what they hold, or a replica gives its slot to another expert. Never two
 * replicas of an expert on one chiplet. The answer is no worse than any start.
 * Time O(numPlaced * numChiplets) for the start, O(replicas of two experts) a change.
 *
 * @param load Tokens of every expert. Shape [numExperts].
 * @returns Experts of every chiplet, ascending.
 *
 * @example
 * balanceReplicas([8, 4, 3, 1], { numPlaced: 6, numChiplets: 2, random: createRandom(1) }); // [[0, 2, 3], [0, 1, 3]]
 */
export function balanceReplicas(load: ArrayLike<number>, options: BalanceOptions): number[][] {
  const { numPlaced, numChiplets, starts = [], random, enoughLoad = 0 } = options;
  const slots = options.slotsPerChiplet ?? Math.ceil(numPlaced / numChiplets);
  const loads = Array.from(load);
  const packed = packReplicas(
    replicateBusiest(loads, { numPlaced, mostReplicas: numChiplets }),
    numChiplets,
    slots,
  );
  let best = new ReplicaLoads(loads, packed, slots);
  for (const start of starts) {
    const state = new ReplicaLoads(loads, start, slots);
    if (state.peak() < best.peak()) best = state;
  }
  const enough = Math.max(enoughLoad, best.meanLoad * CLOSE_ENOUGH);
  if (best.peak() > enough) anneal(best, random, enough);
  return best.chiplets();
}

/** Leaves the state at the placement of least largest load that was met. */
function anneal(state: ReplicaLoads, random: Random, enough: number): void {
  const numSlots = state.expertOf.length;
  const numMoves = Math.min(MOST_MOVES, MOVES_PER_SLOT * numSlots);
  let best = state.expertOf.slice();
  let bestPeak = state.peak();
  let current = state.potential();
  for (let move = 0; move < numMoves; move++) {
    const change = propose(state, random);
    if (!change) continue;
    const { slotA, slotB, expert } = change;
    const before = state.expertOf[slotA];
    if (slotB < 0) state.replace(slotA, expert);
    else state.swap(slotA, slotB);
    const next = state.potential();
    const temperature = HOT * (COLD / HOT) ** (move / numMoves);
    if (next > current && random.next() >= Math.exp((current - next) / temperature)) {
      if (slotB < 0) state.replace(slotA, before);
      else state.swap(slotA, slotB);
      continue;
    }
    current = next;
    const peak = state.peak();
    if (peak >= bestPeak * (1 - ROUNDING)) continue;
    best = state.expertOf.slice();
    bestPeak = peak;
    if (peak <= enough) break;
  }
  state.restore(best);
}

/** A slot that is given to an expert, or (`slotB` not negative) two slots that swap what they hold. */
interface Change {
  readonly slotA: number;
  readonly slotB: number;
  readonly expert: number;
}

function propose(state: ReplicaLoads, random: Random): Change | undefined {
  const { expertOf, replicaCount, slots, numExperts } = state;
  const slotA = random.below(expertOf.length);
  const chipletA = Math.floor(slotA / slots);
  const expertA = expertOf[slotA];
  if (expertA >= 0 && replicaCount[expertA] > 1 && random.next() < 0.5) {
    const expert = random.below(numExperts);
    return state.holds(chipletA, expert) ? undefined : { slotA, slotB: -1, expert };
  }
  const slotB = random.below(expertOf.length);
  const chipletB = Math.floor(slotB / slots);
  const expertB = expertOf[slotB];
  if (chipletA === chipletB || expertA === expertB) return undefined;
  if (expertA >= 0 && state.holds(chipletB, expertA)) return undefined;
  if (expertB >= 0 && state.holds(chipletA, expertB)) return undefined;
  return { slotA, slotB, expert: -1 };
}

/**
 * Replicas in slots and the loads they bring to chiplets, kept true by {@link swap} and {@link replace}.
 *
 * Flat arrays, because changes are tried by the hundred thousand. Empty slots hold -1.
 */
class ReplicaLoads {
  readonly numExperts: number;
  readonly meanLoad: number;
  /** Expert in every slot. Shape [numChiplets, slots], row-major. */
  readonly expertOf: Int32Array;
  /** Replicas of every expert. Shape [numExperts]. */
  readonly replicaCount: Int32Array;
  readonly #load: Float64Array;
  readonly #chipletLoad: Float64Array;
  /** Whether a chiplet holds an expert. Shape [numChiplets, numExperts], row-major. */
  readonly #isHeld: Uint8Array;

  constructor(
    load: readonly number[],
    chiplets: readonly (readonly number[])[],
    readonly slots: number,
  ) {
    this.numExperts = load.length;
    this.#load = Float64Array.from(load);
    this.#chipletLoad = new Float64Array(chiplets.length);
    this.meanLoad = sum(this.#load) / chiplets.length;
    this.replicaCount = new Int32Array(load.length);
    this.#isHeld = new Uint8Array(chiplets.length * load.length);
    this.expertOf = new Int32Array(chiplets.length * slots).fill(-1);
    const expertOf = this.expertOf.slice();
    chiplets.forEach((experts, chiplet) => {
      expertOf.set(experts, chiplet * slots);
    });
    this.restore(expertOf);
  }

  /** Begins anew from what every slot holds. */
  restore(expertOf: Int32Array): void {
    this.expertOf.set(expertOf);
    this.replicaCount.fill(0);
    this.#isHeld.fill(0);
    this.#chipletLoad.fill(0);
    for (const expert of expertOf) if (expert >= 0) this.replicaCount[expert]++;
    expertOf.forEach((expert, slot) => {
      if (expert < 0) return;
      const chiplet = Math.floor(slot / this.slots);
      this.#isHeld[chiplet * this.numExperts + expert] = 1;
      this.#chipletLoad[chiplet] += this.#load[expert] / this.replicaCount[expert];
    });
  }

  holds(chiplet: number, expert: number): boolean {
    return this.#isHeld[chiplet * this.numExperts + expert] === 1;
  }

  peak(): number {
    let peak = 0;
    for (const chipletLoad of this.#chipletLoad) if (chipletLoad > peak) peak = chipletLoad;
    return peak;
  }

  /** Sum over chiplets of (load / mean) ** 2 ** SQUARINGS. */
  potential(): number {
    let sum = 0;
    for (const chipletLoad of this.#chipletLoad) {
      // Squaring is ten times as fast as Math.pow.
      let power = chipletLoad / this.meanLoad;
      for (let squaring = 0; squaring < SQUARINGS; squaring++) power *= power;
      sum += power;
    }
    return sum;
  }

  swap(slotA: number, slotB: number): void {
    const [expertA, expertB] = [this.expertOf[slotA], this.expertOf[slotB]];
    const [chipletA, chipletB] = [Math.floor(slotA / this.slots), Math.floor(slotB / this.slots)];
    this.#move(expertA, chipletA, chipletB);
    this.#move(expertB, chipletB, chipletA);
    this.expertOf[slotA] = expertB;
    this.expertOf[slotB] = expertA;
  }

  /** Gives the slot of a replica to another expert; the expert that leaves has a replica elsewhere. */
  replace(slot: number, expert: number): void {
    const chiplet = Math.floor(slot / this.slots);
    const leaving = this.expertOf[slot];
    this.#recount(leaving, chiplet, -1);
    this.#recount(expert, chiplet, 1);
    this.expertOf[slot] = expert;
  }

  chiplets(): number[][] {
    return Array.from({ length: this.#chipletLoad.length }, (_, chiplet) =>
      Array.from(this.expertOf.subarray(chiplet * this.slots, (chiplet + 1) * this.slots))
        .filter((expert) => expert >= 0)
        .sort((a, b) => a - b),
    );
  }

  #move(expert: number, from: number, to: number): void {
    if (expert < 0) return;
    const share = this.#load[expert] / this.replicaCount[expert];
    this.#chipletLoad[from] -= share;
    this.#chipletLoad[to] += share;
    this.#isHeld[from * this.numExperts + expert] = 0;
    this.#isHeld[to * this.numExperts + expert] = 1;
  }

  /** Adds a replica on a chiplet, or takes one away, and shares the load of the expert out anew. */
  #recount(expert: number, chiplet: number, change: 1 | -1): void {
    const load = this.#load[expert];
    const count = this.replicaCount[expert];
    const shift = load / (count + change) - (count > 0 ? load / count : 0);
    this.replicaCount[expert] = count + change;
    const held = chiplet * this.numExperts + expert;
    if (change === -1) {
      this.#isHeld[held] = 0;
      this.#chipletLoad[chiplet] -= load / count;
    }
    for (let holder = 0, at = expert; holder < this.#chipletLoad.length; holder++, at += this.numExperts) {
      if (this.#isHeld[at] === 1) this.#chipletLoad[holder] += shift;
    }
    if (change === 1) {
      this.#isHeld[held] = 1;
      this.#chipletLoad[chiplet] += load / (count + 1);
    }
  }
}
