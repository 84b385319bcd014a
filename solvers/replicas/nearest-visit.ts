import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import { AwayCover, type ServiceLedger } from "./away-cover.js";
import { countBits, lowestBit, WORD, type ChipletMasks } from "./chiplet-masks.js";

/**
 * The chiplets that a token visits where it visits as few as it can, one pattern of tokens at a time.
 *
 * Experts with one replica decide which chiplets it has to visit. An expert with several is served on those of its chiplets
 * that are visited; where none is, it is away, and the experts away are served by the fewest further chiplets.
 */
export class NearestVisit {
  /** Chiplets the token at hand has to visit. Shape [words]. */
  readonly visited: Int32Array;
  /** Experts of the token at hand that have several replicas. */
  numSeveral = 0;
  /** Chiplets that an expert of the token at hand could be served on for nothing; see {@link findFree}. Shape [words]. */
  readonly free: Int32Array;

  readonly #patterns: TokenPatterns;
  readonly #held: ChipletMasks;
  /** Chiplets that the token at hand has to visit for more than one expert. Shape [words]. */
  readonly #repeated: Int32Array;
  /** The first `numSeveral` have several replicas. Shape [numExperts]. */
  readonly #several: Uint16Array;
  /** Chiplets that hold any of those. Shape [words]. */
  readonly #severalOn: Int32Array;
  /** Of all experts of the token at hand, once it is asked for. */
  readonly #cover: AwayCover;
  #isCovered = false;
  /** Of all but one of them. */
  readonly #coverWithout: AwayCover;

  constructor(patterns: TokenPatterns, held: ChipletMasks) {
    const { words } = held;
    this.#patterns = patterns;
    this.#held = held;
    this.visited = new Int32Array(words);
    this.free = new Int32Array(words);
    this.#repeated = new Int32Array(words);
    this.#several = new Uint16Array(patterns.numExperts);
    this.#severalOn = new Int32Array(words);
    this.#cover = new AwayCover(held);
    this.#coverWithout = new AwayCover(held);
  }

  /** Takes a pattern at hand. */
  look(pattern: number): void {
    const { offsets, experts } = this.#patterns;
    const { masks, words, replicasOf } = this.#held;
    const { visited } = this;
    const repeated = this.#repeated;
    const severalOn = this.#severalOn;
    for (let word = 0; word < words; word++) visited[word] = repeated[word] = severalOn[word] = 0;
    let numSeveral = 0;
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const first = experts[place] * words;
      if (replicasOf[experts[place]] > 1) {
        this.#several[numSeveral++] = experts[place];
        for (let word = 0; word < words; word++) severalOn[word] |= masks[first + word];
      } else
        for (let word = 0; word < words; word++) {
          repeated[word] |= visited[word] & masks[first + word];
          visited[word] |= masks[first + word];
        }
    }
    this.numSeveral = numSeveral;
    this.#isCovered = false;
  }

  /**
   * Finds the chiplets on which an expert of the token at hand can be without the token visiting one more: those visited for the
   * others, and those of every smallest cover of the others that are away. The token visits as many chiplets as without the
   * expert, and one more if none of these holds it.
   */
  findFree(expert: number): void {
    const { masks, words, replicasOf } = this.#held;
    const { free, visited } = this;
    const isSingle = replicasOf[expert] === 1;
    const first = expert * words;
    let decides = false;
    for (let word = 0; word < words; word++) {
      const alone = isSingle ? masks[first + word] & ~this.#repeated[word] : 0;
      free[word] = visited[word] & ~alone;
      if ((alone & this.#severalOn[word]) !== 0) decides = true;
    }
    if (this.numSeveral === 0) return;
    let cover = this.#coverOfAll();
    // Mostly the others are away, or not, whether the expert is there or not.
    const isAway = !isSingle && !this.#held.isOn(expert, visited);
    if (decides || (isAway && !cover.isAlone(expert))) {
      cover = this.#coverWithout;
      cover.find(this.#several, this.numSeveral, { visited: free, leftOut: expert });
    }
    const isIn = isAway && cover === this.#cover;
    for (let word = 0; word < words; word++)
      free[word] |= isIn ? cover.chiplets[word] & ~masks[first + word] : cover.chiplets[word];
  }

  /** Tells what chiplets serve of the experts with several replicas, and which are visited for those alone. */
  serve(tokens: number, ledger: ServiceLedger): void {
    const { masks, words } = this.#held;
    for (let index = 0; index < this.numSeveral; index++) {
      const expert = this.#several[index];
      let common = 0;
      for (let word = 0, at = expert * words; word < words; word++, at++)
        common += countBits(masks[at] & this.visited[word]);
      for (let word = 0, at = expert * words; word < words; word++, at++)
        for (let left = masks[at] & this.visited[word]; left !== 0; left &= left - 1)
          ledger.addLoad(expert, word * WORD + lowestBit(left), tokens / common);
    }
    this.#coverOfAll().serve(tokens, ledger);
  }

  #coverOfAll(): AwayCover {
    if (!this.#isCovered)
      this.#cover.find(this.#several, this.numSeveral, { visited: this.visited, leftOut: -1 });
    this.#isCovered = true;
    return this.#cover;
  }
}
