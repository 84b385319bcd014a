import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { countCoactivation } from "../../lib/trace/coactivation.js";
import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import { ChipletMasks, lowestBit, WORD } from "./chiplet-masks.js";
import { FreeGains } from "./free-gains.js";
import { NearestVisit } from "./nearest-visit.js";
import { EMPTY, ReplicaSlots, type SlotChange } from "./replica-slots.js";
import { ServiceTally } from "./service-tally.js";
import { excessMore, type ReplicaTrials, type TrialRule } from "./replica-trials.js";

/** What replicas are placed on, where the nearest serves. */
export type NearestShape = Pick<
  PlacementProblem,
  "patterns" | "numExperts" | "numChiplets" | "slotsPerChiplet"
>;

/**
 * A complete placement with replicas under change, where a token visits as few chiplets as it can.
 *
 * A change is estimated by {@link FreeGains} and by what the replicas serve now, both O(1) a chiplet: what costs too much by that is refused.
 * What passes is served exactly, by the tokens of its two experts as they are and as they would be; what is kept renews
 * the gains of those tokens' experts. Cost O(tokens of both experts * topK) each.
 */
export class NearestGains implements ReplicaTrials {
  readonly slots: ReplicaSlots;
  readonly load: Float64Array;
  readonly chipletTokens: Float64Array;
  work = 0;

  readonly #patterns: TokenPatterns;
  readonly #index: PatternIndex;
  readonly #numChiplets: number;
  /** Tokens of every expert. Shape [numExperts]. */
  readonly #loadOf: Float64Array;
  /** As the experts are held, and as they would be after the change tried. */
  readonly #held: ChipletMasks;
  readonly #heldThen: ChipletMasks;
  readonly #now: NearestVisit;
  readonly #then: NearestVisit;
  readonly #gains: FreeGains;
  readonly #tally: ServiceTally;

  /** The change being tried, and its experts or {@link EMPTY}. */
  #changes: readonly SlotChange[] = [];
  #leaving = EMPTY;
  #entering = EMPTY;
  /** Walk that last met each pattern. Shape [numPatterns]. */
  readonly #metIn: Uint32Array;
  #walk = 0;

  constructor({ patterns, numExperts, numChiplets, slotsPerChiplet }: NearestShape) {
    this.#patterns = patterns;
    this.#numChiplets = numChiplets;
    this.slots = new ReplicaSlots(numExperts, numChiplets, slotsPerChiplet);
    this.#tally = new ServiceTally(numExperts, numChiplets);
    this.load = this.#tally.load;
    this.chipletTokens = this.#tally.chipletTokens;
    this.#index = indexPatterns(patterns);
    this.#loadOf = countCoactivation(patterns).load;
    this.#held = new ChipletMasks(numExperts, numChiplets);
    this.#heldThen = new ChipletMasks(numExperts, numChiplets);
    this.#now = new NearestVisit(patterns, this.#held);
    this.#then = new NearestVisit(patterns, this.#heldThen);
    this.#gains = new FreeGains(patterns, this.slots);
    this.#metIn = new Uint32Array(patterns.numPatterns);
  }

  assign(chiplets: Chiplets): void {
    this.slots.assign(chiplets);
    this.#tally.clear();
    for (let expert = 0; expert < this.slots.numExperts; expert++) {
      this.#held.read(expert, this.slots);
      this.#heldThen.copy(expert, this.#held);
      this.#shiftFixed(expert, this.#held, 1);
    }
    const { numPatterns, counts } = this.#patterns;
    this.#gains.clear();
    for (let pattern = 0; pattern < numPatterns; pattern++) {
      this.#now.look(pattern);
      this.#addVisits(counts[pattern]);
      this.#now.serve(counts[pattern], this.#tally);
      this.#gains.count(pattern, this.#now);
    }
    this.#tally.keepChange();
  }

  tokenCopies(): number {
    return this.#tally.copies;
  }

