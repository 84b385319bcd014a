import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { groupOfChiplet } from "../../lib/placement/chiplet-group.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import { isAbove } from "../../lib/placement/constraints.js";
import { sum } from "../../lib/statistics.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";
import { createTokenSets, type TokenSets } from "./token-sets.js";

/** An empty slot. */
const EMPTY = -1;

/** What is swapped: the contents of two slots of different chiplets, or all of two chiplets. */
export interface Swap {
  readonly of: "slots" | "chiplets";
  readonly a: number;
  readonly b: number;
}

/** A placement under swaps, each of which is tried, and then kept or undone. */
export interface Swappable {
  /** The traffic at hand, that of a swap which is tried included; its arrays change, lists of loads are new ones where they do. */
  readonly traffic: LayerTraffic;
  /** Expert in every slot, or -1. Shape [numChiplets, slots], row-major. */
  readonly expertOf: Int32Array;
  readonly slots: number;
  /** Takes a placement over. */
  place(chiplets: Chiplets): void;
  /** Makes the traffic that of a swap. What was tried before has to be kept or undone. */
  try(swap: Swap): void;
  /** Makes the swap that was tried part of the placement. */
  keep(): void;
  /** Takes the swap that was tried back. */
  undo(): void;
  chiplets(): number[][];
  /** The two chiplets that a swap is of. */
  chipletsOf(swap: Swap): readonly [number, number];
}

/**
 * The traffic of a placement without replicas, under swaps: all that a time estimate looks at.
 *
 * To try a swap takes O(patterns / 128) by bits (see {@link TokenSets}), whatever the load
 * of its experts; searches try a hundred thousand a layer, and keep few.
 */
export class SwapTraffic implements Swappable {
  readonly traffic: LayerTraffic;
  readonly expertOf: Int32Array;
  readonly slots: number;
  readonly #sets: TokenSets;
  readonly #load: Float64Array;
  readonly #expertLoad: number[][];
  /** Block of every chiplet; those of groups are behind them. */
  readonly #blockOf: Int32Array;
  #tried: Swap | undefined;
  /** What `undo` brings back: of both chiplets, then of both groups. */
  readonly #before = { load: [0, 0], tokens: [0, 0], groupTokens: [0, 0], lists: [[], []] as number[][] };

