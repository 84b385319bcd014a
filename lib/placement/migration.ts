import type { Chiplets } from "./placement.js";

/** The weights of one expert on their way from a chiplet to another. */
export interface Transfer {
  readonly expert: number;
  readonly from: number;
  readonly to: number;
}

/**
 * One step from a running placement to another; after every step each chiplet holds at most its slots.
 *
 * A `move` takes an expert into a free slot; a `copy` does and keeps the original; a `swap` exchanges two experts of two
 * full chiplets, which needs room for one expert in flight on each; a `drop` frees the slot of a replica.
 */
export type MigrationStep =
  | { readonly kind: "move" | "copy"; readonly transfers: readonly [Transfer] }
  | { readonly kind: "swap"; readonly transfers: readonly [Transfer, Transfer] }
  | { readonly kind: "drop"; readonly expert: number; readonly chiplet: number };

/** The placements in which all but some slots hold what they hold in a running one. */
export interface MigrationBudget {
  /** Which chiplet holds which experts; the order of its slots does not matter. */
  readonly running: Chiplets;
  /** Most slots that may be filled from elsewhere: experts on another chiplet, and replicas that are new. */
  readonly maxMoves: number;
}

/** Slots of a placement that have to be filled from elsewhere: the expert moves between two placements. */
export function countMoves(from: Chiplets, to: Chiplets): number {
  return to.reduce(
    (moves, experts, chiplet) => moves + experts.filter((expert) => !from[chiplet].includes(expert)).length,
    0,
  );
}

/**
 * Orders the moves from a running placement to another so that no chiplet ever holds more than its slots, and no expert
 * is ever without a replica.
 *
 * Replicas that go are dropped first. Then every expert whose chiplet has a free slot comes there, for as long as there
 * is one. What is left are cycles of full chiplets. A cycle with a replicated expert is opened by dropping that replica and
 * copying it anew later. Two experts that want each other's place are swapped. A longer cycle of k experts is opened by
 * a detour over a free slot elsewhere, k + 1 transfers, or, where there is none, by k - 1 swaps.
 * Time O(moves^2 * numChiplets).
 *
 * @param from No expert twice on a chiplet; every expert somewhere.
 * @param to As `from`, and at most `slotsPerChiplet` on every chiplet.
 *
 * @example
 * planMigration([[0, 1], [2]], [[0, 2], [1]], 2);
 * // move 1 from chiplet 0 to 1, then move 2 from chiplet 1 to 0
 */
export function planMigration(from: Chiplets, to: Chiplets, slotsPerChiplet: number): MigrationStep[] {
  const held = from.map((experts) => new Set(experts));
  const steps: MigrationStep[] = [];
  const hasRoom = (chiplet: number) => held[chiplet].size < slotsPerChiplet;
  const drop = (expert: number, chiplet: number) => {
    held[chiplet].delete(expert);
    steps.push({ kind: "drop", expert, chiplet });
  };
  const carry = (kind: "move" | "copy", transfer: Transfer) => {
    if (kind === "move") held[transfer.from].delete(transfer.expert);
    held[transfer.to].add(transfer.expert);
    steps.push({ kind, transfers: [transfer] });
  };
  const { arrivals, surplus } = pairSlots(from, to);
  for (const { expert, from: chiplet } of surplus) drop(expert, chiplet);
  while (arrivals.length > 0) {
    const open = arrivals.findIndex((arrival) => hasRoom(arrival.to));
    if (open !== -1) {
      const [{ expert, from: source, to: target }] = arrivals.splice(open, 1);
      const holder = source ?? held.findIndex((experts) => experts.has(expert));
      carry(source === undefined ? "copy" : "move", { expert, from: holder, to: target });
      continue;
    }
    const cycle = shortestCycle(arrivals.filter(isMove), from.length);
    const replicated = cycle.find(({ expert }) => held.filter((experts) => experts.has(expert)).length > 1);
    const detour = cycle.length > 2 ? held.findIndex((_, chiplet) => hasRoom(chiplet)) : -1;
    const [first, second] = cycle;
    if (replicated) {
      drop(replicated.expert, replicated.from);
      arrivals[arrivals.indexOf(replicated)] = {
        expert: replicated.expert,
        from: undefined,
        to: replicated.to,
      };
    } else if (detour !== -1) {
      carry("move", { expert: first.expert, from: first.from, to: detour });
      first.from = detour;
    } else {
      // The first expert goes where it belongs; the expert it meets takes its slot, and is one step nearer to its own.
      const there = { expert: first.expert, from: first.from, to: second.from };
      const back = { expert: second.expert, from: second.from, to: first.from };
      for (const { expert, from: source } of [there, back]) held[source].delete(expert);
      for (const { expert, to: target } of [there, back]) held[target].add(expert);
      steps.push({ kind: "swap", transfers: [there, back] });
      second.from = first.from;
      arrivals.splice(arrivals.indexOf(first), 1);
      if (second.to === second.from) arrivals.splice(arrivals.indexOf(second), 1);
    }
  }
  return steps;
}

