import { expect } from "chai";
import { paretoFront, type SweepRow } from "../../lib/flows/sweep.js";
import { gridMachines, parseSweep } from "../../lib/flows/sweep-grid.js";
import { sweepPage } from "../../lib/report/sweep-page.js";
import { frontsOf, markFronts, sweepCsv, sweepTable } from "../../lib/report/sweep-table.js";
import { overrideHardware } from "../../lib/hardware/override.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { expectRejection } from "../expect-rejection.js";

describe("the grid of a sweep", () => {
  it("takes of every list of a machine one value at a time", async () => {
    const config = await parseSweep(
      {
        traces: ["t.jsonl"],
        machines: [
          { chiplets: [4, 8], set: { "links.root.bytesPerNs": [1, 2], "memory.bytesPerNs": 3 } },
          {},
        ],
      },
      "grid.json",
    );
    expect(gridMachines(config).map(({ name, chiplets, set }) => [name, chiplets, set])).to.deep.equal([
      ...[4, 8].flatMap((chiplets) =>
        [1, 2].map((link) => [
          `${chiplets} chiplets, links.root.bytesPerNs ${link}, memory.bytesPerNs 3`,
          chiplets,
          { "links.root.bytesPerNs": link, "memory.bytesPerNs": 3 },
        ]),
      ),
      ["default", undefined, {}],
    ]);
  });

  it("refuses what is missing, unknown or wrong by its path", async () => {
    const refuses = (config: unknown, message: string) =>
      expectRejection(parseSweep(config, "grid.yaml"), message);
    await refuses(null, "grid.yaml: found null, expected");
    await refuses({}, "grid.yaml: traces: found nothing, expected a list");
    await refuses(
      { traces: ["a"], solver: "auto" },
      "grid.yaml: found field solver, expected none of that name",
    );
    await refuses(
      { traces: ["a"], objectives: ["speed"] },
      'objectives.0: found "speed", expected one of traffic, balance, time',
    );
    await refuses({ traces: ["a"], machines: [{ chiplets: [4, 0] }] }, "machines.0.chiplets.1: found 0");
    await refuses({ traces: ["a"], holdout: 1 }, "grid.yaml: holdout: found 1, expected a share in [0, 1)");
  });

  it("gives a machine other constants, and names those near where there is none", async () => {
    const hardware = findHardware("mozart-qwen3")!;
    const fast = await overrideHardware(hardware, { "links.root.bytesPerNs": 64 });
    expect(fast.links.root.bytesPerNs.value).to.equal(64);
    expect(fast.links.chiplet).to.deep.equal(hardware.links.chiplet);
    await expectRejection(
      overrideHardware(hardware, { "link.bytesPerNs": 64 }),
      "set: found link.bytesPerNs, expected a constant of mozart-qwen3",
    );
    await expectRejection(
      overrideHardware(hardware, { "links.root.bytesPerNs": -1 }),
      "set: field links.root.bytesPerNs",
    );
  });
});

describe("paretoFront", () => {
  const row = (stepNs: number | undefined, stepPj: number | undefined) => ({ stepNs, stepPj }) as SweepRow;

  it("keeps the points that no other beats in both figures, of equals the first", () => {
    const rows = [
      row(3, 1),
      row(1, 3),
      row(2, 2),
      row(2, 3),
      row(1, 3),
      row(undefined, 0),
      row(0, undefined),
      row(4, 1),
    ];
    expect(paretoFront(rows, "stepPj")).to.deep.equal([rows[1], rows[2], rows[0]]);
  });
});

describe("the fronts of a sweep", () => {
  it("are of steps that do the same alone: of one workload, and as many tokens", () => {
    const rows = [
      { workload: "prefill", stepTokens: 64, stepNs: 9, stepPj: 9 },
      { workload: "prefill", stepTokens: 64, stepNs: 9, stepPj: 10 },
      { workload: "prefill", stepTokens: 128, stepNs: 18, stepPj: 18 },
      { workload: "prefill", stepTokens: 128, stepNs: 17, stepPj: 19 },
      { workload: "decode", stepTokens: 64, stepNs: 1, stepPj: 1 },
    ] as SweepRow[];
    expect(frontsOf(rows, "stepPj")).to.deep.equal([[rows[0]], [rows[3], rows[2]]]);
    expect(markFronts(rows).map(({ fronts }) => fronts.join())).to.deep.equal([
      ...["stepPj", "", "stepPj", "stepPj"],
      // A front of one point that nothing stands against says nothing.
      "",
    ]);
  });
});

describe("the page of a sweep", () => {
  it("names the fastest point where all steps do the same, and no other", async () => {
    const common = { trace: "t", workload: "train", stepTokens: 64, solver: "auto", status: "feasible" };
    const place = { objective: "traffic", dispatch: "nearest", numReplicas: 0, numChiplets: 4 };
    const rows = [21.5e6, 20.25e6].map(
      (stepNs, at) => ({ ...common, ...place, machine: `m${at}`, stepNs }) as SweepRow,
    );
    expect(await sweepPage(rows, [])).to.contain(
      "The fastest of 2 points takes 20.25 ms a step: m1, by auto.",
    );
    const others = [...rows, { ...rows[0], workload: "decode" }];
    expect(await sweepPage(others, []))
      .to.contain("A sweep of 3 points.")
      .and.not.contain("The fastest");
  });
});

describe("the pictures of a sweep", () => {
  it("have the number of every point in the table, and a legend of their colours", async () => {
    const place = {
      trace: "t",
      workload: "prefill",
      stepTokens: 512,
      objective: "traffic",
      numReplicas: 0,
      status: "feasible",
      dispatch: "any",
    };
    const rows = ["mozart", "contiguous"].map(
      (solver, at) => ({ ...place, machine: "m", solver, stepNs: 2e6 + at, stepPj: 3e12 + at }) as SweepRow,
    );
    const page = await sweepPage(rows, []);
    expect(page).to.match(/<text[^>]*>1<\/text>/);
    expect(page).to.contain('<i style="background:var(--series-1)"></i>contiguous');
    expect(page).to.contain("<tr><td>2</td>").and.contain("<li>1: m; traffic, 0 replicas, mozart</li>");
  });
});

describe("the table of a sweep", () => {
  it("tells silicon in plain numbers, however large", () => {
    const { cells } = sweepTable(
      markFronts(
        [7080, 20040].map((areaMm2) => ({ trace: "t", machine: "m", areaMm2, stepNs: areaMm2 }) as SweepRow),
      ),
    );
    expect(cells.flat()).to.include.members(["7080", "20040"]);
  });

  it("is no formula that a spreadsheet would run, and no row more for a name of two lines", () => {
    const names = { trace: "=1+1", machine: "+cmd|' /C calc'!A0", workload: "@SUM(A1)", solver: "a\n-b" };
    const [, ...lines] = sweepCsv(markFronts([names as unknown as SweepRow])).split("\n");
    expect(lines.join("\n")).to.match(/^'=1\+1,'\+cmd\|' \/C calc'!A0,'@SUM\(A1\),,,,,,,"a\n-b",/);
  });
});
