import type { RoutingTrace } from "../trace/routing-trace.js";
import { largest } from "../statistics.js";
import { chart } from "./draw-plot.js";
import { escapeXml } from "./escape-xml.js";
import { floorPlan } from "./floor-plan.js";
import { heatBins, heatImage, heatValues } from "./heat-map.js";
import {
  busyShares,
  typicalLayer,
  viewLayer,
  type BusyShares,
  type PlacedView,
  type ReportMachine,
  type ViewedPlacements,
} from "./layer-view.js";
import { loadBars } from "./load-bars.js";
import { caption, percent } from "./page-parts.js";

/** One layer as one placement makes it, with all that is drawn. */
interface DrawnSide extends Omit<PlacedView, "traffic"> {
  readonly busy: BusyShares;
  readonly bins: readonly number[];
  readonly values: Float64Array;
}

interface DrawnLayer {
  readonly layer: number;
  readonly before: DrawnSide;
  readonly after: DrawnSide;
}

/** Everything that is drawn layer by layer: heat maps, loads, the floor plan, and all layers small. */
export function layerPictures(
  trace: RoutingTrace,
  placements: ViewedPlacements,
  machine: ReportMachine,
): string {
  const layers = trace.layers.map((_, index) => drawnLayer(trace, index, { placements, machine }));
  const typical = typicalLayer(placements);
  const names = { before: placements.before.name, after: placements.after.name };
  const sides = names.before === names.after ? (["after"] as const) : (["before", "after"] as const);
  const most = largest(
    layers.flatMap(({ before, after }) => [largest(before.values), largest(after.values)]),
  );
  const mostLoad = largest(
    layers.flatMap(({ before, after }) => [largest(before.load), largest(after.load)]),
  );
  const shown = layers[typical];
  const images = layers.map((layer) => ({
    before: heatImage(layer.before.values, most),
    after: heatImage(layer.after.values, most),
  }));
  const numExpertsARow = Math.ceil(trace.numExperts / 128);
  const figures = sides.map(
    (side) =>
      `<figure><div class="heat" data-side="${side}" tabindex="0" role="group" aria-label="Co-activation as ${escapeXml(names[side])} places the experts">` +
      `<img src="${images[typical][side]}" alt=""><svg viewBox="0 0 100 100" aria-hidden="true"><path d=""/><rect/></svg></div>` +
      `<figcaption><b>${escapeXml(names[side])}</b>, <span class="heat-layer">layer ${shown.layer}</span>: ` +
      `<span class="numbers">${percent(shown[side].togetherShare)} of the co-activation within chiplets</span></figcaption></figure>`,
  );
  const thumbs = layers.map(
    ({ layer, before, after }, index) =>
      `<button type="button" class="thumb" data-index="${index}" aria-pressed="${index === typical}">` +
      sides.map((side) => `<img data-side="${side}" alt="" src="${images[index][side]}">`).join("") +
      `<span>layer ${layer}</span><span class="quiet">${sides.length > 1 ? `${percent(before.togetherShare)} → ` : ""}${percent(after.togetherShare)}</span></button>`,
  );
  const loadNames = [names.before, names.after] as const;
  const scale = largest([most]);
  const busyOf = machine.shape ? "busy" : "of the most copies over a link";
  const planLabel = `The machine with the experts of a layer as ${names.after} places them`;
  const radios = sides.map(
    (side) =>
      `<label><input type="radio" name="plan" value="${side}"${side === "after" ? " checked" : ""}>${escapeXml(names[side])}</label>`,
  );
  return [
    `<div class="tools sticky"><label class="grow" for="layer">Layer <input type="range" id="layer" min="0" max="${layers.length - 1}" step="1" value="${typical}"> ` +
      `<output class="layer-name" for="layer">layer ${shown.layer}</output></label>` +
      `<label><input type="checkbox" id="mean">mean of all layers</label></div>`,
    `<h3>Co-activation in the order of chiplets</h3><div class="pair">${figures.join("")}</div>`,
    `<div class="gradient"><span>0 %</span><i class="heat-scale"></i><span>${percent(scale)} of the tokens chose both; one scale for all layers, square root</span></div>`,
    `<output class="numbers-line" id="heat-numbers" aria-live="polite"></output>`,
    caption(
      "Experts in the order in which they are placed, chiplets outlined: what is strong inside the outlines needs no second copy of a token." +
        (numExpertsARow > 1
          ? ` A row stands for up to ${numExpertsARow} experts of a chiplet, a colour for the mean of their pairs.`
          : "") +
        " Point at a map, or use the arrow keys on it, for numbers.",
    ),
    `<h3>All layers</h3><div class="thumbs">${thumbs.join("")}</div>`,
    caption(
      "The share of the co-activation within chiplets, before and after; press one to look at its layer.",
    ),
    `<h3>Load of the chiplets, <span class="layer-name">layer ${shown.layer}</span></h3>`,
    `<ul class="legend"><li><i style="background:var(--series-0)"></i>${escapeXml(names.before)}</li><li><i style="background:var(--best)"></i>${escapeXml(names.after)}</li><li>dashed: the mean</li></ul>`,
    chart((size) =>
      loadBars(
        { before: shown.before.load, after: shown.after.load },
        { names: loadNames, most: mostLoad, size },
      ),
    ),
    `<output class="numbers-line" id="load-numbers" aria-live="polite"></output>`,
    `<h3>Floor plan, <span class="layer-name">layer ${shown.layer}</span></h3>`,
    `<div class="tools" role="group" aria-label="Placement on the floor plan">${radios.join("")}</div>`,
    `<div class="gradient"><span>load 0</span><i class="load"></i><span>twice the mean</span><span aria-hidden="true"> · </span><span>link idle</span><i class="busy"></i><span>always busy</span></div>`,
    chart((size) =>
      floorPlan(
        { label: planLabel, chiplets: shown.after.chiplets, load: shown.after.load, busy: shown.after.busy },
        machine.hardware,
        size,
      ),
    ),
    `<output class="numbers-line" id="plan-numbers" aria-live="polite"></output>`,
    caption(
      `A chiplet shows its number and its load over the mean; a link, by colour and width, ${machine.shape ? "the share of the layer's time it is busy, in its busier direction" : "its copies over the most of any link"}. ` +
        "Point at them, or use the arrow keys, for numbers and experts.",
    ),
    `<script type="application/json" id="layers">${asJson({ names, most, busyOf, columns: machine.hardware.mesh?.columns, layers: layers.map(layerData) })}</script>`,
  ].join("\n");
}

