import type { ReplicaSlots } from "./replica-slots.js";

/** Chiplets a word of a mask has bits for. */
export const WORD = 32;

/** Which chiplets hold every expert, as masks: chiplet c is bit c % 32 of word floor(c / 32). */
export class ChipletMasks {
  /** Words of a mask. */
  readonly words: number;
  /** Shape [numExperts, words], row-major. */
  readonly masks: Int32Array;
  /** Replicas of every expert. Shape [numExperts]. */
  readonly replicasOf: Uint16Array;

  constructor(numExperts: number, numChiplets: number) {
    this.words = Math.ceil(numChiplets / WORD);
    this.masks = new Int32Array(numExperts * this.words);
    this.replicasOf = new Uint16Array(numExperts);
  }

  /** Takes an expert's chiplets from the slots. */
  read(expert: number, { slotsOf, replicasOf, chipletOf, numChiplets }: ReplicaSlots): void {
    const first = expert * numChiplets;
    this.masks.fill(0, expert * this.words, (expert + 1) * this.words);
    this.replicasOf[expert] = 0;
    for (let at = first; at < first + replicasOf[expert]; at++) this.flip(expert, chipletOf[slotsOf[at]]);
  }

  /** Takes an expert's chiplets from other masks. */
  copy(expert: number, from: ChipletMasks): void {
    const first = expert * this.words;
    for (let at = first; at < first + this.words; at++) this.masks[at] = from.masks[at];
    this.replicasOf[expert] = from.replicasOf[expert];
  }

  /** Gives a chiplet a replica of an expert that it lacks, or takes the one that it has. */
  flip(expert: number, chiplet: number): void {
    const at = expert * this.words + (chiplet >>> 5);
    this.masks[at] ^= 1 << (chiplet & 31);
    this.replicasOf[expert] += (this.masks[at] >>> (chiplet & 31)) & 1 ? 1 : -1;
  }

  has(expert: number, chiplet: number): boolean {
    return ((this.masks[expert * this.words + (chiplet >>> 5)] >>> (chiplet & 31)) & 1) === 1;
  }

  /** Whether any of some chiplets, a mask, holds an expert. */
  isOn(expert: number, chiplets: Int32Array): boolean {
    for (let word = 0, at = expert * this.words; word < this.words; word++, at++)
      if ((this.masks[at] & chiplets[word]) !== 0) return true;
    return false;
  }

  /** Chiplets that hold both of two experts. */
  countCommon(expert: number, other: number): number {
    let count = 0;
    for (let word = 0; word < this.words; word++)
      count += countBits(this.masks[expert * this.words + word] & this.masks[other * this.words + word]);
    return count;
  }

  /** The first chiplet that holds an expert. */
  first(expert: number): number {
    let word = 0;
    while (this.masks[expert * this.words + word] === 0) word++;
    return word * WORD + lowestBit(this.masks[expert * this.words + word]);
  }

  /** The chiplets that hold an expert, ascending. */
  list(expert: number): number[] {
    const chiplets: number[] = [];
    for (let word = 0; word < this.words; word++)
      for (let left = this.masks[expert * this.words + word]; left !== 0; left &= left - 1)
        chiplets.push(word * WORD + lowestBit(left));
    return chiplets;
  }
}

/** The number of the lowest bit that is set. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** How many bits are set. */
export function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
