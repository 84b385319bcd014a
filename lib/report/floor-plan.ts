import type { Hardware } from "../hardware/hardware.js";
import type { Chiplets } from "../placement/placement.js";
import { largest } from "../statistics.js";
import { escapeXml } from "./escape-xml.js";
import type { ChartSize } from "./draw-plot.js";
import type { BusyShares } from "./layer-view.js";

const GAP = 8;
const SWITCH = 22;
const LINK = 16;
const ROOT = 30;

/** What one layer makes of a machine. */
export interface PlanContent {
  readonly label: string;
  readonly chiplets: Chiplets;
  /** Load of every chiplet over the mean. */
  readonly load: readonly number[];
  readonly busy: BusyShares;
}

/**
 * Draws the machine with the experts of one layer on it: a root above, a switch for every chiplet group, its chiplets below, and all links
 * between them; or a mesh of chiplets with the links between neighbours, each with its own share. Chiplets are coloured by their load and
 * links by how busy they are, which the style does from `--load` and `--busy`; a page's script sets them from layer to layer.
 */
export function floorPlan(content: PlanContent, hardware: Hardware, size: ChartSize): string {
  const layout = layoutOf(content, hardware, size);
  const { width, height, groups, rootHeight } = layout;
  const name = hardware.tokensStart === "root" ? "attention chiplet" : "network between groups";
  const root =
    rootHeight === 0
      ? ""
      : `<rect class="root" x="0.5" y="0.5" width="${width - 1}" height="${ROOT - 1}" rx="5"/>` +
        `<text x="${width / 2}" y="${ROOT / 2 + size.fontSize / 3}" text-anchor="middle">${name}</text>`;
  return (
    `<svg class="plan" viewBox="0 0 ${width} ${digits(height)}" font-size="${size.fontSize}" role="group" ` +
    `aria-label="${escapeXml(content.label)}">${root}${groups.map((group) => drawGroup(group, content, layout)).join("")}</svg>`
  );
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly rootHeight: number;
  readonly fontSize: number;
  readonly chipletWidth: number;
  readonly chipletHeight: number;
  readonly perRow: number;
  readonly isMesh: boolean;
  /** Lines of experts in a chiplet's box; none where they do not fit. */
  readonly expertLines: number;
  readonly groups: readonly PlacedGroup[];
}

interface PlacedGroup {
  readonly group: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  /** Where the link from the root runs. */
  readonly trunk: number;
  readonly chiplets: readonly number[];
}

function layoutOf(
  { chiplets }: PlanContent,
  { numGroups, chipletsPerGroup, tokensStart, mesh }: Hardware,
  { width, fontSize }: ChartSize,
): Layout {
  const most = width > 500 ? 4 : 2;
  const fitting = Math.floor(width / (Math.min(chipletsPerGroup, 8) * (width > 500 ? 40 : 34) + 24));
  const square = Math.ceil(Math.sqrt(numGroups));
  const columns = Math.max(1, Math.min(most, fitting, square));
  const rows = Math.ceil(numGroups / columns);
  const hasRoot = tokensStart === "root" || numGroups > 1;
  const gutter = hasRoot ? 6 + 5 * rows : 0;
  const groupWidth = (width - columns * gutter - (columns - 1) * GAP) / columns;
  const fittingChiplets = Math.max(1, Math.floor(groupWidth / (2.3 * fontSize)));
  const perRow = mesh?.columns ?? Math.min(chipletsPerGroup, fittingChiplets);
  const chipletWidth = (groupWidth - GAP * (perRow + 1)) / perRow;
  const perLine = Math.floor((chipletWidth - 8) / (1.9 * fontSize));
  const lines = perLine < 1 ? 9 : Math.ceil(largest(chiplets.map(({ length }) => length)) / perLine);
  const expertLines = width > 500 && lines <= 4 ? lines : 0;
  const showsLoad = chipletWidth >= 2.4 * fontSize ? 1 : 0;
  const chipletHeight = (1.25 + 1.15 * showsLoad + 1.15 * expertLines) * fontSize + 6;
  const chipletRows = Math.ceil(chipletsPerGroup / perRow);
  const groupHeight = SWITCH + chipletRows * (LINK + chipletHeight) + GAP;
  const rootHeight = hasRoot ? ROOT + GAP : 0;
  const groups = Array.from({ length: numGroups }, (_, group) => {
    const [row, column] = [Math.floor(group / columns), group % columns];
    const left = column * (gutter + groupWidth + GAP) + gutter;
    return {
      group,
      left,
      top: rootHeight + row * (groupHeight + GAP),
      width: groupWidth,
      trunk: left - 5 - 5 * row,
      chiplets: Array.from({ length: chipletsPerGroup }, (__, place) => group * chipletsPerGroup + place),
    };
  });
  const height = rootHeight + rows * (groupHeight + GAP);
  return {
    width,
    height,
    rootHeight,
    fontSize,
    chipletWidth,
    chipletHeight,
    perRow,
    isMesh: mesh !== undefined,
    expertLines,
    groups,
  };
}

