import type { SwapGains } from "../search/swap-gains.js";

/** An admissible chiplet column: the experts that share a chiplet, and the tokens that visit it. */
export interface Column {
  /** Ascending, at most as many as slots. */
  readonly experts: readonly number[];
  /** Tokens that chose at least one of the experts. */
  readonly tokens: number;
}

/** The distinct columns met by a search: what set partitioning recombines. In the order of their first meeting. */
export class ColumnPool {
  readonly #columns = new Map<string, Column>();

  get columns(): Column[] {
    return [...this.#columns.values()];
  }

  /** @returns Whether it is new. */
  add(column: Column): boolean {
    const key = column.experts.join();
    if (this.#columns.has(key)) return false;
    this.#columns.set(key, column);
    return true;
  }
}

/** The columns of a placement; empty chiplets have none. */
export function columnsOfState(
  { seats, slots, touch, numChiplets }: SwapGains,
  numExperts: number,
): Column[] {
  const columns: Column[] = [];
  for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
    const occupants = seats.slice(chiplet * slots, (chiplet + 1) * slots).sort();
    const experts = [...occupants].filter((occupant) => occupant < numExperts);
    if (experts.length > 0) columns.push({ experts, tokens: touch[chiplet] });
  }
  return columns;
}

/** Sum of the tokens that visit each column's chiplet. */
export function sumTokens(columns: readonly Column[]): number {
  return columns.reduce((sum, { tokens }) => sum + tokens, 0);
}
