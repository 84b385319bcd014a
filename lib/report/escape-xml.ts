import { printable } from "../printable.js";

/** Text made safe for SVG and HTML, in content and in attributes between double quotes. */
export function escapeXml(text: string): string {
  return printable(text).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
