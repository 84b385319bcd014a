import { escapeXml } from "./escape-xml.js";
import { pictureStyle, reportColours } from "./report-style.js";

/** A picture as a file, and the data it shows. */
export interface Figure {
  readonly name: string;
  /** A document of its own. */
  readonly svg: string;
  /** Comma-separated values with a line of names. */
  readonly csv: string;
}

const MARGIN = 16;

/**
 * A drawing as a document with a title, light or dark as the reader chooses.
 *
 * @param keys What the colours stand for, in their order, above the drawing.
 */
export function figureDocument(title: string, svg: string, keys: readonly string[] = []): string {
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg) ?? ["", "720", "400"];
  const [whole, top] = [Number(width) + 2 * MARGIN, keys.length === 0 ? 44 : 72];
  const inner = svg.replace(/^<svg/, `<svg x="${MARGIN}" y="${top}"`);
  const placed = / width="/.test(/^<svg[^>]*>/.exec(inner)?.[0] ?? "")
    ? inner
    : inner.replace(/^<svg/, `<svg width="${width}" height="${height}"`);
  const total = Number(height) + top + MARGIN;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole} ${total}" width="${whole}" height="${total}" role="img" ` +
    `aria-label="${escapeXml(title)}" font-family="system-ui, DejaVu Sans, sans-serif" color="var(--text)">\n` +
    `<style>${reportColours}${pictureStyle}</style>\n<rect width="100%" height="100%" fill="var(--background)"/>\n` +
    `<text x="${MARGIN}" y="28" font-size="15" font-weight="600" fill="var(--text)">${escapeXml(title)}</text>\n${drawKeys(keys)}${placed}\n</svg>\n`
  );
}

function drawKeys(keys: readonly string[]): string {
  let x = MARGIN;
  return keys
    .map((name, index) => {
      const at = x;
      x += 34 + 7.2 * name.length;
      return (
        `<rect x="${at.toFixed(0)}" y="44" width="12" height="12" fill="var(--kind-${index})"/>` +
        `<text x="${(at + 18).toFixed(0)}" y="54.5" font-size="13" fill="var(--text)">${escapeXml(name)}</text>\n`
      );
    })
    .join("");
}
