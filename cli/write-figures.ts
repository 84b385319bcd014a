import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { InputError } from "../index.js";
import { comparisonFigures, comparisonPicture, plainSvg, type FiguresInput } from "../doors/report.js";
import { checkOutput, unwritable, writeOutput, type OutputOptions } from "./output-file.js";

/** Where pictures go, and as what. */
export interface PictureOptions extends OutputOptions {
  readonly svg?: string;
  readonly png?: boolean;
}

/** Adds `--png` for commands with `--svg`. */
export function addPngOption(command: Command): Command {
  return command.option(
    "--png",
    "write every picture of --svg as PNG too, which needs the package @resvg/resvg-js",
  );
}

/**
 * Checks that pictures can be written to a file named `.svg`, or to a folder, before the work begins.
 *
 * @throws InputError as {@link checkOutput} does, if a file is where the folder is to be, or PNG cannot be drawn.
 */
export async function checkPictures(options: PictureOptions): Promise<void> {
  const { svg: path, png = false } = options;
  if (path === undefined) {
    if (png) throw new InputError("--png: found no --svg, expected where the pictures are to be");
    return;
  }
  const isThere = existsSync(path);
  if (isThere && !isFile(path) && !statSync(path).isDirectory()) {
    throw new InputError(`${path}: found a file, expected a folder, or a name that ends in .svg`);
  }
  const first = isThere && !isFile(path) ? join(path, "solvers.svg") : path;
  checkOutput(first, options);
  if (!png) return;
  if (isFile(first)) checkOutput(pngPath(first), options);
  await openRasteriser();
}

/** Writes a comparison as one picture, or into a folder picture by picture, each with its data as comma-separated values. */
export async function writePictures(input: FiguresInput, options: PictureOptions): Promise<void> {
  const { svg: path } = options;
  if (path === undefined) return;
  if (isFile(path)) return writePicture(path, await comparisonPicture(input), options);
  const figures = await comparisonFigures(input);
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw unwritable(path, error as NodeJS.ErrnoException);
  }
  for (const { name, svg, csv } of figures) {
    await writePicture(join(path, `${name}.svg`), svg, options);
    await writeOutput(join(path, `${name}.csv`), `${csv.trimEnd()}\n`, options);
  }
}

/** Writes a picture as SVG, and as PNG beside it where asked. */
export async function writePicture(path: string, svg: string, options: PictureOptions): Promise<void> {
  await writeOutput(path, svg, options);
  if (!options.png) return;
  const draw = await openRasteriser();
  await writeOutput(pngPath(path), draw(plainSvg(svg)), options);
}

function isFile(path: string): boolean {
  return path.endsWith(".svg");
}

function pngPath(path: string): string {
  return `${path.replace(/\.svg$/, "")}.png`;
}

/** Pixels of a PNG for one of the SVG: enough for print. */
const SCALE = 2;

/** Resvg's "optimize speed": a pixel of a heat map is a pair of experts, and shades between two are nobody's. */
const CRISP = 1;

/**
 * Draws SVG as PNG.
 *
 * @throws InputError if the package that draws is not installed, or this machine has no font to write with.
 */
async function openRasteriser(): Promise<(svg: string) => Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js").catch(() => {
    throw new InputError(
      "--png: found no package @resvg/resvg-js, expected it to draw with",
      "Maybe npm install @resvg/resvg-js.",
    );
  });
  const font = { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans", sansSerifFamily: "DejaVu Sans" };
  const letter = new Resvg(
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text x="1" y="15" font-family="sans-serif">m</text></svg>',
    { font },
  );
  if (letter.getBBox() === undefined) {
    throw new InputError(
      "--png: found no font on this machine, expected one to write with",
      "Maybe install one, such as fonts-dejavu-core of Debian.",
    );
  }
  const options = { font, fitTo: { mode: "zoom", value: SCALE }, imageRendering: CRISP } as const;
  return (svg) => new Resvg(svg, options).render().asPng();
}
