import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import { isAbove } from "../../lib/placement/constraints.js";
import { largest } from "../../lib/statistics.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import type { ConstraintModel } from "../constraints/constraint-model.js";

/** An empty slot. */
const EMPTY = -1;

/**
 * The traffic of a placement without replicas, kept true by swaps of two slots: all that a time estimate looks at.
 *
 * Pin counts of every token on chiplets and on chiplet groups say which token copies come and go with an expert. A swap
 * costs O(tokens of the two experts). Flat typed arrays: a search makes tens of thousands of swaps a layer.
 */
export class SwapTraffic {
  /** The traffic at hand; its arrays change with every swap. */
  readonly traffic: LayerTraffic;
  /** Expert in every slot, or -1. Shape [numChiplets, slots], row-major. */
  readonly expertOf: Int32Array;
  readonly #patterns: TokenPatterns;
  readonly #index: PatternIndex;
  readonly #load: Float64Array;
  /** Shape [numPatterns, numChiplets], row-major. */
  readonly #chipletPins: Uint8Array;
  /** Shape [numPatterns, numGroups], row-major. */
  readonly #groupPins: Uint8Array;
  readonly #expertLoad: number[][];

  /** @param load Tokens of every expert. Shape [numExperts]. */
  constructor(
    patterns: TokenPatterns,
    load: Float64Array,
    shape: { numChiplets: number; chipletsPerGroup: number; slotsPerChiplet: number },
  ) {
    const { numChiplets, chipletsPerGroup, slotsPerChiplet } = shape;
    const numGroups = numChiplets / chipletsPerGroup;
    this.#patterns = patterns;
    this.#index = indexPatterns(patterns);
    this.#load = load;
    this.expertOf = new Int32Array(numChiplets * slotsPerChiplet);
    this.#chipletPins = new Uint8Array(patterns.numPatterns * numChiplets);
    this.#groupPins = new Uint8Array(patterns.numPatterns * numGroups);
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

  get slots(): number {
    return this.expertOf.length / this.traffic.numChiplets;
  }

  /** Takes a placement over. */
  place(chiplets: Chiplets): void {
    const { chipletLoad, chipletTokens, groupTokens } = this.traffic;
    this.expertOf.fill(EMPTY);
    for (const counts of [this.#chipletPins, this.#groupPins, chipletLoad, chipletTokens, groupTokens])
      counts.fill(0);
    chiplets.forEach((experts, chiplet) => {
      experts.forEach((expert, place) => {
        this.expertOf[chiplet * this.slots + place] = expert;
        this.#add(expert, chiplet);
      });
      this.#listLoads(chiplet);
    });
  }

  /** Swaps what two slots of different chiplets hold. */
  swap(slotA: number, slotB: number): void {
    const { expertOf, slots } = this;
    const [expertA, expertB] = [expertOf[slotA], expertOf[slotB]];
    const [a, b] = [Math.floor(slotA / slots), Math.floor(slotB / slots)];
    if (expertA !== EMPTY) this.#remove(expertA, a);
    if (expertB !== EMPTY) this.#remove(expertB, b);
    if (expertA !== EMPTY) this.#add(expertA, b);
    if (expertB !== EMPTY) this.#add(expertB, a);
    expertOf[slotA] = expertB;
    expertOf[slotB] = expertA;
    this.#listLoads(a);
    this.#listLoads(b);
  }

  chiplets(): number[][] {
    return Array.from({ length: this.traffic.numChiplets }, (_, chiplet) =>
      [...this.#slotsOf(chiplet)].filter((expert) => expert !== EMPTY).sort((a, b) => a - b),
    );
  }

  #slotsOf(chiplet: number): Int32Array {
    return this.expertOf.subarray(chiplet * this.slots, (chiplet + 1) * this.slots);
  }

  #listLoads(chiplet: number): void {
    const loads = this.#expertLoad[chiplet];
    loads.length = 0;
    for (const expert of this.#slotsOf(chiplet)) if (expert !== EMPTY) loads.push(this.#load[expert]);
  }

  #add(expert: number, chiplet: number): void {
    const { chipletLoad, chipletTokens, groupTokens, numChiplets, chipletsPerGroup } = this.traffic;
    const { offsets, patterns } = this.#index;
    const { counts } = this.#patterns;
    const group = Math.floor(chiplet / chipletsPerGroup);
    chipletLoad[chiplet] += this.#load[expert];
    for (let at = offsets[expert]; at < offsets[expert + 1]; at++) {
      const pattern = patterns[at];
      if (this.#chipletPins[pattern * numChiplets + chiplet]++ > 0) continue;
      chipletTokens[chiplet] += counts[pattern];
      if (this.#groupPins[pattern * groupTokens.length + group]++ === 0)
        groupTokens[group] += counts[pattern];
    }
  }

  #remove(expert: number, chiplet: number): void {
    const { chipletLoad, chipletTokens, groupTokens, numChiplets, chipletsPerGroup } = this.traffic;
    const { offsets, patterns } = this.#index;
    const { counts } = this.#patterns;
    const group = Math.floor(chiplet / chipletsPerGroup);
    chipletLoad[chiplet] -= this.#load[expert];
    for (let at = offsets[expert]; at < offsets[expert + 1]; at++) {
      const pattern = patterns[at];
      if (--this.#chipletPins[pattern * numChiplets + chiplet] > 0) continue;
      chipletTokens[chiplet] -= counts[pattern];
      if (--this.#groupPins[pattern * groupTokens.length + group] === 0)
        groupTokens[group] -= counts[pattern];
    }
  }
}

/**
 * Makes the test whether the placement at hand respects pins and constraints, at O(slots) a call.
 *
 * @returns Undefined where the problem limits nothing, so that a search need not ask.
 */
export function createAdmissibility(
  { pins, constraints }: Pick<ConstraintModel, "pins" | "constraints">,
  state: SwapTraffic,
): (() => boolean) | undefined {
  if (constraints.length === 0 && pins.length === 0) return undefined;
  const { traffic, expertOf, slots } = state;
  const { numChiplets, chipletsPerGroup } = traffic;
  const tests = constraints.map(({ scope, measure, weight, cap }) => {
    const perBlock = scope === "chiplet" ? 1 : chipletsPerGroup;
    const tokens = scope === "chiplet" ? traffic.chipletTokens : traffic.groupTokens;
    if (measure === "tokens") return () => !isAbove(largest(tokens), cap);
    const size = perBlock * slots;
    return () => {
      for (let first = 0; first < numChiplets * slots; first += size) {
        let sum = 0;
        for (let slot = first; slot < first + size; slot++)
          if (expertOf[slot] !== EMPTY) sum += weight[expertOf[slot]];
        if (isAbove(sum, cap)) return false;
      }
      return true;
    };
  });
  const isPinned = () =>
    pins.every(({ expert, chiplet }) =>
      expertOf.subarray(chiplet * slots, (chiplet + 1) * slots).includes(expert),
    );
  return () => isPinned() && tests.every((test) => test());
}
