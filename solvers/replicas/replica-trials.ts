import type { Chiplets } from "../../lib/placement/placement.js";
import type { ReplicaSlots, SlotChange } from "./replica-slots.js";

/** What a change is judged by. */
export interface TrialRule {
  /** Token copies that a token-expert pair, or a token, above its cap is worth. */
  readonly price: number;
  /** Most load on a chiplet, in token-expert pairs. */
  readonly maxLoad: number;
  /** Most tokens on a chiplet. */
  readonly maxTokens: number;
  /** Most load on a chiplet of experts that have no other replica. */
  readonly maxFixed: number;
}

/** A complete placement with replicas on which changes are tried, then kept or dropped. */
export interface ReplicaTrials {
  readonly slots: ReplicaSlots;
  /** Token-expert pairs served by each chiplet. Shape [numChiplets]. */
  readonly load: Float64Array;
  /** Tokens that visit each chiplet. Shape [numChiplets]. */
  readonly chipletTokens: Float64Array;
  /** Patterns looked at so far, by which a search is budgeted. */
  readonly work: number;
  /** Places the experts as told and counts everything from scratch. */
  assign(chiplets: Chiplets): void;
  /** C_T times the tokens. */
  tokenCopies(): number;
  /**
   * Tries a slot that another expert takes, or two slots of different chiplets that swap what they hold. Every expert must
   * keep a replica, and have none twice on a chiplet.
   *
   * @returns Whether it costs at most `most` token copies more, what is above the caps priced. If so, `keep` follows.
   */
  tryChange(changes: readonly SlotChange[], rule: TrialRule, most: number): boolean;
  /** Keeps the change last tried. */
  keep(): void;
}

/** How much more something is above its cap where it is more. */
export function excessMore(value: number, more: number, cap: number): number {
  return Math.max(0, value + more - cap) - Math.max(0, value - cap);
}
