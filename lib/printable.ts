/** Characters that steer a terminal or turn text around: C0 and C1 controls, line separators, bidirectional marks. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

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
