import { largest } from "../statistics.js";
import { escapeXml } from "./escape-xml.js";
import type { ChartSize } from "./draw-plot.js";

/** Load of every chiplet over the mean, before and after. */
export interface LoadPair {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * Load of every chiplet before and after. The scale reaches up to `most`, so that layers can be told apart by it; a page's script moves the
 * bars from layer to layer by their data attributes.
 */
export function loadBars(
  { before, after }: LoadPair,
  { names, most, size }: { names: readonly [string, string]; most: number; size: ChartSize },
): string {
  const { width, fontSize } = size;
  const [left, right, top, height] = [44, 8, 12, 230];
  const bottom = height - 44;
  const ceiling = Math.ceil(Math.max(most, 1) * 4) / 4;
  const unit = (bottom - top) / ceiling;
  const numChiplets = before.length;
  const step = (width - left - right) / numChiplets;
  const every = Math.ceil(numChiplets / ((width - left - right) / (2.2 * fontSize)));
  const tickStep = ceiling > 4 ? 1 : ceiling > 2 ? 0.5 : 0.25;
  const ticks = Array.from({ length: Math.floor(ceiling / tickStep) + 1 }, (_, tick) => tick * tickStep);
  const grid = ticks.map((value) => {
    const y = digits(bottom - value * unit);
    return (
      `<line x1="${left}" x2="${width - right}" y1="${y}" y2="${y}" class="grid"/>` +
      `<text x="${left - 6}" y="${digits(bottom - value * unit + fontSize / 3)}" text-anchor="end">${value}</text>`
    );
  });
  const bars = before.map((_, chiplet) => {
    const x = left + chiplet * step;
    const bar = (side: "before" | "after", place: number) => {
      const value = (side === "before" ? before : after)[chiplet];
      return (
        `<rect data-load="${side} ${chiplet}" class="${side}" x="${digits(x + step * (0.12 + 0.38 * place))}" ` +
        `y="${digits(bottom - value * unit)}" width="${digits(step * 0.38)}" height="${digits(value * unit)}"/>`
      );
    };
    const label =
      chiplet % every === 0
        ? `<text x="${digits(x + step / 2)}" y="${bottom + fontSize + 3}" text-anchor="middle">${chiplet}</text>`
        : "";
    return bar("before", 0) + bar("after", 1) + label;
  });
  const [first, second] = [largest(before), largest(after)].map((load) => load.toFixed(2));
  const label = `Load of every chiplet over the mean; the largest: ${names[0]} ${first}, ${names[1]} ${second}`;
  const mean = digits(bottom - unit);
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(label)}" class="loads" font-size="${fontSize}" ` +
    `data-bottom="${bottom}" data-unit="${digits(unit)}">${grid.join("")}${bars.join("")}` +
    `<line x1="${left}" x2="${width - right}" y1="${mean}" y2="${mean}" class="mean"/>` +
    `<text x="${digits((left + width - right) / 2)}" y="${height - 6}" text-anchor="middle">chiplet</text></svg>`
  );
}

function digits(value: number): string {
  return String(Math.round(100 * value) / 100);
}
