import { encodePng } from "./png.js";
import { escapeXml } from "./escape-xml.js";
import type { LayerView, PlacedView } from "./layer-view.js";
import { largest } from "../statistics.js";

const SIZE = 330;

/**
 * Draws the co-activation of a layer with experts in the order in which they are placed, chiplets outlined.
 *
 * What is inside the outlines needs no second copy of a token. One pixel a pair of experts, the darkest the
 * largest count of all, on a square root scale, because counts are skewed.
 */
export function heatMap({ pairs, numExperts }: LayerView, placed: PlacedView): string {
  const order = placed.chiplets.flat();
  const darkest = largest(pairs, 1);
  const pixels = Uint8Array.from({ length: order.length ** 2 }, (_, pixel) => {
    const [one, other] = [order[Math.floor(pixel / order.length)], order[pixel % order.length]];
    return Math.round(255 * Math.sqrt(pairs[one * numExperts + other] / darkest));
  });
  const png = Buffer.from(encodePng(pixels, { width: order.length, palette })).toString("base64");
  const cell = SIZE / order.length;
  let first = 0;
  const outlines = placed.chiplets.map((experts) => {
    const from = first * cell;
    first += experts.length;
    const side = experts.length * cell;
    return `<rect x="${digits(from)}" y="${digits(from)}" width="${digits(side)}" height="${digits(side)}"/>`;
  });
  const share = `${(100 * placed.togetherShare).toFixed(1)} %`;
  const label = `Co-activation of experts as ${placed.solver} places them: ${share} of it within chiplets`;
  return (
    `<svg viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="${escapeXml(label)}">` +
    `<image href="data:image/png;base64,${png}" width="${SIZE}" height="${SIZE}" style="image-rendering: pixelated"/>` +
    `<g fill="none" stroke="#d55e00" stroke-width="1">${outlines.join("")}</g></svg>`
  );
}

/** White to dark blue, lightness falling evenly. */
const palette = Array.from({ length: 256 }, (_, index) => {
  const share = index / 255;
  const mix = (from: number, to: number) => Math.round(from + (to - from) * share);
  return [mix(250, 8), mix(251, 34), mix(253, 92)] as const;
});

function digits(value: number): string {
  return String(Math.round(100 * value) / 100);
}
