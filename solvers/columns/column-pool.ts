import type { TouchState } from "../search/swap-gains.js";

/** An admissible chiplet filling: the experts that share a chiplet, and the tokens that visit it. */
export interface Filling {
  /** Ascending, at most as many as slots. */
  readonly experts: readonly number[];
  /** Tokens that chose at least one of the experts. */
  readonly tokens: number;
}

/** The distinct fillings met by a search: what set partitioning recombines. In the order of their first meeting. */
export class FillingPool {
  readonly #fillings = new Map<string, Filling>();

  get fillings(): Filling[] {
    return [...this.#fillings.values()];
  }

  /** @returns Whether it is new. */
  add(filling: Filling): boolean {
    const key = filling.experts.join();
    if (this.#fillings.has(key)) return false;
    this.#fillings.set(key, filling);
    return true;
  }
}

/** The fillings of a seating; empty chiplets have none. */
export function fillingsOfState(
  { seats, slots, touch, numChiplets }: TouchState,
  numExperts: number,
): Filling[] {
  const fillings: Filling[] = [];
  for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
    const occupants = seats.slice(chiplet * slots, (chiplet + 1) * slots).sort();
    const experts = [...occupants].filter((occupant) => occupant < numExperts);
    if (experts.length > 0) fillings.push({ experts, tokens: touch[chiplet] });
  }
  return fillings;
}

/** Sum of the tokens that visit each filling's chiplet. */
export function sumTokens(fillings: readonly Filling[]): number {
  return fillings.reduce((sum, { tokens }) => sum + tokens, 0);
}
