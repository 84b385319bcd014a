import type { Chiplets } from "../../lib/placement/placement.js";

/** What a slot holds when it holds no expert. */
export const EMPTY = -1;

/** A slot, and the expert that takes it. */
export interface SlotChange {
  readonly slot: number;
  /** {@link EMPTY} for none. */
  readonly expert: number;
}

/**
 * Which slot holds which expert, in a complete placement with replicas under change.
 *
 * Flat typed arrays throughout: the innermost loops of the search over replicas read them.
 */
export class ReplicaSlots {
  /** Expert in every slot, or {@link EMPTY}. Shape [numChiplets, perChiplet], row-major. */
  readonly expertIn: Int32Array;
  /** Shape [numChiplets * perChiplet]. */
  readonly chipletOf: Uint16Array;
  /** Replicas of every expert. Shape [numExperts]. */
  readonly replicasOf: Uint16Array;
  /**
   * Slots of every expert: the first `replicasOf[expert]` of its row, ascending, and so are their chiplets.
   * Shape [numExperts, numChiplets], row-major.
   */
  readonly slotsOf: Int32Array;
  /** Slots that hold an expert. */
  numFilled = 0;

  constructor(
    readonly numExperts: number,
    readonly numChiplets: number,
    readonly perChiplet: number,
  ) {
    this.expertIn = new Int32Array(numChiplets * perChiplet).fill(EMPTY);
    this.chipletOf = Uint16Array.from(this.expertIn, (_, slot) => Math.floor(slot / perChiplet));
    this.replicasOf = new Uint16Array(numExperts);
    this.slotsOf = new Int32Array(numExperts * numChiplets);
  }

  /** Places the experts as told, and none else. */
  assign(chiplets: Chiplets): void {
    this.expertIn.fill(EMPTY);
    this.replicasOf.fill(0);
    this.numFilled = 0;
    chiplets.forEach((experts, chiplet) => {
      experts.forEach((expert, place) => {
        this.#add(chiplet * this.perChiplet + place, expert);
      });
    });
  }

  /** Whether a chiplet holds a replica of an expert. */
  holds(chiplet: number, expert: number): boolean {
    const first = expert * this.numChiplets;
    const end = first + this.replicasOf[expert];
    for (let at = first; at < end; at++) if (this.chipletOf[this.slotsOf[at]] === chiplet) return true;
    return false;
  }

  /** Puts experts into slots, whose experts leave; none may be twice on a chiplet afterwards. */
  change(changes: readonly SlotChange[]): void {
    for (const { slot } of changes)
      if (this.expertIn[slot] !== EMPTY) this.#remove(slot, this.expertIn[slot]);
    for (const { slot, expert } of changes) if (expert !== EMPTY) this.#add(slot, expert);
  }

  /** The placement, lists ascending. */
  chiplets(): number[][] {
    return chipletsOfSlots(this.expertIn, this.perChiplet);
  }

  #add(slot: number, expert: number): void {
    const first = expert * this.numChiplets;
    let at = first + this.replicasOf[expert]++;
    for (; at > first && this.slotsOf[at - 1] > slot; at--) this.slotsOf[at] = this.slotsOf[at - 1];
    this.slotsOf[at] = slot;
    this.expertIn[slot] = expert;
    this.numFilled++;
  }

  #remove(slot: number, expert: number): void {
    let at = expert * this.numChiplets;
    while (this.slotsOf[at] !== slot) at++;
    const end = expert * this.numChiplets + --this.replicasOf[expert];
    for (; at < end; at++) this.slotsOf[at] = this.slotsOf[at + 1];
    this.expertIn[slot] = EMPTY;
    this.numFilled--;
  }
}

/**
 * The placement that a table of slots holds, lists ascending.
 *
 * @example
 * chipletsOfSlots(Int32Array.of(2, 0, EMPTY, 1), 2); // [[0, 2], [1]]
 */
export function chipletsOfSlots(expertIn: Int32Array, perChiplet: number): number[][] {
  return Array.from({ length: expertIn.length / perChiplet }, (_, chiplet) =>
    [...expertIn.subarray(chiplet * perChiplet, (chiplet + 1) * perChiplet)]
      .filter((expert) => expert !== EMPTY)
      .sort((a, b) => a - b),
  );
}
