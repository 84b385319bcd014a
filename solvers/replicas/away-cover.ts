import { smallestCovers } from "../../lib/placement/dispatch.js";
import { lowestBit, WORD, type ChipletMasks } from "./chiplet-masks.js";

/** Takes what a chiplet serves of an expert, and the tokens that visit a chiplet. */
export interface ServiceLedger {
  addLoad(expert: number, chiplet: number, tokens: number): void;
  addTokens(chiplet: number, tokens: number): void;
}

/** No other expert has a chiplet in common. */
const ALONE = -1;
/** Served with an expert before it. */
const SECOND = -2;
/** Has chiplets in common with experts that have some in common with others. */
const ENTANGLED = -3;

/**
 * The experts of a token that no chiplet holds which it has to visit, and the fewest further chiplets that hold them all.
 *
 * Few have chiplets in common, so that most are alone or one of two: only the others need a search for their smallest covers.
 */
export class AwayCover {
  /** Further chiplets that the token visits. */
  size = 0;
  /** Chiplets of all the smallest covers. Shape [words]. */
  readonly chiplets: Int32Array;

  readonly #held: ChipletMasks;
  /** The first `#numAway` are away. Shape [numExperts]. */
  readonly #away: Uint16Array;
  #numAway = 0;
  /** For each, the place of the one that is served with it, or what else it is. Shape [numExperts]. */
  readonly #mate: Int16Array;
  #entangled: number[] = [];
  #covers: readonly (readonly number[])[] = [];

  constructor(held: ChipletMasks) {
    this.#held = held;
    this.chiplets = new Int32Array(held.words);
    this.#away = new Uint16Array(held.replicasOf.length);
    this.#mate = new Int16Array(held.replicasOf.length);
  }

  /** Finds which of some experts are away from the chiplets visited, one left out, and how few chiplets hold them all. */
  find(experts: Uint16Array, count: number, { visited, leftOut }: { visited: Int32Array; leftOut: number }) {
    const { masks, words } = this.#held;
    const { chiplets } = this;
    let numAway = 0;
    let areApart = true;
    for (let word = 0; word < words; word++) chiplets[word] = 0;
    for (let index = 0; index < count; index++) {
      const expert = experts[index];
      if (expert === leftOut || this.#held.isOn(expert, visited)) continue;
      this.#mate[numAway] = ALONE;
      this.#away[numAway++] = expert;
      for (let word = 0, at = expert * words; word < words; word++, at++) {
        if ((chiplets[word] & masks[at]) !== 0) areApart = false;
        chiplets[word] |= masks[at];
      }
    }
    this.#numAway = numAway;
    this.size = numAway;
    if (this.#entangled.length > 0) this.#entangled = [];
    if (!areApart) this.#disentangle();
  }

  /** Whether an expert is away and has no chiplet in common with another. */
  isAlone(expert: number): boolean {
    let index = 0;
    while (index < this.#numAway && this.#away[index] !== expert) index++;
    return index < this.#numAway && this.#mate[index] === ALONE;
  }

  /** Tells what chiplets serve of the experts away. */
  serve(tokens: number, ledger: ServiceLedger): void {
    const { masks, words, replicasOf } = this.#held;
    for (let index = 0; index < this.#numAway; index++) {
      const mate = this.#mate[index];
      if (mate === SECOND || mate === ENTANGLED) continue;
      const expert = this.#away[index];
      const other = mate === ALONE ? expert : this.#away[mate];
      const share = tokens / (mate === ALONE ? replicasOf[expert] : this.#held.countCommon(expert, other));
      for (let word = 0; word < words; word++) {
        const serving = masks[expert * words + word] & masks[other * words + word];
        for (let left = serving; left !== 0; left &= left - 1) {
          const chiplet = word * WORD + lowestBit(left);
          ledger.addTokens(chiplet, share);
          ledger.addLoad(expert, chiplet, share);
          if (mate !== ALONE) ledger.addLoad(other, chiplet, share);
        }
      }
    }
    if (this.#entangled.length > 0) this.#serveEntangled(tokens, ledger);
  }

  /** Finds who has chiplets in common with whom. */
  #disentangle(): void {
    const { masks, words } = this.#held;
    const { chiplets } = this;
    this.size = 0;
    chiplets.fill(0);
    for (let index = 0; index < this.#numAway; index++) {
      if (this.#mate[index] === SECOND) continue;
      const mate = this.#mateOf(index);
      const isPair = mate >= 0 && this.#mateOf(mate) === index;
      if (mate === ENTANGLED || (mate >= 0 && !isPair)) {
        this.#mate[index] = ENTANGLED;
        this.#entangled.push(this.#away[index]);
        continue;
      }
      this.#mate[index] = mate;
      if (isPair) this.#mate[mate] = SECOND;
      const first = this.#away[index] * words;
      const other = isPair ? this.#away[mate] * words : first;
      for (let word = 0; word < words; word++) chiplets[word] |= masks[first + word] & masks[other + word];
      this.size++;
    }
    if (this.#entangled.length === 0) return;
    const chipletsOf = this.#entangled.map((expert) => this.#held.list(expert));
    this.#covers = smallestCovers([...chipletsOf.keys()], chipletsOf);
    this.size += this.#covers[0].length;
    for (const cover of this.#covers)
      for (const chiplet of cover) chiplets[chiplet >>> 5] |= 1 << (chiplet & 31);
  }

  /** The place of the only other expert away that has a chiplet in common, or what else is the case. */
  #mateOf(index: number): number {
    let mate = ALONE;
    for (let other = 0; other < this.#numAway; other++) {
      if (other === index || this.#held.countCommon(this.#away[index], this.#away[other]) === 0) continue;
      if (mate !== ALONE) return ENTANGLED;
      mate = other;
    }
    return mate;
  }

  #serveEntangled(tokens: number, ledger: ServiceLedger): void {
    const share = tokens / this.#covers.length;
    for (const cover of this.#covers) {
      for (const chiplet of cover) ledger.addTokens(chiplet, share);
      for (const expert of this.#entangled) {
        const within = cover.filter((chiplet) => this.#held.has(expert, chiplet));
        for (const chiplet of within) ledger.addLoad(expert, chiplet, share / within.length);
      }
    }
  }
}
