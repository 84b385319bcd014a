import { compareSolvers, type ComparisonRow } from "../flows/compare.js";
import { largest, smallest } from "../statistics.js";
import { escapeXml } from "./escape-xml.js";
import { heatMap } from "./heat-map.js";
import {
  answerRow,
  judgedShortly,
  judgedValue,
  knownObjective,
  shownRow,
  type ObjectiveName,
} from "./judged.js";
import { placedSolvers, typicalLayer, viewLayer, type PlacedView } from "./layer-view.js";
import { verdictSentence } from "./report-answer.js";
import type { FiguresInput } from "./report-page.js";
import { reportColours } from "./report-style.js";

const WIDTH = 960;
const MARGIN = 24;
const MAP = 280;
const LINE = 20;
/** Characters of a line of the headline; more begin another. */
const LINE_LENGTH = 112;

/**
 * Draws a comparison as one picture: the co-activation of a typical layer before and after placement, and every
 * solver by what is minimised.
 *
 * A document of its own, light or dark as the reader chooses. Heat maps are left out where contiguous was not compared.
 */
export async function comparisonPicture(input: FiguresInput): Promise<string> {
  const { solvers, trace, hardware } = input;
  // Loaded on first use: the chart library would slow down every other command.
  const { objectiveBars } = await import("./report-charts.js");
  const rows = compareSolvers(solvers);
  const objective = knownObjective(rows, input.objective ?? "traffic");
  const placed = placedSolvers(solvers);
  const before = placed.find(({ name }) => name === "contiguous");
  const answer = answerRow(rows, objective);
  const after = placed.find(({ name }) => name === shownRow(rows, objective)?.solver);
  const yardstick = rows.find(({ solver, learned }) => solver === "contiguous" && learned);
  const title = answer
    ? verdictSentence({ before: yardstick, after: answer, objective, machine: input })
    : `${trace.model ?? "Mixture of experts"} on ${hardware.name}`;
  const titleLines = wrap(title);
  const top = 36 + LINE * titleLines.length;
  const parts: string[] = [];
  let left = MARGIN;
  if (before && after && before !== after) {
    const placements = { before, after, numGroups: hardware.numGroups };
    const view = viewLayer(trace, typicalLayer(placements), placements);
    for (const placed of [view.before, view.after]) {
      parts.push(place(heatMap(view, placed), { x: left, y: top + 24, width: MAP, height: MAP }));
      parts.push(text(left, top + 12, describePlaced(placed)));
      left += MAP + MARGIN;
    }
  }
  const bars = WIDTH - MARGIN - left;
  const shown = toldBars(rows, objective);
  parts.push(
    text(
      left,
      top + 12,
      `${judgedShortly(rows, shown)}${shown === objective ? "" : "; all steps take as long"}`,
    ),
  );
  parts.push(
    place(objectiveBars(rows, shown, { width: bars, fontSize: 12 }), {
      x: left,
      y: top + 24,
      width: bars,
      height: MAP,
    }),
  );
  const height = top + 24 + MAP + MARGIN;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
    `role="img" aria-label="${escapeXml(title)}" font-family="system-ui, DejaVu Sans, sans-serif">\n` +
    `<style>${reportColours}text { fill: var(--text); }</style>\n` +
    `<rect width="100%" height="100%" fill="var(--background)"/>\n` +
    titleLines
      .map(
        (line, index) =>
          `<text x="${MARGIN}" y="${36 + LINE * index}" font-size="14.5" font-weight="600">${escapeXml(line)}</text>\n`,
      )
      .join("") +
    `${parts.join("\n")}\n</svg>\n`
  );
}

/** Steps whose times differ by no more than this share take as long. */
const AS_LONG = 0.0005;

/** What the bars tell solvers apart by: C_T, where time does not. */
function toldBars(rows: readonly ComparisonRow[], objective: ObjectiveName): ObjectiveName {
  const times = rows.flatMap((row) => judgedValue(row, objective) ?? []);
  const isTie = objective === "time" && times.length > 1 && largest(times) <= (1 + AS_LONG) * smallest(times);
  return isTie ? "traffic" : objective;
}

/** A text in lines that fit. */
function wrap(title: string): string[] {
  const lines = [""];
  for (const word of title.split(" ")) {
    const line = lines[lines.length - 1];
    if (line !== "" && line.length + word.length >= LINE_LENGTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
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
