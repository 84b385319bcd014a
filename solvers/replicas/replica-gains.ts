import { ruleOf, sharesOfReplicas, type DispatchModel } from "../../lib/placement/dispatch.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import { sum } from "../../lib/statistics.js";
import { countCoactivation } from "../../lib/trace/coactivation.js";
import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";
import { EMPTY, type ReplicaStateShape } from "./replica-state.js";
import type { ReplicaTrials, SlotChange, TrialRule } from "./replica-trials.js";

/** What it costs to tell shares by the source, in patterns looked at. */
const WORK_OF_SHARES = 8;
/** Shares of replicas that are remembered at most: some 20 MB. */
const MOST_SHARES_KNOWN = 200_000;

/**
 * A complete placement with replicas under change, where the replica that serves an expert does not depend on the other
 * experts of the token: drawn (uniform), or fixed by where a token starts.
 *
 * A token misses chiplet c with chance P(t, c) = product over its experts e of 1 - share[c, e], where share[c, e] is the part
 * of the tokens of e that c serves. With
 *
 *   gain[c, e] = sum over the tokens of e of the chance that none of their other experts is served on c
 *
 * the token copies change by sum over c of (new share - share) * gain[c, e] when the shares of e alone change, which is O(1) a
 * chiplet. Where those of two experts change, tokens of both add -dShare(e) * dShare(f) * (chance that no third expert of theirs is
 * on c). For swaps that is never negative, so a swap that is refused without it is refused; else it is counted. A change
 * that is kept costs O(tokens of both experts * topK) a chiplet.
 *
 * Where shares are fixed by the source, experts of a token are served as if independently of each other: loads are exact,
 * token copies nearly.
 */
export class ReplicaGains implements ReplicaTrials {
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly slots: number;
  readonly slotOf: Int32Array;
  readonly load: Float64Array;
  readonly chipletTokens: Float64Array;
  numPlaced = 0;
  work = 0;

  readonly #numExperts: number;
  readonly #chipletsPerGroup: number;
  readonly #dispatch: DispatchModel;
  /** Whether all replicas of an expert have the same share, wherever they are. */
  readonly #isUniform: boolean;
  readonly #index: PatternIndex;
  readonly #loadOf: Float64Array;
  /** Tokens that chose two experts both. Shape [numExperts, numExperts]. */
  readonly #pairs: Float64Array;
  /** Part of an expert's tokens that a chiplet serves. Shape [numChiplets, numExperts], row-major. */
  readonly #share: Float64Array;
  /** Shape [numChiplets, numExperts], row-major. */
  readonly #gain: Float64Array;
  /** Chiplets that hold each expert, ascending. Shape [numExperts][]. */
  readonly #holders: number[][];

  /** Shares by expert and holders, where working them out takes longer than looking them up. */
  readonly #sharesKnown = new Map<number, readonly number[]>();

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

