import { escapeXml } from "./escape-xml.js";

/** A section of a page under a heading. */
export function section(title: string, parts: readonly string[]): string {
  return `<section><h2>${escapeXml(title)}</h2>\n${parts.filter((part) => part !== "").join("\n")}</section>`;
}

/** What a picture shows, in a sentence or two below it. */
export function caption(text: string): string {
  return `<p class="caption">${escapeXml(text)}</p>`;
}

/** Colours with their names, in the classes of the style. */
export function legend(entries: readonly { readonly name: string; readonly class: string }[]): string {
  const items = entries.map(
    ({ name, class: colour }) => `<li><i class="${colour}"></i>${escapeXml(name)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** A share for people. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