function drawnLayer(
  trace: RoutingTrace,
  index: number,
  { placements, machine }: { placements: ViewedPlacements; machine: ReportMachine },
): DrawnLayer {
  const view = viewLayer(trace, index, placements);
  const side = ({ traffic, ...placed }: PlacedView): DrawnSide => {
    const bins = heatBins(placed.chiplets);
    return {
      ...placed,
      busy: busyShares(traffic, machine),
      bins: bins.binsOfChiplet,
      values: heatValues(view, bins),
    };
  };
  return { layer: view.layer, before: side(view.before), after: side(view.after) };
}

/** What the page's script needs of a layer. */
function layerData({ layer, before, after }: DrawnLayer): object {
  const side = ({ chiplets, load, busy, bins, togetherShare, tokenReplication }: DrawnSide) => ({
    experts: chiplets,
    load: load.map(short),
    root: busy.root.map(short),
    link: busy.link.map(short),
    ...(busy.right && { right: busy.right.map(short) }),
    ...(busy.below && { below: busy.below.map(short) }),
    ...(busy.compute && { compute: busy.compute.map(short) }),
    ...(busy.memory && { memory: busy.memory.map(short) }),
    bins,
    together: short(togetherShare),
    copies: short(tokenReplication),
  });
  return { layer, before: side(before), after: side(after) };
}

function short(value: number): number {
  return Math.round(1000 * value) / 1000;
}

/** JSON that ends no script element. */
function asJson(data: object): string {
  return JSON.stringify(data).replaceAll("<", "\\u003c");
}
