import { expect } from "chai";
import { createProgram } from "../../cli/program.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

/** Cheap commands, each with what it cannot do without; an option is tried with the first that has it. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  inspect: ["t.jsonl"],
  export: ["p.json", "--to", "csv", "-o", "e.csv", "--force"],
  import: ["p.json", "-o", "i.json", "--force"],
  verify: ["p.json"],
  convert: ["t.jsonl", "-o", "c.jsonl", "--force"],
  hardware: [],
  synth: ["--preset", "mixtral-8x7b", "--layers", "1", "--tokens", "20", "-o", "s.jsonl", "--force"],
  place: ["t.jsonl", "--chiplets", "2", "--groups", "1", "--solver", "contiguous", "-o", "o.json", "--force"],
  schedule: ["t.jsonl", "p.json", "--model", "mixtral-8x7b"],
};
/** What goes to another process or another machine. */
const ELSEWHERE = new Set(["--help", "--queue"]);
const VALUES = ["", "1e308", "9007199254740993", "x".repeat(5000)];

describe("an option with a value that no one means", () => {
  let place: Workplace;
  before(async () => {
    place = openWorkplace();
    place.write("t.jsonl", traceText(sampleTrace()));
    const placed = await place.run(
      ...["place", "t.jsonl", "--chiplets", "2", "--groups", "1", "--solver", "contiguous", "-o", "p.json"],
    );
    expect(placed.exitCode, placed.stderr).to.equal(0);
  });
  after(() => {
    place.remove();
  });

  const tried = new Set<string>();
  for (const [name, args] of Object.entries(COMMANDS)) {
    const flags = createProgram(() => undefined)
      .commands.filter((command) => command.name() === name)
      .flatMap(({ options }) => options)
      .filter(({ required, optional }) => required || optional)
      .map(({ long }) => long ?? "")
      .filter((flag) => flag !== "" && !ELSEWHERE.has(flag) && !tried.has(flag));
    for (const flag of flags) tried.add(flag);

    it(`is refused or taken, and no bug: ${flags.length} more of ${name}`, async () => {
      for (const flag of flags) {
        for (const value of VALUES) {
          const { exitCode, stderr } = await place.run(name, ...args, flag, value);
          expect([0, 2, 3, 4], `${flag} ${value.slice(0, 30)}\n${stderr}`).to.include(exitCode);
        }
      }
    });
  }
});

describe("a time limit longer than timers of the system can be", () => {
  it("ends nothing", async () => {
    const place = openWorkplace();
    place.write("t.jsonl", traceText(sampleTrace({ numExperts: 16 })));
    const placing = ["place", "t.jsonl", "--chiplets", "4", "--groups", "2", "--solver", "local-search"];
    const layersWith = async (...more: string[]) => {
      const { exitCode, stderr } = await place.run(...placing, ...more, "-o", "o.json", "--force");
      expect(exitCode, stderr).to.equal(0);
      return (JSON.parse(place.read("o.json")) as { layers: unknown }).layers;
    };
    expect(await layersWith("--time-limit", "1e7")).to.deep.equal(await layersWith());
    place.remove();
  });
});
