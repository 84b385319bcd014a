import { ruleOf } from "../../lib/placement/dispatch.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { sum } from "../../lib/statistics.js";
import { countCoactivation } from "../../lib/trace/coactivation.js";
import { EMPTY, ReplicaSlots, type SlotChange } from "./replica-slots.js";
import { excessMore, type ReplicaTrials, type TrialRule } from "./replica-trials.js";
import { ShareGains } from "./share-gains.js";
import { SourceShares } from "./source-shares.js";

/** What replicas are placed on, and by which rule tokens choose among them. */
export type ReplicaShape = Pick<
  PlacementProblem,
  "patterns" | "numExperts" | "numChiplets" | "slotsPerChiplet" | "chipletsPerGroup" | "dispatch"
>;

/** What it costs to tell shares by the source, in patterns looked at. */
const WORK_OF_SHARES = 12;

/**
 * A complete placement with replicas under change, where the replica that serves an expert does not depend on the other
 * experts of the token: drawn (uniform), or fixed by where a token starts.
 *
 * A change is judged by {@link ShareGains}, which is O(1) a chiplet. What is added for tokens of two experts that both change is
 * never negative for swaps, so a swap that is refused without it is refused; else it is counted. A change that is kept costs
 * O(tokens of both experts * topK) a chiplet.
 *
 * Where shares are fixed by the source, experts of a token are served as if independently of each other: loads are exact,
 * token copies nearly.
 */
export class ReplicaGains implements ReplicaTrials {
  readonly slots: ReplicaSlots;
  readonly load: Float64Array;
  readonly chipletTokens: Float64Array;

  readonly #numExperts: number;
  readonly #numChiplets: number;
  readonly #loadOf: Float64Array;
  /** Tokens that chose two experts both. Shape [numExperts, numExperts]. */
  readonly #pairs: Float64Array;
  /** Undefined where all replicas of an expert have the same share, wherever they are. */
  readonly #sources: SourceShares | undefined;
  readonly #gains: ShareGains;
  /** Chiplets of one expert and what each serves of it, ascending. Shape [numChiplets]. */
  readonly #chipletsAtHand: Uint16Array;
  readonly #sharesAtHand: Float64Array;

  /** The change being tried. */
  #changes: readonly SlotChange[] = [];
  /** What of shares it changes: expert, chiplet and new share of every entry, those of one expert side by side. */
  readonly #entryExpert: Int32Array;
  readonly #entryChiplet: Int32Array;
  readonly #entryShare: Float64Array;
  #numEntries = 0;
  /** Where the entries of the second expert begin. */
  #second = 0;
  /** By chiplet, for those that change. Shape [numChiplets]. */
  readonly #moreLoad: Float64Array;
  readonly #moreTokens: Float64Array;
  readonly #changed: Int32Array;
  #numChanged = 0;
  readonly #changedIn: Uint32Array;
  #trial = 0;
  #moreCopies = 0;
  #copies = 0;
  #workOfShares = 0;

  constructor(shape: ReplicaShape) {
    const { patterns, numChiplets, slotsPerChiplet, numExperts, dispatch } = shape;
    this.#numChiplets = numChiplets;
    this.#numExperts = numExperts;
    this.slots = new ReplicaSlots(numExperts, numChiplets, slotsPerChiplet);
    this.load = new Float64Array(numChiplets);
    this.chipletTokens = new Float64Array(numChiplets);
    const { load, pairs } = countCoactivation(patterns);
    this.#loadOf = load;
    this.#pairs = pairs;
    this.#sources = ruleOf(dispatch) === "uniform" ? undefined : new SourceShares(dispatch, shape);
    this.#gains = new ShareGains(patterns, numChiplets);
    this.#chipletsAtHand = new Uint16Array(numChiplets);
    this.#sharesAtHand = new Float64Array(numChiplets);
    const mostEntries = 2 * (numChiplets + 2);
    this.#entryExpert = new Int32Array(mostEntries);
    this.#entryChiplet = new Int32Array(mostEntries);
    this.#entryShare = new Float64Array(mostEntries);
    this.#moreLoad = new Float64Array(numChiplets);
    this.#moreTokens = new Float64Array(numChiplets);
    this.#changed = new Int32Array(numChiplets);
    this.#changedIn = new Uint32Array(numChiplets);
  }

