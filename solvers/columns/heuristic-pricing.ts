import { TOKEN_ROUNDING } from "../../lib/placement/tolerance.js";
import type { Column } from "./column.js";
import type { ColumnModel } from "./column-model.js";
import { plainColumnTokens, vectorColumnTokens } from "./column-tokens.js";
import type { Multipliers } from "./multipliers.js";

/** Finds columns of little reduced cost. */
export interface ColumnPricer {
  /** Exchanges experts of an admissible column for others as long as its reduced cost falls; it stays admissible. */
  readonly improve: (column: Column, multipliers: Multipliers) => Column;
  /** Fills a chiplet, beginning with an expert that is not pinned, always by the one that adds least, and improves what comes of it. */
  readonly grow: (expert: number, multipliers: Multipliers) => Column;
}

/**
 * Makes the pricer of a model, for columns too many to enumerate.
 *
 * It keeps the tokens that each expert would add to the column at hand, so that the best expert for a slot is found in
 * one pass over the experts. What it answers has the least reduced cost of any column that differs in one expert: a
 * heuristic, so that an LP over what it finds is an estimate of the LP over all, never a bound.
 */
export function createColumnPricer(model: ColumnModel): ColumnPricer {
  const { patterns, numExperts, slotsPerChiplet, admits, isPinned } = model;
  const { adds, ...column } = vectorColumnTokens(patterns) ?? plainColumnTokens(patterns);
  const isMember = new Uint8Array(numExperts);
  let tokens = 0;

  const insert = (expert: number) => {
    tokens += adds[expert];
    isMember[expert] = 1;
    column.insert(expert);
  };
  const remove = (expert: number) => {
    isMember[expert] = 0;
    column.remove(expert);
    tokens -= adds[expert];
  };
  /** The expert that adds least to some; `otherwise`, unless it is better than that by more than rounding. */
  const bestFor = (
    members: readonly number[],
    otherwise: { expert: number; cost: number },
    multiplier: Float64Array,
  ): number => {
    let best = otherwise.expert;
    let least = otherwise.cost - TOKEN_ROUNDING;
    for (let expert = 0; expert < numExperts; expert++) {
      if (isMember[expert] || isPinned[expert]) continue;
      const cost = adds[expert] - multiplier[expert];
      if (cost >= least || (admits && !admits([...members, expert]))) continue;
      least = cost;
      best = expert;
    }
    return best;
  };
  /** Exchanges those at hand, and takes them out. */
  const exchange = (members: number[], multiplier: Float64Array): Column => {
    for (let slot = 0, unchanged = 0; unchanged < members.length; slot = (slot + 1) % members.length) {
      unchanged++;
      const removed = members[slot];
      if (isPinned[removed]) continue;
      remove(removed);
      members[slot] = bestFor(
        members.filter((expert) => expert !== removed),
        { expert: removed, cost: adds[removed] - multiplier[removed] },
        multiplier,
      );
      insert(members[slot]);
      if (members[slot] !== removed) unchanged = 0;
    }
    const improved = { experts: members.toSorted((a, b) => a - b), tokens };
    for (const expert of members) remove(expert);
    return improved;
  };

  return {
    improve({ experts }, multipliers) {
      for (const expert of experts) insert(expert);
      return exchange([...experts], multipliers.expert);
    },
    grow(first, multipliers) {
      const members = [first];
      insert(first);
      while (members.length < slotsPerChiplet) {
        const next = bestFor(members, { expert: -1, cost: Infinity }, multipliers.expert);
        if (next < 0) break;
        members.push(next);
        insert(next);
      }
      return exchange(members, multipliers.expert);
    },
  };
}
