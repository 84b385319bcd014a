import { compareSolvers } from "../flows/compare.js";
import { comparisonHeadline } from "./comparison-table.js";
import { escapeXml } from "./escape-xml.js";
import { heatMap } from "./heat-map.js";
import { bestPlaced, placedSolvers, viewTypicalLayer, type PlacedView } from "./layer-view.js";
import type { ReportInput } from "./report-page.js";
import { reportColours } from "./report-style.js";

const WIDTH = 960;
const MARGIN = 24;
const MAP = 280;

/**
 * Draws a comparison as one picture: the co-activation of a typical layer before and after placement, and the C_T of
 * every solver.
 *
 * A document of its own, light or dark as the reader chooses. Heat maps are left out where contiguous was not compared.
 */
export async function comparisonPicture(input: Omit<ReportInput, "facts">): Promise<string> {
  const { solvers, trace, hardware } = input;
  // Loaded on first use: the chart library would slow down every other command.
  const { replicationBars } = await import("./report-charts.js");
  const rows = compareSolvers(solvers);
  const placed = placedSolvers(solvers);
  const before = placed.find(({ name }) => name === "contiguous");
  const after = bestPlaced(placed);
  const top = 64;
  const parts: string[] = [];
  let left = MARGIN;
  if (before && after && before !== after) {
    const view = viewTypicalLayer(trace, { before, after, numGroups: hardware.numGroups });
    for (const placed of [view.before, view.after]) {
      parts.push(place(heatMap(view, placed), { x: left, y: top + 24, width: MAP, height: MAP }));
      parts.push(text(left, top + 12, describePlaced(placed)));
      left += MAP + MARGIN;
    }
  }
  const bars = WIDTH - MARGIN - left;
  parts.push(text(left, top + 12, "C_T, chiplets a token visits"));
  parts.push(
    place(replicationBars(rows, { width: bars }), { x: left, y: top + 24, width: bars, height: MAP }),
  );
  const height = top + 24 + MAP + MARGIN;
  const title = comparisonHeadline(rows) ?? `${trace.model ?? "Mixture of experts"} on ${hardware.name}`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
    `role="img" aria-label="${escapeXml(title)}" font-family="system-ui, DejaVu Sans, sans-serif">\n` +
    `<style>${reportColours}text { fill: var(--text); }</style>\n` +
    `<rect width="100%" height="100%" fill="var(--background)"/>\n` +
    `<text x="${MARGIN}" y="36" font-size="14.5" font-weight="600">${escapeXml(title)}</text>\n` +
    `${parts.join("\n")}\n</svg>\n`
  );
}

/** A drawing of its own put into a frame of another. */
function place(
  svg: string,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
): string {
  const bare = svg
    .replace(/^<svg([^>]*?) width="[^"]*"/, "<svg$1")
    .replace(/^<svg([^>]*?) height="[^"]*"/, "<svg$1");
  return bare.replace(
    "<svg ",
    `<svg x="${x}" y="${y}" width="${width}" height="${height}" color="var(--text)" preserveAspectRatio="xMinYMin" `,
  );
}

function text(x: number, y: number, content: string): string {
  return `<text x="${x}" y="${y}" font-size="13">${escapeXml(content)}</text>`;
}

function describePlaced({ solver, togetherShare, tokenReplication }: PlacedView): string {
  return `${solver}: ${(100 * togetherShare).toFixed(0)} % within chiplets, C_T ${tokenReplication.toFixed(2)}`;
}