  assign(chiplets: Chiplets): void {
    this.slots.assign(chiplets);
    this.#gains.share.fill(0);
    this.load.fill(0);
    for (let expert = 0; expert < this.#numExperts; expert++) {
      const count = this.#sharesWith(expert, -1, -1);
      for (let index = 0; index < count; index++) {
        const chiplet = this.#chipletsAtHand[index];
        this.#gains.share[chiplet * this.#numExperts + expert] = this.#sharesAtHand[index];
        this.load[chiplet] += this.#sharesAtHand[index] * this.#loadOf[expert];
      }
    }
    this.#gains.count(this.chipletTokens);
    this.#copies = sum(this.chipletTokens);
  }

  get work(): number {
    return this.#gains.work + this.#workOfShares;
  }

  tokenCopies(): number {
    return this.#copies;
  }

  tryChange(changes: readonly SlotChange[], rule: TrialRule, most: number): boolean {
    if (changes.length > 1 && this.#leastOfSwap(changes, rule) > most) return false;
    this.#changes = changes;
    this.#trial++;
    this.#numEntries = 0;
    this.#numChanged = 0;
    this.#moreCopies = 0;
    const { expertIn, chipletOf } = this.slots;
    const leaving = expertIn[changes[0].slot];
    const entering = changes[0].expert;
    const chiplet = chipletOf[changes[0].slot];
    const other = changes.length > 1 ? chipletOf[changes[1].slot] : -1;
    this.#enterShares(leaving, chiplet, other);
    this.#second = this.#numEntries;
    this.#enterShares(entering, other, chiplet);
    for (let entry = 0; entry < this.#numEntries; entry++) this.#addEntry(entry);
    if (this.#worse(rule) > most) return false;
    if (leaving === EMPTY || entering === EMPTY || this.#pairs[leaving * this.#numExperts + entering] === 0)
      return true;
    this.#correctForBoth(leaving, entering);
    return this.#worse(rule) <= most;
  }

  /** The least that a swap costs where it changes shares on its two chiplets alone: what nearly all are refused by. */
  #leastOfSwap(
    [{ slot, expert: guest }, { slot: otherSlot }]: readonly SlotChange[],
    rule: TrialRule,
  ): number {
    const { expertIn, chipletOf, replicasOf } = this.slots;
    const { share, gain } = this.#gains;
    const expert = expertIn[slot];
    const chiplet = chipletOf[slot];
    const other = chipletOf[otherSlot];
    let here = 0;
    let there = 0;
    let moreLoad = 0;
    if (expert !== EMPTY) {
      if (this.#sources && replicasOf[expert] > 1) return -Infinity;
      const [cell, otherCell] = [chiplet * this.#numExperts + expert, other * this.#numExperts + expert];
      here -= share[cell] * gain[cell];
      there += share[cell] * gain[otherCell];
      moreLoad -= share[cell] * this.#loadOf[expert];
    }
    if (guest !== EMPTY) {
      if (this.#sources && replicasOf[guest] > 1) return -Infinity;
      const [cell, otherCell] = [chiplet * this.#numExperts + guest, other * this.#numExperts + guest];
      here += share[otherCell] * gain[cell];
      there -= share[otherCell] * gain[otherCell];
      moreLoad += share[otherCell] * this.#loadOf[guest];
    }
    let excess =
      excessMore(this.load[chiplet], moreLoad, rule.maxLoad) +
      excessMore(this.load[other], -moreLoad, rule.maxLoad);
    if (rule.maxTokens < Infinity)
      excess +=
        excessMore(this.chipletTokens[chiplet], here, rule.maxTokens) +
        excessMore(this.chipletTokens[other], there, rule.maxTokens);
    return here + there + rule.price * excess;
  }

  keep(): void {
    for (let entry = 0; entry < this.#numEntries; entry++)
      this.#gains.setShare(this.#entryChiplet[entry], this.#entryExpert[entry], this.#entryShare[entry]);
    for (let index = 0; index < this.#numChanged; index++) {
      const chiplet = this.#changed[index];
      this.load[chiplet] += this.#moreLoad[chiplet];
      this.chipletTokens[chiplet] += this.#moreTokens[chiplet];
    }
    this.#copies += this.#moreCopies;
    this.slots.change(this.#changes);
  }

  /** Lists what shares of an expert it has once it left one chiplet for another, -1 for none, wherever they may change. */
  #enterShares(expert: number, left: number, taken: number): void {
    if (expert === EMPTY) return;
    const replicas = this.slots.replicasOf[expert];
    if (left >= 0) this.#enter(expert, left, 0);
    if (left >= 0 && taken >= 0 && (replicas === 1 || !this.#sources)) {
      this.#enter(expert, taken, 1 / replicas);
      return;
    }
    const count = this.#sharesWith(expert, left, taken);
    for (let index = 0; index < count; index++)
      this.#enter(expert, this.#chipletsAtHand[index], this.#sharesAtHand[index]);
  }

  /** Leaves at hand the chiplets of an expert without one, and with another, and what they would serve; returns how many. */
  #sharesWith(expert: number, left: number, taken: number): number {
    const { slotsOf, replicasOf, chipletOf } = this.slots;
    const chiplets = this.#chipletsAtHand;
    const first = expert * this.#numChiplets;
    let count = 0;
    let awaited = taken;
    for (let at = first; at < first + replicasOf[expert]; at++) {
      const chiplet = chipletOf[slotsOf[at]];
      if (awaited >= 0 && awaited < chiplet) {
        chiplets[count++] = awaited;
        awaited = -1;
      }
      if (chiplet !== left) chiplets[count++] = chiplet;
    }
    if (awaited >= 0) chiplets[count++] = awaited;
    if (this.#sources) {
      if (count > 1) this.#workOfShares += WORK_OF_SHARES;
      this.#sources.write(expert, chiplets, count, this.#sharesAtHand);
    } else this.#sharesAtHand.fill(1 / count, 0, count);
    return count;
  }

  #enter(expert: number, chiplet: number, share: number): void {
    this.#entryExpert[this.#numEntries] = expert;
    this.#entryChiplet[this.#numEntries] = chiplet;
    this.#entryShare[this.#numEntries] = share;
    this.#numEntries++;
  }

  #addEntry(entry: number): void {
    const chiplet = this.#entryChiplet[entry];
    const expert = this.#entryExpert[entry];
    const cell = chiplet * this.#numExperts + expert;
    const more = this.#entryShare[entry] - this.#gains.share[cell];
    if (more === 0) return;
    if (this.#changedIn[chiplet] !== this.#trial) {
      this.#changedIn[chiplet] = this.#trial;
      this.#changed[this.#numChanged++] = chiplet;
      this.#moreLoad[chiplet] = 0;
      this.#moreTokens[chiplet] = 0;
    }
    const moreTokens = more * this.#gains.gain[cell];
    this.#moreLoad[chiplet] += more * this.#loadOf[expert];
    this.#moreTokens[chiplet] += moreTokens;
    this.#moreCopies += moreTokens;
  }

  /** What the change costs, excess over the caps priced. */
  #worse({ price, maxLoad, maxTokens }: TrialRule): number {
    let excess = 0;
    for (let index = 0; index < this.#numChanged; index++) {
      const chiplet = this.#changed[index];
      excess += excessMore(this.load[chiplet], this.#moreLoad[chiplet], maxLoad);
      if (maxTokens < Infinity)
        excess += excessMore(this.chipletTokens[chiplet], this.#moreTokens[chiplet], maxTokens);
    }
    return this.#moreCopies + price * excess;
  }

  /** Takes into account that tokens of both experts feel both changes at once. */
  #correctForBoth(one: number, other: number): void {
    const E = this.#numExperts;
    for (let entry = 0; entry < this.#second; entry++) {
      const chiplet = this.#entryChiplet[entry];
      const moreOfOne = this.#entryShare[entry] - this.#gains.share[chiplet * E + one];
      if (moreOfOne === 0) continue;
      for (let peer = this.#second; peer < this.#numEntries; peer++) {
        if (this.#entryChiplet[peer] !== chiplet) continue;
        const moreOfOther = this.#entryShare[peer] - this.#gains.share[chiplet * E + other];
        if (moreOfOther === 0) continue;
        const shared = moreOfOne * moreOfOther * this.#gains.missedByOthers(chiplet, one, other);
        this.#moreTokens[chiplet] -= shared;
        this.#moreCopies -= shared;
      }
    }
  }
}