  constructor(shape: ReplicaStateShape) {
    const { patterns, numChiplets, slotsPerChiplet, numExperts, chipletsPerGroup, dispatch } = shape;
    this.patterns = patterns;
    this.numChiplets = numChiplets;
    this.slots = slotsPerChiplet;
    this.slotOf = new Int32Array(numChiplets * slotsPerChiplet);
    this.load = new Float64Array(numChiplets);
    this.chipletTokens = new Float64Array(numChiplets);
    this.#numExperts = numExperts;
    this.#chipletsPerGroup = chipletsPerGroup;
    this.#dispatch = dispatch;
    this.#isUniform = ruleOf(dispatch) === "uniform";
    this.#index = indexPatterns(patterns);
    const { load, pairs } = countCoactivation(patterns);
    this.#loadOf = load;
    this.#pairs = pairs;
    this.#share = new Float64Array(numChiplets * numExperts);
    this.#gain = new Float64Array(numChiplets * numExperts);
    this.#holders = Array.from({ length: numExperts }, () => []);
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
    this.slotOf.fill(EMPTY);
    for (const holders of this.#holders) holders.length = 0;
    this.numPlaced = 0;
    chiplets.forEach((experts, chiplet) => {
      experts.forEach((expert, place) => {
        this.slotOf[chiplet * this.slots + place] = expert;
        this.#holders[expert].push(chiplet);
        this.numPlaced++;
      });
    });
    this.#share.fill(0);
    this.load.fill(0);
    this.#holders.forEach((holders, expert) => {
      const shares = this.#sharesOn(expert, holders);
      holders.forEach((chiplet, index) => {
        this.#share[chiplet * this.#numExperts + expert] = shares[index];
        this.load[chiplet] += shares[index] * this.#loadOf[expert];
      });
    });
    this.#count();
  }

  tokenCopies(): number {
    return this.#copies;
  }

  holds(chiplet: number, expert: number): boolean {
    return this.#share[chiplet * this.#numExperts + expert] > 0;
  }

  replicaCount(expert: number): number {
    return this.#holders[expert].length;
  }

  tryChange(changes: readonly SlotChange[], rule: TrialRule, most: number): boolean {
    this.#changes = changes;
    this.#trial++;
    this.#numEntries = 0;
    this.#numChanged = 0;
    this.#moreCopies = 0;
    const leaving = this.slotOf[changes[0].slot];
    const entering = changes[0].expert;
    this.#enterShares(leaving);
    this.#second = this.#numEntries;
    this.#enterShares(entering);
    for (let entry = 0; entry < this.#numEntries; entry++) this.#addEntry(entry);
    if (this.#worse(rule) > most) return false;
    if (leaving === EMPTY || entering === EMPTY || this.#pairs[leaving * this.#numExperts + entering] === 0)
      return true;
    this.#correctForBoth(leaving, entering);
    return this.#worse(rule) <= most;
  }

  keep(): void {
    for (let entry = 0; entry < this.#numEntries; entry++) this.#applyShare(entry);
    for (let index = 0; index < this.#numChanged; index++) {
      const chiplet = this.#changed[index];
      this.load[chiplet] += this.#moreLoad[chiplet];
      this.chipletTokens[chiplet] += this.#moreTokens[chiplet];
    }
    this.#copies += this.#moreCopies;
    for (const { slot } of this.#changes) {
      const expert = this.slotOf[slot];
      if (expert === EMPTY) continue;
      const holders = this.#holders[expert];
      holders.splice(holders.indexOf(Math.floor(slot / this.slots)), 1);
      this.numPlaced--;
    }
    for (const { slot, expert } of this.#changes) {
      this.slotOf[slot] = expert;
      if (expert === EMPTY) continue;
      insert(this.#holders[expert], Math.floor(slot / this.slots));
      this.numPlaced++;
    }
  }

  #sharesOn(expert: number, holders: readonly number[]): ArrayLike<number> {
    const { numChiplets } = this;
    const shape = { expert, numChiplets, chipletsPerGroup: this.#chipletsPerGroup };
    if (this.#isUniform || holders.length === 1) return sharesOfReplicas(this.#dispatch, holders, shape);
    let key = 0;
    for (const chiplet of holders) key = key * numChiplets + chiplet + 1;
    key = key * this.#numExperts + expert;
    this.work += WORK_OF_SHARES;
    const known = this.#sharesKnown.get(key);
    if (known) return known;
    const shares = sharesOfReplicas(this.#dispatch, holders, shape);
    if (this.#sharesKnown.size === MOST_SHARES_KNOWN) this.#sharesKnown.clear();
    // Beyond, keys are no longer exact.
    if (key < Number.MAX_SAFE_INTEGER) this.#sharesKnown.set(key, shares);
    return shares;
  }

  /** Lists what shares of an expert the change at hand leaves it, on every chiplet where they may change. */
  #enterShares(expert: number): void {
    if (expert === EMPTY) return;
    let [left, taken] = [-1, -1];
    for (const { slot, expert: entering } of this.#changes) {
      if (this.slotOf[slot] === expert) left = Math.floor(slot / this.slots);
      if (entering === expert) taken = Math.floor(slot / this.slots);
    }
    const before = this.#holders[expert];
    if (left >= 0 && taken >= 0 && (before.length === 1 || this.#isUniform)) {
      this.#enter(expert, left, 0);
      this.#enter(expert, taken, 1 / before.length);
      return;
    }
    const after = before.filter((chiplet) => chiplet !== left);
    if (taken >= 0) insert(after, taken);
    const shares = this.#sharesOn(expert, after);
    if (left >= 0) this.#enter(expert, left, 0);
    for (let index = 0; index < after.length; index++) this.#enter(expert, after[index], shares[index]);
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
    const more = this.#entryShare[entry] - this.#share[cell];
    if (more === 0) return;
    if (this.#changedIn[chiplet] !== this.#trial) {
      this.#changedIn[chiplet] = this.#trial;
      this.#changed[this.#numChanged++] = chiplet;
      this.#moreLoad[chiplet] = 0;
      this.#moreTokens[chiplet] = 0;
    }
    const moreTokens = more * this.#gain[cell];
    this.#moreLoad[chiplet] += more * this.#loadOf[expert];
    this.#moreTokens[chiplet] += moreTokens;
    this.#moreCopies += moreTokens;
  }

  /** What the change costs, excess over the caps priced. */
  #worse({ price, maxLoad, maxTokens }: TrialRule): number {
    let excess = 0;
    for (let index = 0; index < this.#numChanged; index++) {
      const chiplet = this.#changed[index];
      const load = this.load[chiplet];
      excess += Math.max(0, load + this.#moreLoad[chiplet] - maxLoad) - Math.max(0, load - maxLoad);
      if (maxTokens === Infinity) continue;
      const tokens = this.chipletTokens[chiplet];
      excess += Math.max(0, tokens + this.#moreTokens[chiplet] - maxTokens) - Math.max(0, tokens - maxTokens);
    }
    return this.#moreCopies + price * excess;
  }

  /** Takes into account that tokens of both experts feel both changes at once. */
  #correctForBoth(one: number, other: number): void {
    const E = this.#numExperts;
    for (let entry = 0; entry < this.#second; entry++) {
      const chiplet = this.#entryChiplet[entry];
      const moreOfOne = this.#entryShare[entry] - this.#share[chiplet * E + one];
      if (moreOfOne === 0) continue;
      for (let peer = this.#second; peer < this.#numEntries; peer++) {
        if (this.#entryChiplet[peer] !== chiplet) continue;
        const moreOfOther = this.#entryShare[peer] - this.#share[chiplet * E + other];
        if (moreOfOther === 0) continue;
        const shared = moreOfOne * moreOfOther * this.#missedByOthers(one, other, chiplet);
        this.#moreTokens[chiplet] -= shared;
        this.#moreCopies -= shared;
      }
    }
  }

  /** Tokens of two experts of which no third expert is served on a chiplet, on average. */
  #missedByOthers(one: number, other: number, chiplet: number): number {
    const { offsets: starts, patterns } = this.#index;
    const { offsets, experts, counts } = this.patterns;
    const share = this.#share;
    const row = chiplet * this.#numExperts;
    const [rarer, wanted] = this.#loadOf[one] < this.#loadOf[other] ? [one, other] : [other, one];
    this.work += starts[rarer + 1] - starts[rarer];
    let tokens = 0;
    for (let at = starts[rarer]; at < starts[rarer + 1]; at++) {
      const pattern = patterns[at];
      let missed = 1;
      let isOfBoth = false;
      for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
        const expert = experts[place];
        if (expert === wanted) isOfBoth = true;
        else if (expert !== rarer) missed *= 1 - share[row + expert];
      }
      if (isOfBoth) tokens += counts[pattern] * missed;
    }
    return tokens;
  }

  /** Gives a chiplet another share of an expert, and its tokens' other experts the gains that follow. */
  #applyShare(entry: number): void {
    const expert = this.#entryExpert[entry];
    const row = this.#entryChiplet[entry] * this.#numExperts;
    const share = this.#share;
    const gain = this.#gain;
    const less = share[row + expert] - this.#entryShare[entry];
    if (less === 0) return;
    const { offsets: starts, patterns } = this.#index;
    const { offsets, experts, counts } = this.patterns;
    this.work += starts[expert + 1] - starts[expert];
    // Left out of the products below as an expert that is not there.
    share[row + expert] = 0;
    for (let at = starts[expert]; at < starts[expert + 1]; at++) {
      const pattern = patterns[at];
      const begin = offsets[pattern];
      const end = offsets[pattern + 1];
      let missed = 1;
      let sure = -1;
      let numSure = 0;
      for (let place = begin; place < end; place++) {
        const part = share[row + experts[place]];
        if (part === 1) {
          sure = experts[place];
          numSure++;
        } else missed *= 1 - part;
      }
      if (numSure > 1) continue;
      const change = counts[pattern] * less * missed;
      if (numSure === 1) gain[row + sure] += change;
      else
        for (let place = begin; place < end; place++) {
          const peer = experts[place];
          if (peer !== expert) gain[row + peer] += change / (1 - share[row + peer]);
        }
    }
    share[row + expert] = this.#entryShare[entry];
  }

  /** Counts gains and tokens from the shares. Time O(numPatterns * numChiplets * topK). */
  #count(): void {
    const { numPatterns, offsets, experts, counts } = this.patterns;
    const share = this.#share;
    const gain = this.#gain.fill(0);
    this.chipletTokens.fill(0);
    for (let chiplet = 0; chiplet < this.numChiplets; chiplet++) {
      const row = chiplet * this.#numExperts;
      for (let pattern = 0; pattern < numPatterns; pattern++) {
        let missed = 1;
        let sure = -1;
        let numSure = 0;
        for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
          const part = share[row + experts[place]];
          if (part === 1) {
            sure = experts[place];
            numSure++;
          } else missed *= 1 - part;
        }
        this.chipletTokens[chiplet] += counts[pattern] * (numSure > 0 ? 1 : 1 - missed);
        if (numSure > 1) continue;
        if (numSure === 1) gain[row + sure] += counts[pattern] * missed;
        else
          for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
            const cell = row + experts[place];
            gain[cell] += (counts[pattern] * missed) / (1 - share[cell]);
          }
      }
    }
    this.#copies = sum(this.chipletTokens);
  }
}

/** Inserts a number into an ascending list. */
function insert(ascending: number[], value: number): void {
  let at = ascending.length;
  while (at > 0 && ascending[at - 1] > value) at--;
  ascending.splice(at, 0, value);
}
