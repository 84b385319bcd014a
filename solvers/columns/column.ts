/** A possible content of a chiplet: the experts that share it, and what they cost. */
export interface Column {
  /** Ascending, at most as many as slots. */
  readonly experts: readonly number[];
  /** Its cost: tokens that chose at least one of the experts, each of which gets one copy there. */
  readonly tokens: number;
}

/** A column with its reduced cost under some multipliers. */
export interface PricedColumn {
  readonly column: Column;
  readonly reducedCost: number;
}

/** Cost of a choice of columns: the token copies that a placement of these chiplets makes. */
export function sumTokens(columns: readonly Column[]): number {
  return columns.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** The columns of least reduced cost, `most` of them; in the order given where costs are equal. */
export function cheapestColumns(columns: readonly PricedColumn[], most: number): Column[] {
  return columns
    .toSorted((a, b) => a.reducedCost - b.reducedCost)
    .slice(0, most)
    .map(({ column }) => column);
}
