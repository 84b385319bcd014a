/** Characters that steer a terminal or turn text around: C0 and C1 controls, line separators, bidirectional marks. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** Bold, dim and the colours of a terminal, as tables are printed with them. */
const STYLE = /\u001b\[(?:0|1|2|22|3[1-7]|39|90)m/g;

/**
 * Makes lines for a terminal safe to print: what steers it is written out, but for the ends of lines and for styles.
 *
 * @example
 * printableLines("\u001b[1mname\u001b[22m\n\u001b[2J"); // "\u001b[1mname\u001b[22m\n\\x1b[2J"
 */
export function printableLines(text: string): string {
  const styles = text.match(STYLE) ?? [];
  return text
    .split(STYLE)
    .map(
      (part, at) =>
        part
          .split("\n")
          .map((line) => printable(line))
          .join("\n") + (styles[at] ?? ""),
    )
    .join("");
}

/**
 * Makes text from a file safe to show: what would steer a terminal is written out instead.
 *
 * @param mostLength Characters kept before an ellipsis.
 *
 * @example
 * printable("a\u001b[2Jb\n"); // "a\\x1b[2Jb\\n"
 */
export function printable(text: string, mostLength = Infinity): string {
  const kept = text.length > mostLength ? `${text.slice(0, mostLength)}...` : text;
  return kept.replace(UNPRINTABLE, escapeOf);
}

function escapeOf(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}
