import { stringify } from "csv-stringify/sync";

/**
 * Records as comma-separated values: a line of names, then a line a record; nothing where nothing is known.
 *
 * Names of nested fields are joined by dots. Text that a spreadsheet would take for a formula has an apostrophe before it.
 *
 * @example
 * recordsCsv([{ layer: 1, learned: { load: 1.5 } }, { layer: 2 }]); // "layer,learned.load\n1,1.5\n2,"
 */
export function recordsCsv(records: readonly object[]): string {
  const flat = records.map((record) => flatten(record));
  const names = [...new Set(flat.flatMap((record) => [...record.keys()]))];
  const lines = flat.map((record) => names.map((name) => cellOf(record.get(name))));
  return stringify([names, ...lines], { escape_formulas: true }).trimEnd();
}

function flatten(record: object, prefix = ""): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(record)) {
    // What is null is not known, though others may know more of it.
    if (value === null || value === undefined) fields.set(`${prefix}${name}`, undefined);
    else if (Array.isArray(value)) fields.set(`${prefix}${name}`, value.join(" "));
    else if (typeof value === "object") {
      flatten(value as object, `${prefix}${name}.`).forEach((inner, key) => fields.set(key, inner));
    } else fields.set(`${prefix}${name}`, value);
  }
  return fields;
}

function cellOf(value: unknown): string | number {
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" || typeof value === "number" ? value : "";
}
