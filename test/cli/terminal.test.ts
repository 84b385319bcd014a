import { expect } from "chai";
import { openProgress } from "../../cli/progress.js";
import { formatTable } from "../../cli/terminal.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

/** What is printed without colours, which tests have none of unless a terminal runs them. */
const plain = (text: string) => text.replace(/\x1b\[\d+m/g, "");

describe("formatTable", () => {
  it("aligns columns of words to the left, the others to the right", () => {
    const cells = [
      ["a", "1", "long words"],
      ["b", "22", "few"],
    ];
    expect(plain(formatTable(["name", "n", "what"], cells, { words: [2], width: 80 }))).to.equal(
      ["name   n  what", "a      1  long words", "b     22  few"].join("\n"),
    );
  });

  const headers = ["solver", "C_T", "step, ms"];
  const rows = [
    ["contiguous", "2.500", "10.00"],
    ["auto", "2.000", "9.00"],
  ];
  const best = [
    [false, false, false],
    [false, true, true],
  ];

  it("marks the best by a star, which needs no colour, and keeps digits under digits", () => {
    expect(plain(formatTable(headers, rows, { best, width: 80 }))).to.equal(
      "solver         C_T  step, ms\ncontiguous   2.500     10.00\nauto        *2.000     *9.00\n\n* the best of its column",
    );
  });

  it("goes on below where the terminal is too narrow, beside the first column again", () => {
    const text = plain(formatTable(headers, rows, { width: 22 }));
    expect(text).to.equal(
      "solver        C_T\ncontiguous  2.500\nauto        2.000\n\nsolver      step, ms\ncontiguous     10.00\nauto            9.00",
    );
    expect(plain(formatTable(headers, rows, { width: 5 })).split("\n\n")).to.have.length(2);
  });
});

describe("openProgress", () => {
  const streamOf = (isTTY: boolean) => {
    const written: string[] = [];
    const stream = { isTTY, columns: 20, write: (text: string) => written.push(text) > 0 };
    return { written, stream: stream as never };
  };

  it("tells a log again and again, in lines, and stops at the end", async () => {
    const { written, stream } = streamOf(false);
    const progress = openProgress(stream, { quiet: false, everyMs: 5 });
    let count = 0;
    progress.say(() => `layer ${++count}`);
    expect(written).to.deep.equal([]);
    while (written.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    progress.end();
    const { length } = written;
    expect(written.slice(0, 2)).to.deep.equal(["layer 1\n", "layer 2\n"]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(written).to.have.length(length);
  });

  it("replaces the line where somebody watches, cut to the terminal", () => {
    const { written, stream } = streamOf(true);
    const progress = openProgress(stream, { quiet: false });
    progress.say(() => "a line that is much too long");
    progress.say(() => "short");
    progress.end();
    expect(written).to.deep.equal(["a line that is much", "\r\x1b[K", "short", "\r\x1b[K"]);
  });

  it("says nothing where it is to be quiet", () => {
    const { written, stream } = streamOf(true);
    openProgress(stream, { quiet: true }).say(() => "layer 1");
    expect(written).to.deep.equal([]);
  });
});

describe("tables of commands", () => {
  let place: Workplace;
  const size = ["--chiplets", "4", "--groups", "2"];

  before(async () => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
    for (const solver of ["louvain", "contiguous"]) {
      await place.run("place", "trace.jsonl", "--solver", solver, ...size, "-o", `${solver}.json`);
    }
  });

  after(() => {
    place.remove();
  });

  for (const [name, args, head] of [
    [
      "place",
      ["trace.jsonl", "--solver", "louvain", "--holdout", "0.25", ...size],
      /^layer,status,cost,bound,/,
    ],
    ["evaluate", ["trace.jsonl", "louvain.json", "contiguous.json"], /^file,.*mean\.tokenReplication/],
    ["inspect", ["trace.jsonl", "--chiplets", "4"], /^layer,tokens,/],
    ["hardware", [], /^name,numGroups,numChiplets,description\n/],
    ["schedule", ["trace.jsonl", "louvain.json", "--model", "olmoe-1b-7b"], /^name,busyNs,busyShare\n/],
  ] as const) {
    it(`${name} prints comma-separated values, as many in every line, and nothing else`, async () => {
      const { stdout, stderr, exitCode } = await place.run(name, ...args, "--csv");
      expect(exitCode, stderr).to.equal(0);
      expect(stdout).to.match(head);
      const { parse } = await import("csv-parse/sync");
      expect(parse(stdout, { columns: true })).to.have.length.greaterThan(1);
      const both = await place.run(name, ...args, "--csv", "--json");
      expect(both.exitCode).to.equal(2);
      expect(both.stderr).to.contain("--csv: found --json too, expected one of them");
    });
  }

  it("evaluate marks the best placement, with units in the head", async () => {
    const args = ["evaluate", "trace.jsonl", "louvain.json", "contiguous.json", "--model", "olmoe-1b-7b"];
    const { stdout } = await place.run(...args);
    expect(plain(stdout)).to.match(/^placement +C_T +C_G +max load +step, (ms|us) \(chunked\) +energy, J\n/);
    expect(plain(stdout))
      .to.match(/^louvain\.json +\*/m)
      .and.contain("* the best of its column");
  });

  it("lines are no wider than a narrow terminal, which a machine as JSON does not mind", async () => {
    const { COLUMNS } = process.env;
    process.env.COLUMNS = "60";
    try {
      const solvers = ["--solver", "contiguous", "louvain", ...size];
      for (const args of [
        ["compare", "trace.jsonl", ...solvers],
        ["inspect", "trace.jsonl", "--chiplets", "4"],
        ["schedule", "trace.jsonl", "louvain.json", "--model", "olmoe-1b-7b"],
        ["evaluate", "trace.jsonl", "louvain.json"],
      ]) {
        const { stdout } = await place.run(...args);
        const wide = plain(stdout)
          .split("\n")
          .filter((line) => line.length > 60 && line.trim().includes(" "));
        expect(wide, args.join(" ")).to.deep.equal([]);
      }
      const { stdout } = await place.run("hardware", "mozart-deepseek");
      expect(JSON.parse(stdout)).to.have.property("name", "mozart-deepseek");
    } finally {
      if (COLUMNS === undefined) delete process.env.COLUMNS;
      else process.env.COLUMNS = COLUMNS;
    }
  });
});
