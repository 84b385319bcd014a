import { smallestCovers, type DispatchModel } from "../../lib/placement/dispatch.js";
import type { Chiplets } from "../../lib/placement/placement.js";
import { sum } from "../../lib/statistics.js";
import { countCoactivation } from "../../lib/trace/coactivation.js";
import type { ReplicaTrials, SlotChange, TrialRule } from "./replica-trials.js";
import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";

/** What a slot holds when it holds no expert. */
export const EMPTY = -1;

/** What replicas are placed on, and by which rule tokens choose among them. */
export interface ReplicaStateShape {
  /** Its experts are [0, numExperts). */
  readonly patterns: TokenPatterns;
  readonly numExperts: number;
  readonly numChiplets: number;
  readonly slotsPerChiplet: number;
  readonly chipletsPerGroup: number;
  readonly dispatch: DispatchModel;
}

/**
 * A complete placement with replicas under change, with the token copies and loads that the dispatch model makes of it.
 *
 * A change is tried by taking the tokens of the experts it concerns out, changing the slots, and serving those tokens
 * anew; `undo` restores the sums. Cost O(tokens of these experts * topK * replicas). Sums of shares drift by rounding;
 * `assign` counts them afresh. Flat typed arrays throughout: this is the innermost loop of the search.
 */
export class ReplicaState implements ReplicaTrials {
  readonly patterns: TokenPatterns;
  readonly numChiplets: number;
  readonly slots: number;
  /** Expert in every slot, or {@link EMPTY}. Shape [numChiplets, slots], row-major. */
  readonly slotOf: Int32Array;
  /** Token-expert pairs served by each chiplet. Shape [numChiplets]. */
  readonly load: Float64Array;
  /** Tokens that visit each chiplet. Shape [numChiplets]. */
  readonly chipletTokens: Float64Array;
  /** Slots that hold an expert. */
  numPlaced = 0;
  work = 0;

  readonly #index: PatternIndex;
  readonly #serve: (pattern: number, tokens: number) => void;
  /** Chiplets that hold each expert. Shape [numExperts][]. */
  readonly #replicasOf: number[][];
  readonly #savedLoad: Float64Array;
  readonly #savedTokens: Float64Array;
  /** Serving that last counted each chiplet. Shape [numChiplets]. */
  readonly #countedIn: Uint32Array;
  #serving = 0;
  /** Chance to miss each chiplet, in the serving at hand. Shape [numChiplets]. */
  readonly #missed: Float64Array;
  readonly #chipletsAtHand: Uint16Array;
  /** Experts of the pattern at hand that no chiplet visited anyway holds. Shape [numExperts]. */
  readonly #away: Uint16Array;
  /** Walk that last served each pattern. Shape [numPatterns]. */
  readonly #servedIn: Uint32Array;
  #walk = 0;
  /** Tokens of every expert. Shape [numExperts]. */
  readonly #loadOf: Float64Array;

  constructor({ patterns, numChiplets, slotsPerChiplet, numExperts, dispatch }: ReplicaStateShape) {
    this.numChiplets = numChiplets;
    this.slots = slotsPerChiplet;
    this.slotOf = new Int32Array(numChiplets * slotsPerChiplet);
    this.load = new Float64Array(numChiplets);
    this.chipletTokens = new Float64Array(numChiplets);
    this.patterns = patterns;
    this.#index = indexPatterns(patterns);
    this.#loadOf = countCoactivation(patterns).load;
    this.#serve =
      dispatch === "nearest"
        ? (pattern, tokens) => {
            this.#serveNearest(pattern, tokens);
          }
        : (pattern, tokens) => {
            this.#serveUniformly(pattern, tokens);
          };
    this.#replicasOf = Array.from({ length: numExperts }, () => []);
    this.#savedLoad = new Float64Array(numChiplets);
    this.#savedTokens = new Float64Array(numChiplets);
    this.#countedIn = new Uint32Array(numChiplets);
    this.#missed = new Float64Array(numChiplets);
    this.#chipletsAtHand = new Uint16Array(numChiplets);
    this.#away = new Uint16Array(numExperts);
    this.#servedIn = new Uint32Array(patterns.numPatterns);
  }

