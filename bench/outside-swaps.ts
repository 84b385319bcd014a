import type { Chiplets } from "../lib/placement/placement.js";
import type { LayerTraffic } from "../lib/placement/traffic.js";
import type { Random } from "../lib/random.js";
import type { TokenPatterns } from "../lib/trace/token-patterns.js";
import { sum } from "../lib/statistics.js";

/** Options of {@link searchOutside}. */
export interface OutsideSearch {
  readonly chipletsPerGroup: number;
  /** Time of a layer with such traffic, in ns: the only thing that is the product's own. */
  readonly clock: (traffic: LayerTraffic) => number;
  readonly random: Random;
  /** Share of the budget that is spent, from 0 on; from 1 on the search ends. Asked now and then. */
  readonly spent: (moves: number) => number;
}

/** Experts of two chiplets that change places. */
interface Exchange {
  readonly a: number;
  readonly ofA: readonly number[];
  readonly b: number;
  readonly ofB: readonly number[];
}

/** Temperatures at the start and at the end, as parts of the time. */
const HOT = 4e-4;
const COLD = 4e-6;
/** What fewer copies and evener loads are worth where the time is the same, as part of it. */
const SMOOTH = 1e-3;
const WHOLE_CHIPLETS = 0.1;
/** Of the swaps of experts, those with a chiplet that is busier than a random one. */
const FROM_BUSY = 0.5;
const ASKED_EVERY = 16;

/**
 * Anneals a placement by swaps of experts, and of whole chiplets of different groups, on the clock itself, whose every answer is of a
 * whole schedule. It counts tokens by code of its own.
 *
 * @returns The fastest placement that was met, the start included, and how many moves were tried.
 */
export function searchOutside(
  patterns: TokenPatterns,
  start: Chiplets,
  { chipletsPerGroup, clock, random, spent }: OutsideSearch,
): { chiplets: number[][]; ns: number; moves: number } {
  const state = new CountedPlacement(patterns, start, chipletsPerGroup);
  const { traffic, held } = state;
  const numChiplets = held.length;
  const copiesAtStart = sum(traffic.chipletTokens);
  const meanLoad = sum(traffic.chipletLoad) / numChiplets;
  const score = (ns: number) => {
    const uneven = sum(traffic.chipletLoad.map((load) => (load / meanLoad) ** 2)) / numChiplets;
    return ns * (1 + SMOOTH * (sum(traffic.chipletTokens) / copiesAtStart + uneven));
  };
  const drawBusy = () => {
    const counted = random.next() < 0.5 ? traffic.chipletLoad : traffic.chipletTokens;
    let busy = random.below(numChiplets);
    for (let other = 0; other < numChiplets; other++) if (counted[other] > counted[busy]) busy = other;
    return busy;
  };
  const draw = (): Exchange | undefined => {
    const b = random.below(numChiplets);
    if (chipletsPerGroup < numChiplets && random.next() < WHOLE_CHIPLETS) {
      const a = random.below(numChiplets);
      if (Math.floor(a / chipletsPerGroup) === Math.floor(b / chipletsPerGroup)) return undefined;
      return { a, ofA: held[a].slice(), b, ofB: held[b].slice() };
    }
    const a = random.next() < FROM_BUSY ? drawBusy() : random.below(numChiplets);
    if (a === b || held[a].length === 0 || held[b].length === 0) return undefined;
    const [i, j] = [random.below(held[a].length), random.below(held[b].length)];
    return { a, ofA: [held[a][i]], b, ofB: [held[b][j]] };
  };
  let best = { chiplets: held.map((experts) => experts.slice()), ns: clock(traffic) };
  let current = score(best.ns);
  let moves = 0;
  for (let share = 0; share < 1; moves++) {
    if (moves % ASKED_EVERY === 0) share = spent(moves);
    const exchange = draw();
    if (exchange === undefined) continue;
    state.exchange(exchange);
    const ns = clock(traffic);
    const next = score(ns);
    const temperature = current * HOT * (COLD / HOT) ** share;
    if (next > current && random.next() >= Math.exp((current - next) / temperature)) {
      const { a, ofA, b, ofB } = exchange;
      state.exchange({ a, ofA: ofB, b, ofB: ofA });
      continue;
    }
    current = next;
    if (ns < best.ns) best = { chiplets: held.map((experts) => experts.slice()), ns };
  }
  return { ...best, moves };
}

