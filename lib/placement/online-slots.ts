import type { LayerTraffic } from "./traffic.js";
import { largest, sum } from "../statistics.js";

/** Largest load of a chiplet once slots have taken load over. */
export interface EvenedLoad {
  /** With what `evenOut` moves. */
  readonly largestLoad: number;
  /** Proved: no replicas in as many slots leave less. */
  readonly atLeast: number;
}

/** Caps that are tried between what is proved and what is loaded now; each halves what is between. */
const HALVINGS = 30;
/** What is left to move, as a part of the mean load, that is a rounding error. */
const NOTHING_LEFT = 1e-9;

/**
 * Evens the load of a batch out inside every domain: each chiplet has some slots for replicas of experts of its domain,
 * chosen when the loads of the batch are known, and takes any part of the load of each.
 *
 * What is proved: a chiplet takes over no more than the largest experts elsewhere in its domain, as many as it has slots, so
 * under a cap T on all loads the domain serves at most the sum of min(T, load + what it can take over), which has to be all.
 * What is moved: under a cap, the chiplet with most above it gives its largest expert to the chiplet whose room fits best, a
 * piece for a slot; the least cap that this meets is found by halving, and begins with the one that is proved. Where both are
 * the same nothing does better; between them are slots that the pieces of many small experts use up.
 *
 * @param traffic Of one batch.
 * @param options.perDomain Consecutive chiplets among which weights travel as fast as copies; divides the chiplets.
 * @param options.slots Of every chiplet, besides its own experts.
 *
 * @example
 * // Loads 6 + 2 and 1 + 1 on two chiplets: one slot takes 3 of the 6 over.
 * evenOut({ numChiplets: 2, expertLoad: [[6, 2], [1, 1]] }, { perDomain: 2, slots: 1 }); // { largestLoad: 5, atLeast: 5 }
 */
export function evenOut(
  { numChiplets, expertLoad }: Pick<LayerTraffic, "numChiplets" | "expertLoad">,
  { perDomain, slots }: { readonly perDomain: number; readonly slots: number },
): EvenedLoad {
  const domains = Array.from({ length: numChiplets / perDomain }, (_, domain) =>
    evenDomain(expertLoad.slice(domain * perDomain, (domain + 1) * perDomain), slots),
  );
  return {
    largestLoad: largest(domains.map(({ largestLoad }) => largestLoad)),
    atLeast: largest(domains.map(({ atLeast }) => atLeast)),
  };
}

function evenDomain(experts: readonly (readonly number[])[], slots: number): EvenedLoad {
  const loads = experts.map((own) => sum(own));
  const busiest = largest(loads);
  const atLeast = leastCap(loads, mostTakenOver(experts, slots));
  if (meets(experts, slots, atLeast)) return { largestLoad: atLeast, atLeast };
  let [refused, met] = [atLeast, busiest];
  for (let halving = 0; halving < HALVINGS; halving++) {
    const cap = (refused + met) / 2;
    if (meets(experts, slots, cap)) met = cap;
    else refused = cap;
  }
  return { largestLoad: met, atLeast };
}

/** The most load that each chiplet can take over: of the largest experts of others, one a slot. */
function mostTakenOver(experts: readonly (readonly number[])[], slots: number): number[] {
  const all = experts
    .flatMap((own, chiplet) => own.map((load) => ({ load, chiplet })))
    .sort((a, b) => b.load - a.load);
  return experts.map((_, chiplet) => {
    const others = all.filter((expert) => expert.chiplet !== chiplet).slice(0, slots);
    return sum(others.map(({ load }) => load));
  });
}

/** The least T with sum of min(T, load + taken over) no less than the sum of loads. */
function leastCap(loads: readonly number[], takenOver: readonly number[]): number {
  const ceilings = loads.map((load, chiplet) => load + takenOver[chiplet]).sort((a, b) => a - b);
  let left = sum(loads);
  for (const [place, ceiling] of ceilings.entries()) {
    const share = left / (ceilings.length - place);
    if (share <= ceiling) return share;
    left -= ceiling;
  }
  return largest(ceilings);
}

/** Whether loads above a cap find room in slots of chiplets below it, in one of two ways. */
function meets(experts: readonly (readonly number[])[], slots: number, cap: number): boolean {
  return [false, true].some((fills) => isEvened(experts, { slots, cap, fills }));
}

/** @param options.fills Whether a slot takes all it has room for: its giver, then below the cap, takes from others in turn. */
function isEvened(
  experts: readonly (readonly number[])[],
  { slots, cap, fills }: { slots: number; cap: number; fills: boolean },
): boolean {
  const chiplets = experts.map((own) => ({ load: sum(own), slots, left: own.toSorted((a, b) => a - b) }));
  const rounding = (NOTHING_LEFT * sum(chiplets.map(({ load }) => load))) / chiplets.length;
  for (;;) {
    const giver = chiplets.reduce((most, next) => (next.load > most.load ? next : most));
    if (giver.load <= cap + rounding) return true;
    const expert = giver.left.pop() ?? 0;
    const needed = Math.min(giver.load - cap, expert);
    const open = chiplets.filter(({ load, slots: free }) => free > 0 && load < cap - rounding);
    if (needed <= 0 || open.length === 0) return false;
    // The room that is just enough, or else the most there is.
    const taker = open.reduce((best, next) => {
      const [a, b] = [cap - best.load - needed, cap - next.load - needed];
      return (b >= 0 && (a < 0 || b < a)) || (a < 0 && b > a) ? next : best;
    });
    const moved = Math.min(fills ? expert : needed, cap - taker.load);
    giver.load -= moved;
    taker.load += moved;
    taker.slots--;
    // The rest of an expert may go to another slot.
    if (moved < expert) insert(giver.left, expert - moved);
  }
}

/** Keeps numbers ascending. */
function insert(ascending: number[], value: number): void {
  const place = ascending.findIndex((other) => other > value);
  ascending.splice(place < 0 ? ascending.length : place, 0, value);
}
