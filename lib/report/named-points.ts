import * as Plot from "@observablehq/plot";
import { largest } from "../statistics.js";
import { niceDomain } from "./draw-plot.js";
import { placeLabels } from "./label-places.js";

/** A point of a chart with its name; x and y in the units of the axes. */
export interface NamedPoint {
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly fill: string;
  readonly title: string;
}

interface Axis {
  readonly domain: readonly [number, number];
  /** The pixels of a value, and the value of a pixel. */
  readonly apply: (value: number) => number;
  readonly invert: (pixel: number) => number;
}

/** The axes of a chart before it is drawn, which names need to know to stand beside points. */
export interface Plane {
  readonly x: { readonly domain: [number, number] };
  readonly y: { readonly domain: [number, number] };
  /** Options of the plot. */
  readonly frame: Plot.PlotOptions;
  readonly axes: { readonly x: Axis; readonly y: Axis };
  readonly size: { readonly width: number; readonly height: number };
}

interface PlaneSize {
  readonly width: number;
  readonly height: number;
  readonly margins: {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
    /** Pixels that stay free within all margins. */
    readonly inset: number;
  };
}

/** Axes with round ends that hold all values. */
export function planeOf(
  values: readonly { readonly x?: number; readonly y?: number }[],
  { width, height, margins }: PlaneSize,
): Plane {
  const { left, right, top, bottom, inset } = margins;
  const axis = (of: readonly number[], range: [number, number]): Axis & { domain: [number, number] } => {
    const [from, to] = niceDomain(of);
    const perPixel = (to - from) / (range[1] - range[0]);
    return {
      domain: [from, to],
      apply: (value) => range[0] + (value - from) / perPixel,
      invert: (pixel) => from + (pixel - range[0]) * perPixel,
    };
  };
  const x = axis(
    values.flatMap((value) => value.x ?? []),
    [left + inset, width - right - inset],
  );
  const y = axis(
    values.flatMap((value) => value.y ?? []),
    [height - bottom - inset, top + inset],
  );
  return {
    x: { domain: x.domain },
    y: { domain: y.domain },
    frame: {
      height,
      marginLeft: left,
      marginRight: right,
      marginTop: top,
      marginBottom: bottom,
      inset,
      color: { type: "identity" },
      r: { type: "identity" },
    },
    axes: { x, y },
    size: { width, height: height - bottom },
  };
}

/** Points closer than this many pixels hide one another: they are at the same place for a reader. */
const SAME_PLACE = 8;

/**
 * Points, each with its name beside it, and a line to it where there is only room farther off. Of points at the same place the later lie
 * smaller on the earlier, so that all are seen, and their names are one list.
 */
export function namedPoints(
  points: readonly NamedPoint[],
  { axes, size }: Plane,
  { r, fontSize }: { readonly r: number; readonly fontSize: number },
): Plot.Markish[] {
  const places = samePlaces(
    points.map((point) => ({ ...point, px: axes.x.apply(point.x), py: axes.y.apply(point.y) })),
  );
  const height = fontSize * 1.15;
  const labels = places.map((place) => {
    const longest = largest(
      place.map(({ name }) => name.length),
      0,
    );
    return {
      x: place[0].px,
      y: place[0].py,
      r,
      width: 3 + 0.58 * fontSize * longest,
      height: height * place.length,
    };
  });
  const texts = placeLabels(labels, size).map((label, index) => ({
    ...label,
    point: places[index][0],
    text: places[index].map(({ name }) => name).join("\n"),
    at: { x: axes.x.invert(label.x), y: axes.y.invert(label.y) },
  }));
  const circles = places.flatMap((place) =>
    place.map((point, depth) => ({ ...point, r: Math.max(2, r * (1 - depth / place.length)) })),
  );
  return [
    Plot.link(
      texts.filter(({ isFar }) => isFar),
      {
        x1: ({ point }: (typeof texts)[number]) => point.x,
        y1: ({ point }: (typeof texts)[number]) => point.y,
        x2: ({ at }: (typeof texts)[number]) => at.x,
        y2: ({ at }: (typeof texts)[number]) => at.y,
        stroke: "var(--quiet)",
        strokeWidth: 1,
      },
    ),
    Plot.dot(circles, {
      x: "x",
      y: "y",
      r: ({ r: radius }: (typeof circles)[number]) => radius,
      fill: "fill",
      stroke: "var(--background)",
      title: "title",
      sort: null,
    }),
    ...(["start", "end"] as const).map((textAnchor) =>
      Plot.text(
        texts.filter((text) => text.textAnchor === textAnchor),
        {
          x: ({ at }: (typeof texts)[number]) => at.x,
          y: ({ at }: (typeof texts)[number]) => at.y,
          text: "text",
          textAnchor,
          // Lines end short of their names.
          dx: textAnchor === "end" ? -3 : 3,
          fontSize,
          fill: "currentColor",
          stroke: "var(--background)",
          strokeWidth: 3,
        },
      ),
    ),
  ];
}

/** Points in groups of those at the same place, in the order given. */
function samePlaces<P extends { readonly px: number; readonly py: number }>(points: readonly P[]): P[][] {
  const places: P[][] = [];
  for (const point of points) {
    const known = places.find(([first]) => Math.hypot(first.px - point.px, first.py - point.py) < SAME_PLACE);
    if (known) known.push(point);
    else places.push([point]);
  }
  return places;
}