/** A placement without replicas, with the experts of every pattern on every chiplet and in every group. */
class CountedPlacement {
  readonly held: number[][];
  readonly traffic: LayerTraffic;
  readonly #counts: TokenPatterns["counts"];
  readonly #patternsOf: readonly (readonly number[])[];
  readonly #load: readonly number[];
  readonly #onChiplet: readonly Uint8Array[];
  readonly #inGroup: readonly Uint8Array[];

  constructor(patterns: TokenPatterns, start: Chiplets, chipletsPerGroup: number) {
    const { numExperts, numPatterns, numTokens, offsets, experts, counts } = patterns;
    const patternsOf = Array.from({ length: numExperts }, (): number[] => []);
    for (let pattern = 0; pattern < numPatterns; pattern++) {
      for (const expert of experts.subarray(offsets[pattern], offsets[pattern + 1]))
        patternsOf[expert].push(pattern);
    }
    const numChiplets = start.length;
    const numGroups = Math.ceil(numChiplets / chipletsPerGroup);
    this.#counts = counts;
    this.#patternsOf = patternsOf;
    this.#load = patternsOf.map((own) => sum(own.map((pattern) => counts[pattern])));
    this.#onChiplet = start.map(() => new Uint8Array(numPatterns));
    this.#inGroup = Array.from({ length: numGroups }, () => new Uint8Array(numPatterns));
    this.held = start.map(() => []);
    this.traffic = {
      numTokens,
      numChiplets,
      chipletsPerGroup,
      chipletLoad: new Float64Array(numChiplets),
      chipletTokens: new Float64Array(numChiplets),
      groupTokens: new Float64Array(numGroups),
      expertLoad: start.map((): number[] => []),
    };
    start.forEach((experts, chiplet) => {
      for (const expert of experts) this.#add(expert, chiplet);
    });
  }

  exchange({ a, ofA, b, ofB }: Exchange): void {
    for (const expert of ofA) this.#remove(expert, a);
    for (const expert of ofB) this.#remove(expert, b);
    for (const expert of ofB) this.#add(expert, a);
    for (const expert of ofA) this.#add(expert, b);
  }

  #add(expert: number, chiplet: number): void {
    this.held[chiplet].push(expert);
    this.#count(expert, chiplet, 1);
  }

  #remove(expert: number, chiplet: number): void {
    this.held[chiplet].splice(this.held[chiplet].indexOf(expert), 1);
    this.#count(expert, chiplet, -1);
  }

  #count(expert: number, chiplet: number, sign: 1 | -1): void {
    const { chipletLoad, chipletTokens, groupTokens, chipletsPerGroup, expertLoad } = this.traffic;
    const group = Math.floor(chiplet / chipletsPerGroup);
    const [onChiplet, inGroup] = [this.#onChiplet[chiplet], this.#inGroup[group]];
    /** Experts of the pattern that are there besides this one. */
    const others = sign === 1 ? 0 : 1;
    for (const pattern of this.#patternsOf[expert]) {
      if (onChiplet[pattern] === others) chipletTokens[chiplet] += sign * this.#counts[pattern];
      if (inGroup[pattern] === others) groupTokens[group] += sign * this.#counts[pattern];
      onChiplet[pattern] += sign;
      inGroup[pattern] += sign;
    }
    chipletLoad[chiplet] += sign * this.#load[expert];
    (expertLoad[chiplet] as number[]).splice(
      0,
      Infinity,
      ...this.held[chiplet].map((held) => this.#load[held]),
    );
  }
}