  tryChange(changes: readonly SlotChange[], rule: TrialRule, most: number): boolean {
    this.#changes = changes;
    this.#leaving = this.slots.expertIn[changes[0].slot];
    this.#entering = changes[0].expert;
    const estimate = changes.length > 1 ? this.#estimateSwap(rule) : this.#estimateFill(rule);
    if (estimate > most) return false;
    this.#serveChange();
    if (this.#tally.worse(rule) <= most) return true;
    this.#forgetThen(this.#leaving);
    this.#forgetThen(this.#entering);
    return false;
  }

  keep(): void {
    const experts = [this.#leaving, this.#entering];
    this.#tally.keepChange();
    this.slots.change(this.#changes);
    this.#gains.clearChanged(this.#changes, experts);
    this.#forEachPattern(experts, (pattern) => {
      this.#then.look(pattern);
      this.#gains.count(pattern, this.#then, experts);
    });
    for (const expert of experts) {
      if (expert === EMPTY) continue;
      this.#held.copy(expert, this.#heldThen);
      if (this.#held.replicasOf[expert] === 1)
        this.#tally.served.fill(0, expert * this.#numChiplets, (expert + 1) * this.#numChiplets);
    }
  }

  /** About what it costs that two slots swap what they hold. */
  #estimateSwap(rule: TrialRule): number {
    const { slot } = this.#changes[0];
    const { slot: otherSlot } = this.#changes[1];
    const chiplet = this.slots.chipletOf[slot];
    const otherChiplet = this.slots.chipletOf[otherSlot];
    const row = slot * this.#numChiplets;
    const otherRow = otherSlot * this.#numChiplets;
    const { stay } = this.#gains;
    const saved = this.#leaving === EMPTY ? 0 : stay[row + otherChiplet] - stay[row + chiplet];
    const savedToo = this.#entering === EMPTY ? 0 : stay[otherRow + chiplet] - stay[otherRow + otherChiplet];
    const more = this.#loadOn(this.#entering, otherChiplet) - this.#loadOn(this.#leaving, chiplet);
    const moreFixed = this.#fixedLoadOf(this.#entering) - this.#fixedLoadOf(this.#leaving);
    const excess =
      excessMore(this.load[chiplet], more, rule.maxLoad) +
      excessMore(this.load[otherChiplet], -more, rule.maxLoad) +
      excessMore(this.#tally.fixed[chiplet], moreFixed, rule.maxFixed) +
      excessMore(this.#tally.fixed[otherChiplet], -moreFixed, rule.maxFixed);
    return rule.price * excess - saved - savedToo;
  }

  /** About what it costs that a slot takes one more replica of an expert, for one of another expert or none. */
  #estimateFill({ price, maxLoad }: TrialRule): number {
    const { chipletOf, replicasOf } = this.slots;
    const { slot } = this.#changes[0];
    const chiplet = chipletOf[slot];
    const leaving = this.#leaving;
    const entering = this.#entering;
    const lost = leaving === EMPTY ? 0 : this.#gains.stay[slot * this.#numChiplets + chiplet];
    const saved = this.#gains.another[entering * this.#numChiplets + chiplet];
    const left = this.#loadOn(leaving, chiplet);
    const taken = this.#loadOf[entering] / (replicasOf[entering] + 1);
    const excess =
      excessMore(this.load[chiplet], taken - left, maxLoad) +
      this.#excessOfOthers(leaving, left / (replicasOf[leaving] - 1), maxLoad) +
      this.#excessOfOthers(entering, -taken / replicasOf[entering], maxLoad);
    return lost - saved + price * excess;
  }

  /** What the chiplets of an expert are above the cap more, where each serves so much more; but for the chiplet at hand. */
  #excessOfOthers(expert: number, more: number, maxLoad: number): number {
    if (expert === EMPTY) return 0;
    const { chipletOf, slotsOf, replicasOf } = this.slots;
    const first = expert * this.#numChiplets;
    let excess = 0;
    for (let at = first; at < first + replicasOf[expert]; at++)
      if (slotsOf[at] !== this.#changes[0].slot)
        excess += excessMore(this.load[chipletOf[slotsOf[at]]], more, maxLoad);
    return excess;
  }

  /** Tokens of an expert that a chiplet that holds it serves. */
  #loadOn(expert: number, chiplet: number): number {
    if (expert === EMPTY) return 0;
    return this.slots.replicasOf[expert] === 1
      ? this.#loadOf[expert]
      : this.#tally.served[expert * this.#numChiplets + chiplet];
  }

  #fixedLoadOf(expert: number): number {
    return expert !== EMPTY && this.slots.replicasOf[expert] === 1 ? this.#loadOf[expert] : 0;
  }

