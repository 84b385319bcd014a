import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface Compared {
  tasks: {
    solver: string;
    rows: { learnedOn: string; judgedOn: { task: string; tokenReplication: number }[] }[];
  };
}

describe("compare --evaluate-on", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    const trace = sampleTrace();
    place.write("one.jsonl", traceText(trace));
    // The same habits under other names.
    const layers = trace.layers.map((layer) => ({
      ...layer,
      experts: layer.experts.map((expert) => (3 * expert + 1) % 8),
    }));
    place.write("other.jsonl", traceText({ ...trace, layers }));
  });
  afterEach(() => {
    place.remove();
  });
  const args = ["compare", "one.jsonl", "--chiplets", "4", "--solver", "exact"];

  it("learns on every task and judges on all", async () => {
    const { tasks } = (await place.runJson(...args, "--evaluate-on", "other.jsonl")) as Compared;
    expect(tasks.solver).to.equal("exact");
    expect(tasks.rows.map(({ learnedOn }) => learnedOn)).to.deep.equal([
      "one.jsonl",
      "other.jsonl",
      "contiguous",
    ]);
    const [ofFirst, ofSecond] = tasks.rows.map(({ judgedOn }) =>
      judgedOn.map((task) => task.tokenReplication),
    );
    expect(ofFirst[0]).to.be.below(ofSecond[0]);
    expect(ofSecond[1]).to.be.below(ofFirst[1]);
    await place.run("place", "other.jsonl", ...args.slice(2), "--holdout", "0.25", "-o", "p.json");
    const evaluated = (await place.runJson("evaluate", "one.jsonl", "p.json")) as {
      placements: { mean: { tokenReplication: number } }[];
    };
    expect(ofSecond[0]).to.equal(evaluated.placements[0].mean.tokenReplication);
  });

  it("shows the table to people", async () => {
    const { stdout } = await place.run(...args, "--evaluate-on", "other.jsonl");
    expect(stdout).to.match(/learned on +one\.jsonl +other\.jsonl\n/);
  });

  it("refuses tasks of another model", async () => {
    const fewer = sampleTrace({ layers: [1] });
    place.write("fewer.jsonl", traceText(fewer));
    const { exitCode, stderr } = await place.run(...args, "--evaluate-on", "fewer.jsonl");
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain("--evaluate-on: fewer.jsonl: found layers 1, expected 1, 2 as in one.jsonl");
  });
});
