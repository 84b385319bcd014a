import axe from "axe-core";
import { expect } from "chai";
import type { Page } from "playwright-core";
import { expectLayouts, layoutBoxes, type Layout } from "./layout-boxes.js";
import { hasBrowser, openBrowser, type OpenPage, type TestBrowser } from "./open-browser.js";
import { samplePage } from "./sample-page.js";

describe("a report in a browser", function () {
  let browser: TestBrowser;
  let small: string;
  let large: string;
  let opened: OpenPage;
  let page: Page;

  before(async function () {
    // Without a browser these are pending: .ci/run brings one.
    if (!hasBrowser) this.skip();
    small = await samplePage({
      model: "deepseek-moe-16b",
      hardware: "mozart-deepseek",
      layers: 3,
      tokens: 2048,
    });
    large = await samplePage({ model: "deepseek-v3", hardware: "h100-8x8", layers: 2, tokens: 1024 });
    browser = await openBrowser();
    opened = await browser.open(small, { width: 1280 });
    page = opened.page;
  });

  after(async () => {
    if (hasBrowser) await browser.close();
  });

  for (const scheme of ["light", "dark"] as const) {
    for (const width of [320, 768, 1280, 1920]) {
      it(`has room at ${width} px, ${scheme}, text that can be read, and nothing that axe finds`, async function () {
        // What axe looks at does not depend on the width but for what scrolls, which is the narrowest.
        const { page, complaints } = await browser.open(width === 768 ? large : small, { width, scheme });
        expect(await layoutOf(page)).to.deep.equal({ tooWide: [], tooSmall: [], cut: [] });
        if (width === 320 || width === 768) {
          await page.evaluate(axe.source);
          const { violations } = await page.evaluate<{
            violations: { id: string; nodes: { html: string }[] }[];
          }>("axe.run()");
          expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)).to.deep.equal([]);
        }
        expect(complaints).to.deep.equal([]);
        await page.close();
      });
    }
  }

  it("has its landmarks where they were, whole within the window, at four widths", async () => {
    const layouts: Record<number, Layout> = {};
    for (const width of [320, 768, 1280, 1920]) {
      const { page } = await browser.open(small, { width });
      layouts[width] = await layoutBoxes(page);
      await page.close();
      const outside = Object.entries(layouts[width]).filter(
        ([, box]) => box.left < 0 || box.left + box.width > width,
      );
      expect(outside, `outside at ${width} px`).to.deep.equal([]);
    }
    expectLayouts(layouts);
  });

  it("answers first: the headline, then numbers, above everything else", async () => {
    const [headline, cards, section] = await Promise.all(
      [".headline", ".cards", "section"].map(
        async (selector) => (await page.locator(selector).first().boundingBox())!.y,
      ),
    );
    expect(headline).to.be.below(cards);
    expect(cards).to.be.below(section);
    expect(headline).to.be.below(200);
  });

  it("moves every picture from layer to layer by the slider, by a small map, and to the mean", async () => {
    const shown = async () => ({
      name: await page.locator("h3 .layer-name").first().textContent(),
      heat: await page.locator(".heat[data-side=after] img").getAttribute("src"),
      load: await page.locator(".chart .wide [data-load='after 0']").getAttribute("height"),
      chiplet: await page.locator(".chart .wide [data-chiplet='0']").getAttribute("aria-label"),
    });
    await page.locator("#layer").fill("0");
    const first = await shown();
    expect(first.name).to.equal("layer 1");
    await page.locator("#layer").press("ArrowRight");
    const second = await shown();
    for (const name of ["name", "heat", "load", "chiplet"] as const)
      expect(second[name]).to.not.equal(first[name]);
    await page.locator(".thumb").nth(0).click();
    expect(await shown()).to.deep.equal(first);
    expect(await page.locator(".thumb").nth(0).getAttribute("aria-pressed")).to.equal("true");
    await page.locator("#mean").check();
    expect((await shown()).name).to.equal("mean of 3 layers");
    await page.locator("#mean").uncheck();
    await page.locator("input[value=before]").check();
    expect((await shown()).chiplet).to.match(/experts 0, 1, 2, 3$/);
    await page.locator("input[value=after]").check();
  });

  it("sorts the table by the head that is pressed, up and then down, numbers as numbers", async () => {
    const head = page.locator("section table.sortable th").filter({ hasText: "largest load" }).first();
    const heads = await page.locator("section table.sortable").first().locator("th button").allTextContents();
    const column = heads.indexOf("largest load");
    const values = async () =>
      (
        await page
          .locator(`section table.sortable`)
          .first()
          .locator(`tbody tr > :nth-child(${column + 1})`)
          .allTextContents()
      ).map((text) => Number(text.replace(/[^\d.]/g, "")));
    await head.locator("button").click();
    expect(await head.getAttribute("aria-sort")).to.equal("ascending");
    const up = await values();
    expect(up).to.deep.equal(up.toSorted((left, right) => left - right));
    await head.locator("button").press("Enter");
    expect(await values()).to.deep.equal(up.toReversed());
  });

  it("lights a solver up in table and trade-off together, by pointer and by focus", async () => {
    const row = page.locator("tr[data-solver=mozart]");
    const point = page.locator(".chart .wide circle[data-solver=mozart]");
    await row.hover();
    expect(await point.getAttribute("class")).to.equal("lit");
    await point.hover();
    expect(await row.getAttribute("class")).to.equal("lit");
    await page.mouse.move(0, 0);
    expect(await row.getAttribute("class")).to.equal("");
    await row.focus();
    expect(await point.getAttribute("class")).to.equal("lit");
  });

  it("tells the numbers of chiplets, links and pairs, by pointer and by arrow keys", async () => {
    const plan = page.locator("#plan-numbers");
    await page.locator(".chart .wide [data-chiplet='5']").hover();
    expect(await plan.textContent()).to.match(
      /^chiplet 5: load \d\.\d\d times the mean; its link .* busy, compute .*, memory .*; experts \d/,
    );
    const link = page.locator(".chart .wide .plan [data-root='0']");
    await link.focus();
    expect(await plan.textContent()).to.match(/^root link 0: [\d.]+ % busy$/);
    await link.press("ArrowRight");
    expect(await plan.textContent()).to.match(/^chiplet 0: /);
    const map = page.locator(".heat[data-side=before]");
    await map.focus();
    await map.press("ArrowRight");
    expect(await page.locator("#heat-numbers").textContent()).to.match(
      /^expert 0 on chiplet 0 and expert 1 on chiplet 0: together in [\d.]+ % of the tokens$/,
    );
    await map.hover({ position: { x: 150, y: 20 } });
    expect(await page.locator("#heat-numbers").textContent()).to.match(
      /^expert \d+ on chiplet 0 and expert \d+ on chiplet [5-9]/,
    );
  });

  it("zooms into a schedule, tells its rows by keys and its bars by pointer", async () => {
    const chart = page.locator("[data-gantt=step]");
    const numbers = page.locator("#gantt-numbers-step");
    const viewBox = () => chart.locator("svg.bars").getAttribute("viewBox");
    const whole = await viewBox();
    await page.locator("[data-zoom=step] [data-action=in]").click();
    const [from, , width] = (await viewBox())!.split(" ").map(Number);
    expect([from, width]).to.deep.equal([1500, 3000]);
    await chart.press("ArrowRight");
    expect((await viewBox())!.split(" ")[0]).to.equal("3000");
    await chart.press("0");
    expect(await viewBox()).to.equal(whole);
    await chart.press("ArrowDown");
    expect(await numbers.textContent()).to.match(/^attention chiplet: attention [\d.]+ %/);
    await chart.locator("svg.bars").hover({ position: { x: 5, y: 10 } });
    expect(await numbers.textContent()).to.match(/^critical path: \w+, .* to /);
  });

  it("complains of nothing after all of this", () => {
    expect(opened.complaints).to.deep.equal([]);
  });
});

/** What of a page is wider than its window, is written smaller than 11 px, or is cut off at its side. */
function layoutOf(page: Page): Promise<{ tooWide: string[]; tooSmall: string[]; cut: string[] }> {
  return page.evaluate(`(() => {
    const shown = (element) => element.getClientRects().length > 0;
    const scrolls = (element) => element.closest(".scroll, pre") !== null;
    const tooWide = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
    const tooSmall = [];
    for (const text of document.querySelectorAll("svg text")) {
      if (!shown(text)) continue;
      const { a, b } = text.getScreenCTM();
      if (parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b) < 11) tooSmall.push(text.textContent);
    }
    const cut = [];
    for (const element of document.querySelectorAll("h1, .headline, h2, h3, .cards dd, .caption, td, svg text")) {
      const box = element.getBoundingClientRect();
      if (shown(element) && !scrolls(element) && (box.left < 0 || box.right > innerWidth + 0.5)) cut.push(element.textContent);
    }
    return { tooWide, tooSmall, cut };
  })()`);
}