  /** @param load Tokens of every expert. Shape [numExperts]. */
  constructor(
    patterns: TokenPatterns,
    load: Float64Array,
    shape: { numChiplets: number; chipletsPerGroup: number; slotsPerChiplet: number },
  ) {
    const { numChiplets, chipletsPerGroup, slotsPerChiplet } = shape;
    const numGroups = numChiplets / chipletsPerGroup;
    this.#load = load;
    this.slots = slotsPerChiplet;
    this.expertOf = new Int32Array(numChiplets * slotsPerChiplet);
    this.#blockOf = new Int32Array(numChiplets);
    this.#sets = createTokenSets(patterns, {
      numBlocks: numChiplets + numGroups,
      mostSets: Math.max(slotsPerChiplet, chipletsPerGroup),
      numSpare: 3,
    });
    this.#expertLoad = Array.from({ length: numChiplets }, () => []);
    this.traffic = {
      numTokens: patterns.numTokens,
      numChiplets,
      chipletsPerGroup,
      chipletLoad: new Float64Array(numChiplets),
      chipletTokens: new Float64Array(numChiplets),
      groupTokens: new Float64Array(numGroups),
      expertLoad: this.#expertLoad,
    };
  }

  place(chiplets: Chiplets): void {
    const { chipletLoad, chipletTokens, groupTokens, chipletsPerGroup } = this.traffic;
    const sets = this.#sets;
    this.expertOf.fill(EMPTY);
    this.#tried = undefined;
    sets.clear();
    chiplets.forEach((experts, chiplet) => {
      this.#blockOf[chiplet] = chiplet;
      this.expertOf.set(experts, chiplet * this.slots);
      for (const expert of experts) sets.change(this.#block(chiplet), sets.none, sets.ofExpert(expert));
      sets.change(
        this.#groupBlock(groupOfChiplet(chiplet, chipletsPerGroup)),
        sets.none,
        this.#block(chiplet),
      );
      this.#listLoads(chiplet);
      chipletLoad[chiplet] = sum(this.#expertLoad[chiplet]);
      chipletTokens[chiplet] = this.#count(this.#block(chiplet));
    });
    for (let group = 0; group < groupTokens.length; group++)
      groupTokens[group] = this.#count(this.#groupBlock(group));
  }

  try(swap: Swap): void {
    const { chipletLoad, chipletTokens, groupTokens } = this.traffic;
    const { load, tokens, groupTokens: ofGroups, lists } = this.#before;
    this.#tried = swap;
    const [a, b] = this.chipletsOf(swap);
    const [groupA, groupB] = this.#groupsOf(a, b);
    [load[0], load[1]] = [chipletLoad[a], chipletLoad[b]];
    [tokens[0], tokens[1]] = [chipletTokens[a], chipletTokens[b]];
    [ofGroups[0], ofGroups[1]] = [groupTokens[groupA], groupTokens[groupB]];
    [lists[0], lists[1]] = [this.#expertLoad[a], this.#expertLoad[b]];
    if (swap.of === "chiplets") this.#tryChiplets(a, b);
    else this.#trySlots(swap.a, swap.b);
  }

  keep(): void {
    const swap = this.#tried;
    if (swap === undefined) return;
    this.#tried = undefined;
    const sets = this.#sets;
    const [a, b] = this.chipletsOf(swap);
    const [blockA, blockB] = [this.#block(a), this.#block(b)];
    const [groupA, groupB] = this.#groupsOf(a, b).map((group) => this.#groupBlock(group));
    if (swap.of === "chiplets") {
      sets.change(groupA, blockA, blockB);
      sets.change(groupB, blockB, blockA);
      [this.#blockOf[a], this.#blockOf[b]] = [this.#blockOf[b], this.#blockOf[a]];
      return;
    }
    sets.change(groupA, blockA, sets.spare(0));
    sets.change(groupB, blockB, sets.spare(1));
    // Slots have been swapped already.
    const [toB, toA] = [this.#setIn(swap.b), this.#setIn(swap.a)];
    sets.change(blockA, toB, toA);
    sets.change(blockB, toA, toB);
  }

  undo(): void {
    const swap = this.#tried;
    if (swap === undefined) return;
    this.#tried = undefined;
    const { chipletLoad, chipletTokens, groupTokens } = this.traffic;
    const { load, tokens, groupTokens: ofGroups, lists } = this.#before;
    const [a, b] = this.chipletsOf(swap);
    const [groupA, groupB] = this.#groupsOf(a, b);
    [chipletLoad[a], chipletLoad[b]] = load;
    [chipletTokens[a], chipletTokens[b]] = tokens;
    [groupTokens[groupA], groupTokens[groupB]] = ofGroups;
    [this.#expertLoad[a], this.#expertLoad[b]] = lists;
    this.#swapSlots(swap);
  }

  chiplets(): number[][] {
    return Array.from({ length: this.traffic.numChiplets }, (_, chiplet) =>
      [...this.expertOf.subarray(chiplet * this.slots, (chiplet + 1) * this.slots)]
        .filter((expert) => expert !== EMPTY)
        .sort((a, b) => a - b),
    );
  }

  #trySlots(slotA: number, slotB: number): void {
    const { chipletLoad, chipletTokens, groupTokens, chipletsPerGroup } = this.traffic;
    const sets = this.#sets;
    const [a, b] = [Math.floor(slotA / this.slots), Math.floor(slotB / this.slots)];
    const [ofA, ofB] = [this.#setIn(slotA), this.#setIn(slotB)];
    const [groupA, groupB] = this.#groupsOf(a, b);
    const [blockA, blockB] = [this.#block(a), this.#block(b)];
    chipletTokens[a] = sets.exchange(blockA, ofA, ofB, sets.spare(0));
    chipletTokens[b] = sets.exchange(blockB, ofB, ofA, sets.spare(1));
    if (chipletsPerGroup === 1) {
      groupTokens[a] = chipletTokens[a];
      groupTokens[b] = chipletTokens[b];
    } else if (groupA !== groupB) {
      groupTokens[groupA] = this.#exchangeInGroup(groupA, blockA, sets.spare(0));
      groupTokens[groupB] = this.#exchangeInGroup(groupB, blockB, sets.spare(1));
    }
    this.#swapSlots({ of: "slots", a: slotA, b: slotB });
    this.#listLoads(a);
    this.#listLoads(b);
    chipletLoad[a] = sum(this.#expertLoad[a]);
    chipletLoad[b] = sum(this.#expertLoad[b]);
  }

  #tryChiplets(a: number, b: number): void {
    const { chipletLoad, chipletTokens, groupTokens } = this.traffic;
    const [groupA, groupB] = this.#groupsOf(a, b);
    if (groupA !== groupB) {
      groupTokens[groupA] = this.#exchangeInGroup(groupA, this.#block(a), this.#block(b));
      groupTokens[groupB] = this.#exchangeInGroup(groupB, this.#block(b), this.#block(a));
    }
    this.#swapSlots({ of: "chiplets", a, b });
    for (const numbers of [chipletLoad, chipletTokens]) [numbers[a], numbers[b]] = [numbers[b], numbers[a]];
    [this.#expertLoad[a], this.#expertLoad[b]] = [this.#expertLoad[b], this.#expertLoad[a]];
  }

  #swapSlots({ of, a, b }: Swap): void {
    const { expertOf, slots } = this;
    const length = of === "slots" ? 1 : slots;
    for (let place = 0; place < length; place++) {
      const [slotA, slotB] = [a * length + place, b * length + place];
      const expert = expertOf[slotA];
      expertOf[slotA] = expertOf[slotB];
      expertOf[slotB] = expert;
    }
  }

  chipletsOf({ of, a, b }: Swap): readonly [number, number] {
    return of === "chiplets" ? [a, b] : [Math.floor(a / this.slots), Math.floor(b / this.slots)];
  }

  #groupsOf(a: number, b: number): readonly [number, number] {
    const { chipletsPerGroup } = this.traffic;
    return [groupOfChiplet(a, chipletsPerGroup), groupOfChiplet(b, chipletsPerGroup)];
  }

  /** What is in a slot. */
  #setIn(slot: number): number {
    const expert = this.expertOf[slot];
    return expert === EMPTY ? this.#sets.none : this.#sets.ofExpert(expert);
  }

  #block(chiplet: number): number {
    return this.#sets.block(this.#blockOf[chiplet]);
  }

  #groupBlock(group: number): number {
    return this.#sets.block(this.traffic.numChiplets + group);
  }

  #exchangeInGroup(group: number, out: number, into: number): number {
    return this.#sets.exchange(this.#groupBlock(group), out, into, this.#sets.spare(2));
  }

  #count(block: number): number {
    const { none, exchange, spare } = this.#sets;
    return exchange(block, none, none, spare(2));
  }

  /** A new list, so that whoever holds the one before still has it. */
  #listLoads(chiplet: number): void {
    const loads: number[] = [];
    for (let slot = chiplet * this.slots; slot < (chiplet + 1) * this.slots; slot++)
      if (this.expertOf[slot] !== EMPTY) loads.push(this.#load[this.expertOf[slot]]);
    this.#expertLoad[chiplet] = loads;
  }
}

/**
 * Makes the test whether the placement at hand respects pins and constraints after some swaps, as it did before them: only
 * what they changed is looked at.
 *
 * @returns Undefined where the problem limits nothing, so that a search need not ask.
 */
export function createAdmissibility(
  { pins, constraints }: Pick<ConstraintModel, "pins" | "constraints">,
  state: Swappable,
): ((swaps: readonly Swap[]) => boolean) | undefined {
  if (constraints.length === 0 && pins.length === 0) return undefined;
  const { traffic, expertOf, slots } = state;
  const { chipletsPerGroup } = traffic;
  const tests = constraints.map(({ scope, measure, weight, cap }) => {
    const perBlock = scope === "chiplet" ? 1 : chipletsPerGroup;
    const tokens = scope === "chiplet" ? traffic.chipletTokens : traffic.groupTokens;
    const size = perBlock * slots;
    const held = (block: number) => {
      let sum = 0;
      for (let slot = block * size; slot < (block + 1) * size; slot++)
        if (expertOf[slot] !== EMPTY) sum += weight[expertOf[slot]];
      return sum;
    };
    const amountOf = measure === "tokens" ? (block: number) => tokens[block] : held;
    return (chiplet: number) => !isAbove(amountOf(groupOfChiplet(chiplet, perBlock)), cap);
  });
  const isPinned = () =>
    pins.every(({ expert, chiplet }) =>
      expertOf.subarray(chiplet * slots, (chiplet + 1) * slots).includes(expert),
    );
  const keeps = (chiplet: number) => tests.every((test) => test(chiplet));
  return (swaps) => isPinned() && swaps.every((swap) => state.chipletsOf(swap).every(keeps));
}
