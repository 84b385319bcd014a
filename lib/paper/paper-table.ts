/** A table of the reproduction. */
export interface PaperTable {
  /** A sentence over it; nothing over the only table of its kind. */
  readonly title?: string;
  readonly columns: readonly PaperColumn[];
  /** Shape [rows][columns]. */
  readonly rows: readonly (readonly (string | number)[])[];
  /** A sentence below it. */
  readonly note?: string;
}

export interface PaperColumn {
  readonly name: string;
  /** Whether it holds words, or else numbers. */
  readonly isText: boolean;
}

/**
 * Columns by their names, in order.
 *
 * @param texts How many of the first columns hold words, and the last one, too, if told.
 *
 * @example
 * columnsOf(["model", "C_T", "fitted"], { texts: 1, lastIsText: true })[1]; // { name: "C_T", isText: false }
 */
export function columnsOf(
  names: readonly string[],
  { texts, lastIsText = false }: { readonly texts: number; readonly lastIsText?: boolean },
): PaperColumn[] {
  return names.map((name, column) => ({
    name,
    isText: column < texts || (lastIsText && column === names.length - 1),
  }));
}

/** A cell as it is read: numbers with two digits. */
export function cellText(cell: string | number): string {
  return typeof cell === "number" ? cell.toFixed(2) : cell;
}