  /** Serves the tokens of both experts as they would be, for as they are. */
  #serveChange(): void {
    this.#tally.forgetChange();
    for (const { slot, expert } of this.#changes) {
      const chiplet = this.slots.chipletOf[slot];
      if (this.slots.expertIn[slot] !== EMPTY) this.#heldThen.flip(this.slots.expertIn[slot], chiplet);
      if (expert !== EMPTY) this.#heldThen.flip(expert, chiplet);
    }
    const experts = [this.#leaving, this.#entering];
    for (const expert of experts) {
      if (expert === EMPTY) continue;
      this.#shiftFixed(expert, this.#held, -1);
      this.#shiftFixed(expert, this.#heldThen, 1);
    }
    const areSingle = experts.every(
      (expert) =>
        expert === EMPTY || (this.#held.replicasOf[expert] === 1 && this.#heldThen.replicasOf[expert] === 1),
    );
    const { counts } = this.#patterns;
    this.#forEachPattern(experts, (pattern) => {
      this.#now.look(pattern);
      this.#then.look(pattern);
      const isSame = this.#shiftVisits(counts[pattern]);
      if (isSame && areSingle) return;
      if (this.#now.numSeveral > 0) this.#now.serve(-counts[pattern], this.#tally);
      if (this.#then.numSeveral > 0) this.#then.serve(counts[pattern], this.#tally);
    });
  }

  /** Moves tokens of the pattern at hand from the chiplets that they have to visit to those that they would; false for none. */
  #shiftVisits(tokens: number): boolean {
    const now = this.#now.visited;
    const then = this.#then.visited;
    let isSame = true;
    for (let word = 0; word < now.length; word++) {
      if (now[word] === then[word]) continue;
      isSame = false;
      for (let left = now[word] & ~then[word]; left !== 0; left &= left - 1)
        this.#tally.addTokens(word * WORD + lowestBit(left), -tokens);
      for (let left = then[word] & ~now[word]; left !== 0; left &= left - 1)
        this.#tally.addTokens(word * WORD + lowestBit(left), tokens);
    }
    return isSame;
  }

  #addVisits(tokens: number): void {
    this.#now.visited.forEach((word, index) => {
      for (let left = word; left !== 0; left &= left - 1)
        this.#tally.addTokens(index * WORD + lowestBit(left), tokens);
    });
  }

  /** Moves the load of an expert with one replica to its chiplet, or from it. */
  #shiftFixed(expert: number, held: ChipletMasks, sign: number): void {
    if (held.replicasOf[expert] !== 1) return;
    this.#tally.addFixed(held.first(expert), sign * this.#loadOf[expert]);
  }

  #forgetThen(expert: number): void {
    if (expert !== EMPTY) this.#heldThen.copy(expert, this.#held);
  }

  /** Walks the patterns of some experts, each once. */
  #forEachPattern(experts: readonly number[], visit: (pattern: number) => void): void {
    const walk = ++this.#walk;
    const { offsets, patterns } = this.#index;
    for (const expert of experts) {
      if (expert === EMPTY) continue;
      this.work += offsets[expert + 1] - offsets[expert];
      for (let at = offsets[expert]; at < offsets[expert + 1]; at++) {
        const pattern = patterns[at];
        if (this.#metIn[pattern] === walk) continue;
        this.#metIn[pattern] = walk;
        visit(pattern);
      }
    }
  }
}