/**
 * Replays a migration step by step and lists everything that is wrong with it: transfers from where the expert is not,
 * slots that overflow, a last replica dropped, another placement at the end.
 *
 * @returns One sentence a violation; empty if the steps lead from one placement to the other.
 */
export function verifyMigration(
  steps: readonly MigrationStep[],
  { from, to, slotsPerChiplet }: { from: Chiplets; to: Chiplets; slotsPerChiplet: number },
): string[] {
  const violations: string[] = [];
  const held = from.map((experts) => new Set(experts));
  const numReplicasOf = (expert: number) => held.filter((experts) => experts.has(expert)).length;
  steps.forEach((step, index) => {
    const complain = (violation: string) => violations.push(`step ${index + 1}: ${violation}`);
    if (step.kind === "drop") {
      if (numReplicasOf(step.expert) < 2) complain(`drops the last replica of expert ${step.expert}`);
      if (!held[step.chiplet].delete(step.expert)) {
        complain(`drops expert ${step.expert}, which is not on chiplet ${step.chiplet}`);
      }
      return;
    }
    for (const { expert, from: source } of step.transfers) {
      if (!held[source].has(expert)) complain(`expert ${expert} is not on chiplet ${source}`);
      if (step.kind !== "copy") held[source].delete(expert);
    }
    for (const { expert, to: target } of step.transfers) {
      if (held[target].has(expert)) complain(`expert ${expert} is on chiplet ${target} already`);
      held[target].add(expert);
    }
    held.forEach((experts, chiplet) => {
      if (experts.size > slotsPerChiplet) complain(`chiplet ${chiplet} holds ${experts.size} experts`);
    });
  });
  held.forEach((experts, chiplet) => {
    const wanted = [...to[chiplet]].sort((a, b) => a - b).join(",");
    const found = [...experts].sort((a, b) => a - b).join(",");
    if (found !== wanted)
      violations.push(`chiplet ${chiplet} ends with experts ${found}, expected ${wanted}`);
  });
  return violations;
}

/** An expert that has still to come to a chiplet: from its slot, or as one more replica from wherever it is. */
interface Arrival {
  readonly expert: number;
  from: number | undefined;
  readonly to: number;
}

interface Move extends Arrival {
  from: number;
}

function isMove(arrival: Arrival): arrival is Move {
  return arrival.from !== undefined;
}

/** Pairs the slots every expert leaves with those it takes; of slots too many it only leaves, to slots too few it is copied. */
function pairSlots(
  from: Chiplets,
  to: Chiplets,
): { arrivals: Arrival[]; surplus: { expert: number; from: number }[] } {
  const leaving = new Map<number, number[]>();
  from.forEach((experts, chiplet) => {
    for (const expert of experts) {
      if (!to[chiplet].includes(expert)) leaving.set(expert, [...(leaving.get(expert) ?? []), chiplet]);
    }
  });
  const arrivals = to.flatMap((experts, chiplet) =>
    experts
      .filter((expert) => !from[chiplet].includes(expert))
      .map((expert): Arrival => ({ expert, from: leaving.get(expert)?.shift(), to: chiplet })),
  );
  const surplus = [...leaving].flatMap(([expert, chiplets]) =>
    chiplets.map((chiplet) => ({ expert, from: chiplet })),
  );
  return { arrivals, surplus };
}

/** The shortest cycle of experts each of which wants to where the next one is. */
function shortestCycle(moves: readonly Move[], numChiplets: number): Move[] {
  let shortest: Move[] | undefined;
  for (let start = 0; start < numChiplets; start++) {
    const cycle = cycleThrough(start, moves);
    if (cycle && cycle.length < (shortest?.length ?? Infinity)) shortest = cycle;
  }
  if (!shortest) throw new Error("full chiplets without a cycle: the placements do not fit their slots");
  return shortest;
}

/** The shortest cycle through a chiplet, by breadth-first search over the moves that leave each chiplet. */
function cycleThrough(start: number, moves: readonly Move[]): Move[] | undefined {
  const arrivedBy = new Map<number, Move>();
  const queue = [start];
  for (const chiplet of queue) {
    for (const move of moves) {
      if (move.from !== chiplet || arrivedBy.has(move.to)) continue;
      arrivedBy.set(move.to, move);
      queue.push(move.to);
    }
    if (arrivedBy.has(start)) break;
  }
  const cycle: Move[] = [];
  for (
    let move = arrivedBy.get(start);
    move;
    move = move.from === start ? undefined : arrivedBy.get(move.from)
  ) {
    cycle.unshift(move);
  }
  return cycle.length > 0 ? cycle : undefined;
}
