import { expect } from "chai";
import { findHardware } from "../../lib/hardware/presets.js";
import { calibrationError, worstOfNine } from "../../lib/paper/paper-fit.js";
import { synthesizeTrace } from "../../traces/synthetic.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface Table {
  readonly title: string | null;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly note: string | null;
}

describe("moeplace paper", () => {
  let place: Workplace;
  let tables: readonly Table[];
  before(async () => {
    place = openWorkplace();
    const trace = synthesizeTrace({ preset: "deepseek-moe-16b", layers: 1, tokens: 400 });
    place.write("task.jsonl", traceText(trace));
    ({ tables } = (await place.runJson("paper", "task.jsonl")) as { tables: Table[] });
  });
  after(() => {
    place.remove();
  });

  it("prints the speed-ups of the paper beside those of the model, with their errors and what was fitted", () => {
    expect(tables.slice(0, 10).map(({ title }) => title?.split(/[,:]/)[0])).to.deep.equal([
      ...new Array<string>(3).fill("Speed-ups over the baseline"),
      ...new Array<string>(3).fill("Qwen3 by sequence length and memory"),
      "Gain of C over B",
      "What follows for C at sequence 512 from C and B at 256",
      "Latency of A",
      "What the modelled step of C waits for",
    ]);
    const [calibrated, copies, printed] = tables;
    // Mozart, section 5: three models, runs A, B and C.
    expect(calibrated.rows.map((row) => row[3])).to.deep.equal([
      1.33, 1.69, 1.92, 1.58, 2.05, 2.37, 1.49, 1.79, 2.17,
    ]);
    for (const { rows, columns } of [calibrated, copies, printed]) {
      expect(columns).to.deep.equal(["model", "run", "C_T", "paper", "model", "error", "fitted"]);
      for (const [, , , paper, model, error] of rows) {
        expect(error).to.equal(`${(100 * (Number(model) / Number(paper) - 1)).toFixed(0)} %`);
      }
    }
    expect(calibrated.rows.map((row) => row[6]).filter((fitted) => fitted === "yes")).to.have.length(3);
    expect(new Set(copies.rows.map((row) => row[6]))).to.deep.equal(new Set(["yes"]));
    expect(printed.rows.map((row) => row[6])).to.not.include("yes");
  });

  it("has each fit right to what it was fitted to: seconds within 15 %, gains from fewer copies within 9.5 %", () => {
    const errors = ({ rows }: Table) =>
      rows.map((row) => Math.abs(Number(row.at(-3)) / Number(row.at(-4)) - 1));
    const [seconds, copies, , secondsBySize, copiesBySize, , placement] = tables;
    expect(Math.max(...errors(seconds), ...errors(secondsBySize))).to.be.below(0.15);
    expect(Math.max(...errors(copies))).to.be.below(0.095);
    // The other side of it: a quarter off where prompts are long.
    expect(Math.max(...errors(copiesBySize))).to.be.within(0.2, 0.25);
    for (const [model, ...gains] of placement.rows) {
      const [paper, toSeconds, toCopies] = gains.map(Number);
      expect(Math.abs(toCopies / paper - 1), String(model)).to.be.below(0.06);
      expect(toSeconds, String(model)).to.be.below(paper);
    }
  });

  it("ships links that its own fits find: nothing 1 % beside them is nearer to what they are fitted to", () => {
    const linksOf = (name: string) => {
      const { root, links } = findHardware(name)!;
      return {
        efficiency: root.efficiency.value,
        root: links.root.bytesPerNs.value,
        chiplet: links.chiplet.bytesPerNs.value,
      };
    };
    const { efficiency, root, chiplet } = linksOf("mozart-qwen3-calibrated");
    const secondsError = (rootFactor: number, chipletFactor: number) =>
      calibrationError(
        { rootLinkBytesPerNs: rootFactor * root, chipletLinkBytesPerNs: chipletFactor * chiplet },
        efficiency,
      );
    const inUse = secondsError(1, 1);
    expect(inUse).to.be.closeTo(0.0205, 0.0001);
    const beside = [0.99, 1, 1.01].flatMap((along) =>
      [0.99, 1, 1.01].map((across) => secondsError(along, across)),
    );
    expect(Math.min(...beside)).to.equal(inUse);
    const copies = linksOf("mozart-qwen3-copies").root;
    const worst = worstOfNine(copies);
    expect(worst).to.be.below(Math.min(worstOfNine(0.99 * copies), worstOfNine(1.01 * copies)));
  });

  it("says how fast C can be at most at sequence 512 where time is convex in copies and tokens", () => {
    const [plain, placed, least, printed] = tables[7].rows.map((row) => row.slice(1).map(Number));
    const slope = (plain[1] - placed[1]) / (plain[0] - placed[0]);
    expect(least[1]).to.be.closeTo(placed[1] + slope * (least[0] - placed[0]), 0.01);
    expect(least[2]).to.be.closeTo(1.53, 0.005);
    expect(printed[2]).to.equal(2.34);
  });

  it("has one number of tiles for all machines of a fit", () => {
    for (const kind of ["", "-calibrated", "-copies"]) {
      const tiles = ["qwen3", "olmoe", "deepseek"].map((model) => {
        const { chiplet } = findHardware(`mozart-${model}${kind}`)!;
        return chiplet.kind === "systolic" && chiplet.tiles.value;
      });
      expect(new Set(tiles), kind).to.deep.equal(new Set([kind === "-copies" ? 54 : 46]));
    }
  });

  it("says for people what it says in JSON", async () => {
    const { stdout, stderr } = await place.run("paper");
    expect(stderr).to.equal("");
    const lines = stdout.split("\n").map((line) => line.trim().replaceAll(/ {2,}/g, "|"));
    for (const { title, columns, rows } of tables.slice(0, 10)) {
      expect(lines).to.include(title).and.include(columns.join("|"));
      for (const row of rows) {
        const cells = row.map((cell) => (typeof cell === "number" ? cell.toFixed(2) : cell));
        expect(lines).to.include(cells.join("|"));
      }
    }
  });

  it("places the tokens of recordings, each a task", () => {
    const placements = tables[10];
    expect(placements.rows.map(([task, name]) => [task, name])).to.deep.equal([
      ["task.jsonl", "contiguous"],
      ["task.jsonl", "mozart"],
      ["task.jsonl", "exact"],
      ["task.jsonl", "exact, groups by load"],
    ]);
    const replication = placements.rows.map((row) => Number(row[2]));
    expect(replication[2]).to.equal(replication[3]).and.to.be.below(replication[0]);
    expect(placements.note).to.match(/^Mean of the quotients exact \/ mozart: C_T 0\.\d{3}, /);
    expect(tables.at(-1)?.rows).to.have.length(3);
  });

  it("refuses recordings of another shape, and options that it has not", async () => {
    place.write("small.jsonl", traceText(sampleTrace()));
    const refused = await place.run("paper", "small.jsonl");
    expect(refused.exitCode).to.equal(2);
    expect(refused.stderr).to.contain(
      "small.jsonl: found 8 experts, top-2, expected 64 and top-6 as in the paper's DeepSeek model",
    );
    expect((await place.run("paper", "absent.jsonl")).exitCode).to.equal(2);
    const unknown = await place.run("paper", "--fits");
    expect(unknown.exitCode).to.equal(2);
    expect(unknown.stderr).to.contain("Maybe you mean --fit.");
  });
});
