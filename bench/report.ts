/**
 * `npm run bench:report`: how large the report's page is, what it takes to make it, and how long a browser takes to open it.
 *
 * Seeded synthetic traces, placed by rules that take no time. Making is processor time of the process; opening is the time until Debian's
 * Chromium has loaded the page and moved its slider once, the best of three, and is left out where there is no Chromium.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { judge, placeTrace, poseFor, type ComparedSolver } from "../doors/flows.js";
import { findHardware, findModelShape } from "../doors/hardware.js";
import { reportPage } from "../doors/report.js";
import { DEFAULT_SOLVER_OPTIONS, requireSolver } from "../doors/solvers.js";
import { splitHoldout, synthesizeTrace } from "../doors/traces.js";
import { printTable } from "./table.js";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const SOLVERS = ["contiguous", "eplb-global", "mozart"];
const CASES = [
  { model: "deepseek-moe-16b", hardware: "mozart-deepseek-calibrated", layers: 26, most: "3 MB" },
  { model: "deepseek-v3", hardware: "h100-8x8", layers: 58, most: "8 MB" },
];

const rows = [];
for (const { model, hardware: name, layers, most } of CASES) {
  const trace = synthesizeTrace({ preset: model, layers, tokens: 4096 });
  const [hardware, shape] = [findHardware(name), findModelShape(model)];
  if (hardware === undefined || shape === undefined) throw new Error(`${model} on ${name} is not known`);
  const machine = { hardware, shape };
  const split = splitHoldout(trace, 0.25);
  const solvers: ComparedSolver[] = [];
  for (const solver of SOLVERS) {
    const outcome = await placeTrace(split.learn, {
      posing: poseFor(split.learn, machine),
      solver: requireSolver(solver),
      solverOptions: DEFAULT_SOLVER_OPTIONS,
    });
    if (outcome.status !== "placed") throw new Error(`${solver} found no placement`);
    const answer = { ...outcome, ...judge(outcome.placement, split, machine) };
    solvers.push({ name: solver, answer, seconds: 0 });
  }
  const before = process.cpuUsage();
  const page = await reportPage({
    ...machine,
    solvers,
    trace: split.learn,
    heldOut: split.heldOut,
    facts: [`${model}: ${layers} layers`],
    objective: "time",
  });
  const { user, system } = process.cpuUsage(before);
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  rows.push([
    `${layers} x ${trace.numExperts}, ${numChiplets} chiplets`,
    (Buffer.byteLength(page) / 1e6).toFixed(2),
    most,
    ((user + system) / 1e6).toFixed(1),
    existsSync(CHROMIUM) ? ((await openingMs(page)) / 1000).toFixed(2) : "",
  ]);
}
printTable({
  title: "The report's page: layers x experts",
  columns: [
    { name: "trace", isText: true },
    { name: "MB", isText: false },
    { name: "at most", isText: false },
    { name: "s to make (CPU)", isText: false },
    { name: "s to open", isText: false },
  ],
  rows,
});

async function openingMs(page: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "moeplace-page-"));
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    const file = join(folder, "page.html");
    writeFileSync(file, page);
    let best = Infinity;
    for (let run = 0; run < 3; run++) {
      const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      const begin = performance.now();
      await tab.goto(pathToFileURL(file).href);
      await tab.locator("#layer").fill("0");
      best = Math.min(best, performance.now() - begin);
      await tab.close();
    }
    return best;
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}
