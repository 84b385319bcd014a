import type { Chiplets } from "../placement/placement.js";
import { largest } from "../statistics.js";
import { encodePng } from "./png.js";
import { escapeXml } from "./escape-xml.js";
import type { LayerView, PlacedView } from "./layer-view.js";

const SIZE = 330;

/** Most rows of a map: more could not be told apart. */
const MOST_BINS = 128;

/** Experts of one chiplet that share a row of a map. */
export interface HeatBins {
  readonly bins: readonly (readonly number[])[];
  /** Rows of every chiplet. */
  readonly binsOfChiplet: readonly number[];
}

/**
 * Experts in the order in which they are placed, several to a row where there are more than can be told apart; a row
 * holds experts of one chiplet only.
 */
export function heatBins(chiplets: Chiplets): HeatBins {
  const perBin = Math.ceil(chiplets.reduce((count, { length }) => count + length, 0) / MOST_BINS);
  const bins = chiplets.map((experts) =>
    Array.from({ length: Math.ceil(experts.length / perBin) }, (_, bin) =>
      experts.slice(bin * perBin, (bin + 1) * perBin),
    ),
  );
  return { bins: bins.flat(), binsOfChiplet: bins.map(({ length }) => length) };
}

/** Share of the tokens that chose both experts, the mean over the pairs of two rows. Shape [numBins, numBins]. */
export function heatValues(
  { pairs, numExperts, numTokens }: Pick<LayerView, "pairs" | "numExperts" | "numTokens">,
  { bins }: HeatBins,
): Float64Array {
  const values = new Float64Array(bins.length ** 2);
  bins.forEach((rowExperts, row) => {
    for (let column = 0; column <= row; column++) {
      let total = 0;
      for (const first of rowExperts) {
        for (const second of bins[column]) total += pairs[first * numExperts + second];
      }
      // An expert makes no pair with itself.
      const itself = row === column && rowExperts.length > 1 ? rowExperts.length : 0;
      const numPairs = rowExperts.length * bins[column].length - itself;
      const share = total / numPairs / numTokens;
      values[row * bins.length + column] = share;
      values[column * bins.length + row] = share;
    }
  });
  return values;
}

/** Values as an image, one pixel each: white for none, the darkest for `most`, on a square root scale, as counts are skewed. */
export function heatImage(values: Float64Array, most: number): string {
  const width = Math.sqrt(values.length);
  const pixels = Uint8Array.from(values, (value) =>
    Math.round(255 * Math.sqrt(Math.min(1, value / (most || 1)))),
  );
  return `data:image/png;base64,${Buffer.from(encodePng(pixels, { width, palette })).toString("base64")}`;
}

/**
 * Draws the co-activation of a layer with experts in the order in which they are placed, chiplets outlined.
 *
 * What is inside the outlines needs no second copy of a token.
 */
export function heatMap(view: LayerView, placed: PlacedView): string {
  const bins = heatBins(placed.chiplets);
  const values = heatValues(view, bins);
  const cell = SIZE / bins.bins.length;
  let first = 0;
  const outlines = bins.binsOfChiplet.map((count) => {
    const from = first * cell;
    first += count;
    const side = count * cell;
    return `<rect x="${digits(from)}" y="${digits(from)}" width="${digits(side)}" height="${digits(side)}"/>`;
  });
  const share = `${(100 * placed.togetherShare).toFixed(1)} %`;
  const label = `Co-activation of experts as ${placed.solver} places them: ${share} of it within chiplets`;
  return (
    `<svg viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="${escapeXml(label)}">` +
    `<image href="${heatImage(values, largest(values))}" width="${SIZE}" height="${SIZE}" style="image-rendering: pixelated"/>` +
    `<g fill="none" stroke="#d55e00" stroke-width="1">${outlines.join("")}</g></svg>`
  );
}

/** White to dark blue, lightness falling evenly; the red of a colour tells which it is. */
const palette = Array.from({ length: 256 }, (_, index) => {
  const share = index / 255;
  const mix = (from: number, to: number) => Math.round(from + (to - from) * share);
  return [255 - index, mix(251, 34), mix(253, 92)] as const;
});

function digits(value: number): string {
  return String(Math.round(100 * value) / 100);
}
