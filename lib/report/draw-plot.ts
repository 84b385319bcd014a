import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { largest, smallest } from "../statistics.js";

/** Plot draws into a document; there is no browser here, and so no types of one. */
const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
  document: object;
};

/** How wide a chart is drawn: where there is room, and on a phone. Text is as large as the screen shows it. */
export interface ChartSize {
  readonly width: number;
  readonly fontSize: number;
}

/** Sizes at which pages hold every chart; the style shows the one that fits. */
export const CHART_SIZES = {
  wide: { width: 620, fontSize: 13 },
  narrow: { width: 340, fontSize: 13 },
} as const satisfies Record<string, ChartSize>;

/** Draws a chart as SVG with a label for screen readers. */
export function drawPlot(label: string, { width, fontSize }: ChartSize, options: Plot.PlotOptions): string {
  const whole: unknown = Plot.plot({
    width,
    ...options,
    document: document as never,
    ariaLabel: label,
    style: { fontSize: `${fontSize}px` },
  });
  return (
    (whole as { outerHTML: string }).outerHTML
      // Groups without a role may have no label, and a picture is told as one.
      .replace(/(<g\b[^>]*?) aria-label="[^"]*"/g, "$1")
      .replace(/(<g\b[^>]*?) aria-description="[^"]*"/g, "$1")
      .replace("<svg ", '<svg role="img" ')
  );
}

/**
 * The domain of an axis whose marks all have one value, which alone would be its tick, with all its digits; of others as they have it.
 *
 * @example
 * domainOf([2, 2]).domain; // [1.9, 2.1]
 */
export function domainOf(values: readonly number[]): { domain?: [number, number] } {
  const [least, most] = [smallest(values), largest(values)];
  return least === most && least > 0 ? { domain: [0.95 * least, 1.05 * most] } : {};
}

/** The domain of an axis that holds all values and ends at round ones, for charts that have to know it before they are drawn. */
export function niceDomain(values: readonly number[]): [number, number] {
  const domain = domainOf(values).domain ?? [smallest(values), largest(values)];
  const scale = Plot.scale({ x: { type: "linear", domain, nice: true } });
  return scale.domain as unknown as [number, number];
}

/** A chart at both sizes, of which the page's style shows one. */
export function chart(drawAt: (size: ChartSize) => string): string {
  const { wide, narrow } = CHART_SIZES;
  return `<div class="chart"><div class="wide">${drawAt(wide)}</div><div class="narrow">${drawAt(narrow)}</div></div>`;
}