  /** Places the experts as told and counts everything from scratch. */
  assign(chiplets: Chiplets): void {
    this.slotOf.fill(EMPTY);
    for (const replicas of this.#replicasOf) replicas.length = 0;
    this.numPlaced = 0;
    chiplets.forEach((experts, chiplet) => {
      experts.forEach((expert, place) => {
        this.slotOf[chiplet * this.slots + place] = expert;
        this.#addReplica(expert, chiplet);
      });
    });
    this.load.fill(0);
    this.chipletTokens.fill(0);
    const { numPatterns, counts } = this.patterns;
    for (let pattern = 0; pattern < numPatterns; pattern++) this.#serve(pattern, counts[pattern]);
  }

  /** The placement, lists ascending. */
  chiplets(): number[][] {
    return Array.from({ length: this.numChiplets }, (_, chiplet) =>
      [...this.slotOf.subarray(chiplet * this.slots, (chiplet + 1) * this.slots)]
        .filter((expert) => expert !== EMPTY)
        .sort((a, b) => a - b),
    );
  }

  /** Sum of `chipletTokens`: C_T times the tokens. */
  tokenCopies(): number {
    return sum(this.chipletTokens);
  }

  tryChange(changes: readonly SlotChange[], rule: TrialRule, most: number): boolean {
    const before = this.tokenCopies() + this.excessCost(rule);
    const reverse = changes.map(({ slot }) => ({ slot, expert: this.slotOf[slot] }));
    this.change(changes);
    if (this.tokenCopies() + this.excessCost(rule) - before <= most) return true;
    this.undo(reverse);
    return false;
  }

  keep(): void {
    // All is written.
  }

  /** The price of what is above the caps. */
  excessCost({ price, maxLoad, maxTokens, maxFixed }: TrialRule): number {
    let excess = 0;
    for (let chiplet = 0; chiplet < this.numChiplets; chiplet++) {
      excess += Math.max(0, this.load[chiplet] - maxLoad);
      excess += Math.max(0, this.chipletTokens[chiplet] - maxTokens);
      if (maxFixed === Infinity) continue;
      let fixed = 0;
      for (let slot = chiplet * this.slots; slot < (chiplet + 1) * this.slots; slot++) {
        const expert = this.slotOf[slot];
        if (expert !== EMPTY && this.#replicasOf[expert].length === 1) fixed += this.#loadOf[expert];
      }
      excess += Math.max(0, fixed - maxFixed);
    }
    return price * excess;
  }

  /** Whether a chiplet holds a replica of an expert. */
  holds(chiplet: number, expert: number): boolean {
    return this.#replicasOf[expert].includes(chiplet);
  }

  /** Replicas of an expert. */
  replicaCount(expert: number): number {
    return this.#replicasOf[expert].length;
  }

  /**
   * Puts experts into slots, whose experts leave; every expert must keep a replica and have none twice on a chiplet.
   *
   * @param changes Slot and the expert that takes it, or {@link EMPTY}.
   */
  change(changes: readonly { slot: number; expert: number }[]): void {
    this.#savedLoad.set(this.load);
    this.#savedTokens.set(this.chipletTokens);
    const concerned = changes.flatMap(({ slot, expert }) => [this.slotOf[slot], expert]);
    this.#serveAll(concerned, -1);
    this.#fill(changes);
    this.#serveAll(concerned, 1);
  }

  /** Takes a change back, the last one made, by the change that reverses it. */
  undo(reverse: readonly { slot: number; expert: number }[]): void {
    this.#fill(reverse);
    this.load.set(this.#savedLoad);
    this.chipletTokens.set(this.#savedTokens);
  }

  #fill(changes: readonly { slot: number; expert: number }[]): void {
    for (const { slot } of changes) {
      if (this.slotOf[slot] !== EMPTY) this.#removeReplica(this.slotOf[slot], Math.floor(slot / this.slots));
    }
    for (const { slot, expert } of changes) {
      this.slotOf[slot] = expert;
      if (expert !== EMPTY) this.#addReplica(expert, Math.floor(slot / this.slots));
    }
  }

  #addReplica(expert: number, chiplet: number): void {
    this.#replicasOf[expert].push(chiplet);
    this.numPlaced++;
  }

  #removeReplica(expert: number, chiplet: number): void {
    const replicas = this.#replicasOf[expert];
    replicas[replicas.indexOf(chiplet)] = replicas[replicas.length - 1];
    replicas.length--;
    this.numPlaced--;
  }

  /** Serves the tokens of some experts, every pattern once. */
  #serveAll(concerned: readonly number[], sign: number): void {
    const walk = ++this.#walk;
    const { offsets, patterns } = this.#index;
    const { counts } = this.patterns;
    for (const expert of concerned) {
      if (expert === EMPTY) continue;
      for (let at = offsets[expert]; at < offsets[expert + 1]; at++) {
        const pattern = patterns[at];
        if (this.#servedIn[pattern] === walk) continue;
        this.#servedIn[pattern] = walk;
        this.work++;
        this.#serve(pattern, sign * counts[pattern]);
      }
    }
  }

  #serveNearest(pattern: number, tokens: number): void {
    const { offsets, experts } = this.patterns;
    const { load, chipletTokens } = this;
    const replicasOf = this.#replicasOf;
    const countedIn = this.#countedIn;
    const serving = ++this.#serving;
    let numSeveral = 0;
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const replicas = replicasOf[experts[place]];
      if (replicas.length > 1) {
        numSeveral++;
        continue;
      }
      const chiplet = replicas[0];
      load[chiplet] += tokens;
      if (countedIn[chiplet] === serving) continue;
      countedIn[chiplet] = serving;
      chipletTokens[chiplet] += tokens;
    }
    if (numSeveral === 0) return;
    const away = this.#away;
    let numAway = 0;
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const expert = experts[place];
      if (replicasOf[expert].length > 1 && !this.#serveOnSame(replicasOf[expert], tokens))
        away[numAway++] = expert;
    }
    if (numAway === 1) this.#serveOnAny(replicasOf[away[0]], tokens);
    else if (numAway === 2) this.#servePair(replicasOf[away[0]], replicasOf[away[1]], tokens);
    else if (numAway > 2) this.#serveOnCovers([...away.subarray(0, numAway)], tokens);
  }

  /** Serves an expert evenly on those of its chiplets that are visited anyway, if there are any. */
  #serveOnSame(replicas: readonly number[], tokens: number): boolean {
    let visited = 0;
    for (const chiplet of replicas) {
      if (this.#countedIn[chiplet] === this.#serving) visited++;
    }
    if (visited === 0) return false;
    for (const chiplet of replicas) {
      if (this.#countedIn[chiplet] === this.#serving) this.load[chiplet] += tokens / visited;
    }
    return true;
  }

  #serveOnAny(replicas: readonly number[], tokens: number): void {
    for (const chiplet of replicas) {
      this.load[chiplet] += tokens / replicas.length;
      this.chipletTokens[chiplet] += tokens / replicas.length;
    }
  }

  /** Serves two experts on the chiplets that hold both, or else each on any of its own. */
  #servePair(replicas: readonly number[], otherReplicas: readonly number[], tokens: number): void {
    let common = 0;
    for (const chiplet of replicas) if (otherReplicas.includes(chiplet)) common++;
    if (common === 0) {
      this.#serveOnAny(replicas, tokens);
      this.#serveOnAny(otherReplicas, tokens);
      return;
    }
    for (const chiplet of replicas) {
      if (!otherReplicas.includes(chiplet)) continue;
      this.load[chiplet] += (2 * tokens) / common;
      this.chipletTokens[chiplet] += tokens / common;
    }
  }

  #serveOnCovers(away: readonly number[], tokens: number): void {
    const covers = smallestCovers(away, this.#replicasOf);
    const share = tokens / covers.length;
    for (const cover of covers) {
      for (const chiplet of cover) this.chipletTokens[chiplet] += share;
      for (const expert of away) {
        const within = this.#replicasOf[expert].filter((chiplet) => cover.includes(chiplet));
        for (const chiplet of within) this.load[chiplet] += share / within.length;
      }
    }
  }

  #serveUniformly(pattern: number, tokens: number): void {
    const { offsets, experts } = this.patterns;
    const { load, chipletTokens } = this;
    const serving = ++this.#serving;
    let numAtHand = 0;
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const replicas = this.#replicasOf[experts[place]];
      for (const chiplet of replicas) {
        load[chiplet] += tokens / replicas.length;
        if (this.#countedIn[chiplet] !== serving) {
          this.#countedIn[chiplet] = serving;
          this.#missed[chiplet] = 1;
          this.#chipletsAtHand[numAtHand++] = chiplet;
        }
        this.#missed[chiplet] *= 1 - 1 / replicas.length;
      }
    }
    for (let index = 0; index < numAtHand; index++) {
      const chiplet = this.#chipletsAtHand[index];
      chipletTokens[chiplet] += tokens * (1 - this.#missed[chiplet]);
    }
  }
}
