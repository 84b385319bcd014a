import type { Hardware } from "../hardware/hardware.js";
import { escapeXml } from "./escape-xml.js";
import type { LayerView } from "./layer-view.js";
import { largest } from "../statistics.js";

const WIDTH = 720;
const GAP = 10;
const LINE = 13;

/**
 * Draws the machine with the experts of one layer on it: chiplet groups as frames, chiplets as boxes that list their
 * experts, the fuller coloured the more load the chiplet has. Where tokens start on a root chiplet, it is in the middle.
 */
export function floorPlan(view: LayerView, hardware: Hardware): string {
  const { numGroups, chipletsPerGroup, tokensStart } = hardware;
  const groupColumns = Math.ceil(Math.sqrt(numGroups));
  const chipletColumns = Math.ceil(Math.sqrt(chipletsPerGroup));
  const groupRows = Math.ceil(numGroups / groupColumns);
  const chipletRows = Math.ceil(chipletsPerGroup / chipletColumns);
  const groupWidth = (WIDTH - GAP * (groupColumns - 1)) / groupColumns;
  const chipletWidth = (groupWidth - GAP * (chipletColumns + 1)) / chipletColumns;
  const perLine = Math.max(1, Math.floor((chipletWidth - 8) / 24));
  const { chiplets, load } = view.after;
  const most = largest(chiplets.map((experts) => experts.length));
  const chipletHeight = LINE * (1 + Math.ceil(most / perLine)) + 10;
  const groupHeight = LINE + GAP + (chipletHeight + GAP) * chipletRows;
  const rootHeight = tokensStart === "root" ? 34 : 0;
  /** The root sits between the upper and the lower half of the groups. */
  const rowsAbove = Math.ceil(groupRows / 2);
  const rootTop = rowsAbove * (groupHeight + GAP);
  const groupTop = (row: number) =>
    row * (groupHeight + GAP) + (rootHeight > 0 && row >= rowsAbove ? rootHeight + GAP : 0);
  const height =
    groupTop(groupRows - 1) + (groupRows === 1 && rootHeight > 0 ? GAP + rootHeight : 0) + groupHeight;

  const boxes = Array.from({ length: numGroups }, (_, group) => {
    const left = (group % groupColumns) * (groupWidth + GAP);
    const top = groupTop(Math.floor(group / groupColumns));
    const inside = Array.from({ length: chipletsPerGroup }, (__, place) => {
      const chiplet = group * chipletsPerGroup + place;
      return chipletBox({ chiplet, experts: chiplets[chiplet], load: load[chiplet] }, view, {
        left: left + GAP + (place % chipletColumns) * (chipletWidth + GAP),
        top: top + LINE + GAP + Math.floor(place / chipletColumns) * (chipletHeight + GAP),
        width: chipletWidth,
        height: chipletHeight,
        perLine,
      });
    });
    return (
      `<rect class="group" x="${digits(left)}" y="${digits(top)}" width="${digits(groupWidth)}" height="${digits(groupHeight)}" rx="6"/>` +
      `<text class="quiet" x="${digits(left + GAP)}" y="${digits(top + LINE + 2)}">chiplet group ${group}</text>` +
      inside.join("")
    );
  });
  const root =
    rootHeight > 0
      ? `<rect class="root" x="${WIDTH / 4}" y="${rootTop}" width="${WIDTH / 2}" height="${rootHeight}" rx="6"/>` +
        `<text x="${WIDTH / 2}" y="${rootTop + rootHeight / 2 + 4}" text-anchor="middle">attention chiplet: all tokens start here</text>`
      : "";
  const label = `The experts of layer ${view.layer} on ${hardware.name} as ${view.after.solver} places them`;
  return (
    `<svg class="plan" viewBox="-1 -1 ${WIDTH + 2} ${digits(height + 2)}" role="img" aria-label="${escapeXml(label)}">` +
    `${boxes.join("")}${root}</svg>`
  );
}

function chipletBox(
  { chiplet, experts, load }: { chiplet: number; experts: readonly number[]; load: number },
  { expertLoad }: LayerView,
  at: { left: number; top: number; width: number; height: number; perLine: number },
): string {
  const { left, top, width, height, perLine } = at;
  const lines: string[] = [];
  for (let first = 0; first < experts.length; first += perLine) {
    lines.push(experts.slice(first, first + perLine).join(" "));
  }
  const texts = lines.map(
    (line, index) =>
      `<text x="${digits(left + 6)}" y="${digits(top + LINE * (index + 2) + 2)}">${line}</text>`,
  );
  const tip =
    `chiplet ${chiplet}: load ${load.toFixed(2)} times the mean; ` +
    experts.map((expert) => `expert ${expert} ${expertLoad[expert].toFixed(2)}`).join(", ");
  // Twice the mean load is the fullest colour.
  const opacity = Math.min(1, load / 2) * 0.55;
  return (
    `<g><title>${tip}</title>` +
    `<rect class="load" fill-opacity="${opacity.toFixed(3)}" x="${digits(left)}" y="${digits(top)}" width="${digits(width)}" height="${digits(height)}" rx="3"/>` +
    `<text class="small" x="${digits(left + 6)}" y="${digits(top + LINE)}">${chiplet}</text>` +
    `<text class="small" x="${digits(left + width - 6)}" y="${digits(top + LINE)}" text-anchor="end">${load.toFixed(2)}</text>` +
    `${texts.join("")}</g>`
  );
}

function digits(value: number): string {
  return String(Math.round(100 * value) / 100);
}
