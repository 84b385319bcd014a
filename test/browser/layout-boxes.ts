import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Page } from "playwright-core";
import { expectGolden } from "../golden-file.js";

const GOLDEN = "test/golden/layout.json";
const golden = fileURLToPath(new URL(`../../../${GOLDEN}`, import.meta.url));

/** Where a landmark of a page stands, in pixels. */
interface Box {
  readonly left: number;
  /** From the top of its section, so that what one section grows by moves no other. */
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Landmarks of a page by name. */
export type Layout = Readonly<Record<string, Box>>;

/** What a page is recognised by at a glance: numbers, tables' boxes and pictures. */
const LANDMARKS = {
  headline: ".headline",
  verdict: "header > p:not([class])",
  card: ".cards > div",
  section: "section",
  "two columns": ".columns",
  "scroll box": "section > .scroll",
  chart: ".chart",
  "heat map": "figure",
  "small map": ".thumb",
  command: "section > pre",
  facts: ".facts",
};

/** The landmarks of a page, in its order. */
export function layoutBoxes(page: Page): Promise<Layout> {
  return page.evaluate<Layout>(`(() => {
    const boxes = {};
    for (const [name, selector] of Object.entries(${JSON.stringify(LANDMARKS)})) {
      [...document.querySelectorAll(selector)].forEach((element, index) => {
        const { left, top, width, height } = element.getBoundingClientRect();
        const section = element.parentElement.closest("section")?.getBoundingClientRect().top ?? -scrollY;
        const [x, y, w, h] = [left, top - section, width, height].map(Math.round);
        boxes[name + " " + (index + 1)] = { left: x, top: y, width: w, height: h };
      });
    }
    return boxes;
  })()`);
}

/** Expects landmarks about where they were, by the width of the window; with UPDATE_GOLDEN=1 writes where they are. */
export function expectLayouts(layouts: Readonly<Record<number, Layout>>): void {
  if (process.env.UPDATE_GOLDEN === "1") expectGolden(GOLDEN, `${JSON.stringify(layouts, null, 1)}\n`);
  const known = JSON.parse(readFileSync(golden, "utf8")) as typeof layouts;
  expect(Object.keys(layouts), "widths").to.deep.equal(Object.keys(known));
  for (const [width, layout] of Object.entries(layouts)) {
    const expected = known[Number(width)];
    expect(Object.keys(layout), `landmarks at ${width} px`).to.deep.equal(Object.keys(expected));
    for (const [name, box] of Object.entries(layout)) {
      const { left, top, width: across, height } = expected[name];
      const where = `${name} at ${width} px`;
      expect(box.left, `${where}: left`).to.be.closeTo(left, sideways(left));
      expect(box.width, `${where}: width`).to.be.closeTo(across, sideways(across));
      expect(box.top, `${where}: top`).to.be.closeTo(top, downwards(top));
      expect(box.height, `${where}: height`).to.be.closeTo(height, downwards(height));
    }
  }
}

/** Widths come from the style sheet. */
function sideways(pixels: number): number {
  return 8 + 0.02 * pixels;
}

/** Another font breaks a line or two elsewhere. */
function downwards(pixels: number): number {
  return 48 + 0.1 * pixels;
}
