import { printable } from "./printable.js";

/**
 * A value from a file for an error text, as JSON cut short.
 *
 * Looks at no more of the value than it shows, so that a list of a million entries, one nested a million deep, and one
 * that contains itself are described as quickly as any other.
 *
 * @param mostLength Characters shown before an ellipsis.
 *
 * @example
 * describeValue({ experts: [1, 2] }); // '{"experts":[1,2]}'
 * describeValue(undefined); // "nothing"
 */
export function describeValue(value: unknown, mostLength = 40): string {
  return printable(write(value, mostLength + 1), mostLength);
}

/** Writes a value until there is no room left. Every bracket takes room, which bounds the depth too. */
function write(value: unknown, room: number): string {
  if (room <= 0) return "";
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, room));
  if (value === null) return "null";
  if (typeof value === "function") return "code";
  if (typeof value !== "object") return (value as number).toString();
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return writeEntries(Array.from(indicesOf(value, room)), room, (index, rest) =>
      write((value as ArrayLike<unknown>)[index], rest),
    );
  }
  const names = Object.keys(value);
  const text = writeEntries(names, room, (name, rest) => {
    const start = `${JSON.stringify(name.slice(0, rest))}:`;
    return start + write((value as Record<string, unknown>)[name], rest - start.length);
  });
  return `{${text.slice(1, -1)}}`;
}

function writeEntries<T>(entries: readonly T[], room: number, writeOne: (entry: T, room: number) => string) {
  let text = "[";
  for (const entry of entries) {
    if (text.length >= room) break;
    text += (text.length > 1 ? "," : "") + writeOne(entry, room - text.length);
  }
  return `${text}]`;
}

/** Indices of a list as far as there is room for its entries. */
function indicesOf(list: unknown, room: number): number[] {
  const length = Math.min((list as ArrayLike<unknown>).length, room);
  return Array.from({ length }, (_, index) => index);
}
