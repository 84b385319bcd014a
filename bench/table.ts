import { cellText, type PaperTable } from "../lib/paper/paper-table.js";

/** Prints one row of a Markdown table; numbers with two digits. */
export function row(...cells: readonly (string | number)[]): void {
  console.log(`| ${cells.map(cellText).join(" | ")} |`);
}

/** Prints a whole table with its title and its note. */
export function printTable({ title, columns, rows, note }: PaperTable): void {
  if (title !== undefined) console.log(`\n## ${title}\n`);
  row(...columns.map(({ name }) => name));
  row(...columns.map(({ isText }) => (isText ? "---" : "---:")));
  for (const cells of rows) row(...cells);
  if (note !== undefined) console.log(`\n${note}`);
}
