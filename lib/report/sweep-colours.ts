import type { SweepRow } from "../flows/sweep.js";

/** What points are coloured by: the first in which some differ, and not more than colours tell apart. */
const COLOURED_BY = ["solver", "machine", "engine", "workload", "objective", "dispatch", "trace"] as const;
const MOST_COLOURS = 6;

/** Which colour a point of a sweep has, and what it says. */
export interface SweepColours {
  readonly by: (typeof COLOURED_BY)[number];
  readonly entries: readonly { readonly name: string; readonly colour: string }[];
  readonly colourOf: (row: SweepRow) => string;
}

/** Colours of the points of a sweep; undefined where they differ in nothing, or in too much. */
export function colourOfRows(rows: readonly SweepRow[]): SweepColours | undefined {
  for (const by of COLOURED_BY) {
    const names = [...new Set(rows.map((row) => row[by] ?? "none"))];
    if (names.length < 2 || names.length > MOST_COLOURS) continue;
    const colourOf = (name: string) => `var(--series-${names.indexOf(name)})`;
    return {
      by,
      entries: names.map((name) => ({ name, colour: colourOf(name) })),
      colourOf: (row) => colourOf(row[by] ?? "none"),
    };
  }
  return undefined;
}
