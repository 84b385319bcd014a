import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import axe from "axe-core";
import { expect } from "chai";
import type { Page } from "playwright-core";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { formatPlacement } from "../../lib/placement/placement-file.js";
import { buildPlayground, playgroundFile } from "../../playground/build.js";
import { place } from "../../program/place.js";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { openWorkplace, type Workplace } from "../cli/run-cli.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { hasBrowser, openBrowser, type TestBrowser } from "./open-browser.js";

const real = resolve(process.env.MOEPLACE_TRACES ?? "../shared/traces", "mixtral8x7b-coding.jsonl.gz");

describe("the playground in a browser", function () {
  let browser: TestBrowser;
  let html: string;
  let folder: Workplace;

  before(async function () {
    // Without a browser these are pending: .ci/run brings one.
    if (!hasBrowser) this.skip();
    html = await buildPlayground();
    writeFileSync(playgroundFile, html);
    browser = await openBrowser();
    folder = openWorkplace();
  });

  after(async () => {
    if (!hasBrowser) return;
    await browser.close();
    folder.remove();
  });

  const open = async (width = 1280, scheme: "light" | "dark" = "light") => {
    const opened = await browser.open(html, { width, scheme });
    await opened.page.waitForSelector("body[data-ready]");
    return opened;
  };
  const hasTrace = (page: Page) => page.waitForSelector("#place:not([disabled])");
  const placed = async (page: Page): Promise<string> => {
    await page.click("#place");
    await page.waitForSelector("#result:not([hidden]), #failure:not([hidden])", { timeout: 280_000 });
    expect(await page.locator("#failure").textContent()).to.equal("");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    await download.saveAs(join(folder.folder, "p.json"));
    return folder.read("p.json");
  };
  const set = async (
    page: Page,
    options: { hardware?: string; chiplets: number; groups: number; objective: string },
  ) => {
    if (options.hardware !== undefined) await page.selectOption("#hardware", options.hardware);
    await page.fill("#chiplets", String(options.chiplets));
    await page.fill("#groups", String(options.groups));
    await page.selectOption("#objective", options.objective);
  };

  it("is the file that the command writes, in one piece and without a network", async () => {
    const { exitCode, stderr } = await folder.run("playground", "-o", "play.html");
    expect(exitCode, stderr).to.equal(0);
    expect(folder.read("play.html")).to.equal(html);
    expect((await folder.run("playground", "-o", "play.html")).exitCode).to.equal(2);
    expect((await folder.run("playground")).stderr).to.contain("required option '-o, --output <file.html>'");
    expect((await folder.run("playground", "extra", "-o", "q.html")).exitCode).to.equal(2);
    expect(html).to.not.match(/(?:src|href)="(?!#)[^"]/);
  });

  it("places the sample as the library does, byte for byte", async function () {
    const { page, complaints } = await open();
    await page.click("#sample");
    await hasTrace(page);
    expect(await page.locator("#trace").textContent()).to.contain(
      "deepseek-moe-16b: 3 MoE layers, 64 experts, top-6",
    );
    // An expert a chiplet: what is told is soon found, so that bytes alone are compared here.
    await set(page, { chiplets: 64, groups: 4, objective: "traffic" });
    const file = await placed(page);
    const trace = synthesizeTrace({ preset: "deepseek-moe-16b", layers: 3, tokens: 2048 });
    const hardware = withChiplets(findHardware("mozart-deepseek-calibrated")!, {
      numChiplets: 64,
      numGroups: 4,
    });
    const shape = findModelShape("deepseek-moe-16b")!;
    const machine = { hardware, shape, workload: createWorkload({ hardware, shape }, {}) };
    const outcome = await place(trace, { machine, objective: "traffic" });
    if (outcome.status !== "placed") throw new Error(outcome.status);
    expect(file).to.equal(formatPlacement(outcome.placement));
    expect(await page.locator("#headline").textContent()).to.match(
      /^Placed: a step takes [\d.]+ % (less|more) time/,
    );
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it("reads what is chosen, moves experts on the floor plan, and writes what place writes", async () => {
    folder.write("trace.jsonl", traceText(sampleTrace({ layers: [1, 2, 5] })));
    const { page, complaints } = await open();
    await page.setInputFiles("#files", join(folder.folder, "trace.jsonl"));
    await hasTrace(page);
    await set(page, { chiplets: 4, groups: 2, objective: "traffic" });
    const file = await placed(page);
    const made = await folder.run(
      "place",
      "trace.jsonl",
      "--chiplets",
      "4",
      "--groups",
      "2",
      "--objective",
      "traffic",
      "-o",
      "q.json",
    );
    expect(made.exitCode, made.stderr).to.equal(0);
    expect(file).to.equal(folder.read("q.json"));
    expect(await page.locator("#cards dd").first().textContent()).to.equal("3 of 3");
    // What the picture shows is what the file holds, in every layer.
    const { layers } = JSON.parse(file) as { layers: { layer: number; chiplets: number[][] }[] };
    for (const [index, { layer, chiplets }] of layers.entries()) {
      await page.locator("#layer").fill(String(index));
      await page.waitForSelector(`#plan[aria-label^="layer ${layer} on"]`);
      expect(await page.locator("#plan").getAttribute("aria-label")).to.equal(
        `layer ${layer} on 4 chiplets in 2 groups: ` +
          chiplets
            .map((experts, chiplet) => `chiplet ${chiplet} holds experts ${experts.join(" ")}`)
            .join("; "),
      );
      const places = await page
        .locator("#plan .expert")
        .evaluateAll((experts) =>
          experts.map((expert) => (expert as unknown as { style: { transform: string } }).style.transform),
        );
      expect(new Set(places).size).to.equal(8);
    }
    expect(await page.locator("#chart").getAttribute("aria-label")).to.match(
      /^layer 5: C_T \d\.\d{3}, at least \d/,
    );
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it("places a real trace, and the file is verified against its tokens", async function () {
    if (!existsSync(real)) this.skip();
    const { page, complaints } = await open();
    await page.setInputFiles("#files", real);
    await hasTrace(page);
    await set(page, { chiplets: 4, groups: 2, objective: "traffic" });
    const file = await placed(page);
    const verified = await folder.run("verify", "p.json");
    expect(verified.exitCode, verified.stdout).to.equal(0);
    const judged = (await folder.runJson("evaluate", real, "p.json", "--quiet")) as {
      placements: { layers: { layer: number; tokenReplication: number }[] }[];
    };
    const { layers } = JSON.parse(file) as { layers: { layer: number; cost: number }[] };
    expect(layers.length).to.be.above(0);
    expect(judged.placements[0].layers.map(({ layer }) => layer)).to.deep.equal(
      layers.map(({ layer }) => layer),
    );
    judged.placements[0].layers.forEach(({ tokenReplication }, index) => {
      expect(tokenReplication).to.be.closeTo(layers[index].cost, 1e-9);
    });
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it("says what is wrong with a file and with a machine, and goes on", async () => {
    const { page } = await open();
    await page.setInputFiles("#files", {
      name: "notes.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("hello"),
    });
    await page.waitForSelector("#failure:not([hidden])");
    expect(await page.locator("#failure").textContent()).to.match(
      /^notes\.txt: found no format known, expected/,
    );
    await page.click("#sample");
    await hasTrace(page);
    expect(await page.locator("#failure").isVisible()).to.equal(false);
    await set(page, { chiplets: 7, groups: 2, objective: "traffic" });
    await page.click("#place");
    await page.waitForSelector("#failure:not([hidden])");
    expect(await page.locator("#failure").textContent()).to.contain(
      "found 7 in 2 groups, expected groups of equal size",
    );
    await page.close();
  });

  it("stops, and can be asked again", async () => {
    const { page } = await open();
    await page.focus("#sample");
    await page.keyboard.press("Enter");
    await hasTrace(page);
    await page.focus("#place");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#plan svg");
    await page.click("#stop");
    expect(await page.locator("#headline").textContent()).to.match(/^Stopped/);
    await hasTrace(page);
    await page.close();
  });

  for (const scheme of ["light", "dark"] as const) {
    it(`has room on a phone, ${scheme}, and nothing that axe finds`, async () => {
      folder.write("trace.jsonl", traceText(sampleTrace({ layers: [1] })));
      const { page, complaints } = await open(360, scheme);
      await page.setInputFiles("#files", join(folder.folder, "trace.jsonl"));
      await hasTrace(page);
      await set(page, { chiplets: 4, groups: 2, objective: "traffic" });
      await placed(page);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).to.equal(true);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
        "axe.run()",
      );
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)).to.deep.equal([]);
      expect(complaints).to.deep.equal([]);
      await page.close();
    });
  }
});
