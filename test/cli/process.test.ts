import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("the process of a command line", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });

  it("ends with the exit code, results on stdout and all else on stderr", async () => {
    const placed = await place.start("place", "trace.jsonl", "--chiplets", "4", "--json").ended;
    expect(placed.exitCode, placed.stderr).to.equal(0);
    expect(JSON.parse(placed.stdout)).to.have.property("placement");
    const refused = await place.start("inspect", "no.jsonl").ended;
    expect(refused).to.deep.equal({
      exitCode: 2,
      stdout: "",
      stderr: "no.jsonl: found no such file, expected a trace\n",
    });
  });

  it("ends quietly where a reader has seen enough and closes the pipe", async () => {
    const { child, ended } = place.start("inspect", "trace.jsonl", "--quiet");
    child.stdout?.destroy();
    const { exitCode, stderr } = await ended;
    expect([exitCode, stderr]).to.deep.equal([0, ""]);
  });
});