function drawGroup(placed: PlacedGroup, content: PlanContent, layout: Layout): string {
  const { group, left, top, width, trunk, chiplets } = placed;
  const { fontSize, rootHeight, chipletHeight, perRow, isMesh } = layout;
  const rows = Math.ceil(chiplets.length / perRow);
  const height = SWITCH + rows * (LINK + chipletHeight) + GAP;
  const middle = digits(top + SWITCH / 2);
  const trunkLine =
    rootHeight === 0
      ? ""
      : `<path class="link" data-root="${group}" tabindex="-1" role="img" aria-label="root link ${group}" ` +
        `style="--busy:${digits(content.busy.root[group])}" d="M${digits(trunk)} ${ROOT}V${middle}H${digits(left)}"/>`;
  return (
    `<rect class="group" x="${digits(left)}" y="${digits(top)}" width="${digits(width)}" height="${digits(height)}" rx="5"/>` +
    (isMesh
      ? ""
      : `<rect class="switch" x="${digits(left)}" y="${digits(top)}" width="${digits(width)}" height="${SWITCH}" rx="5"/>`) +
    `<text class="quiet" x="${digits(left + 8)}" y="${digits(top + SWITCH / 2 + fontSize / 3)}">` +
    `${isMesh ? `mesh of ${rows} x ${perRow}` : `group ${group}`}</text>` +
    trunkLine +
    chiplets.map((chiplet, place) => drawChiplet({ chiplet, place }, content, { placed, layout })).join("")
  );
}

function drawChiplet(
  { chiplet, place }: { chiplet: number; place: number },
  { chiplets, load, busy }: PlanContent,
  { placed, layout }: { placed: PlacedGroup; layout: Layout },
): string {
  const { chipletWidth, chipletHeight, perRow, fontSize, expertLines } = layout;
  const [row, column] = [Math.floor(place / perRow), place % perRow];
  const left = placed.left + GAP + column * (chipletWidth + GAP);
  const top = placed.top + SWITCH + LINK + row * (LINK + chipletHeight);
  const begin = placed.top + SWITCH;
  // Links of further rows run beside the chiplets of the rows before.
  const link =
    row === 0
      ? `M${digits(left + chipletWidth / 2)} ${digits(begin)}V${digits(top)}`
      : `M${digits(left - GAP / 2)} ${digits(begin)}V${digits(top - LINK / 2)}H${digits(left + chipletWidth / 2)}V${digits(top)}`;
  const experts = chiplets[chiplet] ?? [];
  const perLine = expertLines > 0 ? Math.ceil(experts.length / expertLines) : 0;
  const lines = Array.from(
    { length: expertLines },
    (_, line) =>
      `<text class="experts" x="${digits(left + chipletWidth / 2)}" text-anchor="middle" ` +
      `y="${digits(top + 4 + (3.15 + 1.15 * line) * fontSize)}">${experts.slice(line * perLine, (line + 1) * perLine).join(" ")}</text>`,
  );
  const middle = digits(left + chipletWidth / 2);
  const loadText =
    chipletHeight > 2 * fontSize
      ? `<text class="quiet value" x="${middle}" y="${digits(top + 2.25 * fontSize + 2)}" text-anchor="middle">${load[chiplet].toFixed(2)}</text>`
      : "";
  return (
    (layout.isMesh
      ? meshLinks({ chiplet, left, top, isLast: column + 1 === perRow }, { chiplets, busy }, layout)
      : `<path class="link" data-link="${chiplet}" style="--busy:${digits(busy.link[chiplet])}" d="${link}"/>`) +
    `<g data-chiplet="${chiplet}" data-lines="${expertLines}" tabindex="-1" role="img" aria-label="chiplet ${chiplet}">` +
    `<rect class="chiplet" style="--load:${digits(Math.min(2, load[chiplet]))}" x="${digits(left)}" y="${digits(top)}" ` +
    `width="${digits(chipletWidth)}" height="${digits(chipletHeight)}" rx="3"/>` +
    `<text class="number" x="${middle}" y="${digits(top + 1.1 * fontSize + 1)}" text-anchor="middle">${chiplet}</text>` +
    `${loadText}${lines.join("")}</g>`
  );
}

/** From a chiplet to its neighbours to the right and below, as far as there are any. */
function meshLinks(
  { chiplet, left, top, isLast }: { chiplet: number; left: number; top: number; isLast: boolean },
  { chiplets, busy }: Pick<PlanContent, "chiplets" | "busy">,
  { chipletWidth, chipletHeight, perRow }: Layout,
): string {
  const path = (side: "right" | "below", other: number, drawn: string) => {
    const share = busy[side]?.[chiplet] ?? 0;
    const label = `link ${chiplet} to ${other}: ${Math.round(100 * share)} %`;
    return (
      `<path class="link" data-${side}="${chiplet}" tabindex="-1" role="img" aria-label="${label}" ` +
      `style="--busy:${digits(share)}" d="${drawn}"/>`
    );
  };
  const across = `M${digits(left + chipletWidth)} ${digits(top + chipletHeight / 2)}h${GAP}`;
  const down = `M${digits(left + chipletWidth / 2)} ${digits(top + chipletHeight)}v${LINK}`;
  return (
    (isLast ? "" : path("right", chiplet + 1, across)) +
    (chiplet + perRow >= chiplets.length ? "" : path("below", chiplet + perRow, down))
  );
}

function digits(value: number): string {
  return String(Math.round(100 * value) / 100);
}
