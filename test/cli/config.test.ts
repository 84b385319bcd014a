import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { configSchema } from "../../cli/config-schema.js";
import { withConfig } from "../../cli/config.js";
import { createProgram } from "../../cli/program.js";
import { expectRejection } from "../expect-rejection.js";
import { expectGolden } from "../golden-file.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

const program = createProgram(() => undefined);

describe("a configuration file", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });
  const config = (content: object, name = "moeplace.config.json") => {
    place.write(name, JSON.stringify(content));
  };
  const placedBy = async (...args: string[]) => {
    const { exitCode, stderr } = await place.run("place", "trace.jsonl", "-o", "p.json", "--force", ...args);
    expect(exitCode, stderr).to.equal(0);
    return JSON.parse(place.read("p.json")) as {
      numChiplets: number;
      seed: number;
      solver: string;
      provenance: { holdout: number; pins?: object[] };
    };
  };

  it("gives options to every command that has them, and more to one in its section", async () => {
    config({
      $schema: "./config.schema.json",
      chiplets: 8,
      seed: 7,
      perfetto: "for schedule",
      place: { solver: "mozart", holdout: 0.25 },
      compare: { solver: ["contiguous"] },
    });
    const { stderr } = await place.run("place", "trace.jsonl", "-o", "p.json");
    expect(stderr).to.contain("from moeplace.config.json: chiplets, seed, solver, holdout\n");
    const placed = JSON.parse(place.read("p.json")) as object;
    expect(placed).to.deep.include({ numChiplets: 8, seed: 7, solver: "mozart" });
    expect((placed as { provenance: object }).provenance).to.include({ holdout: 0.25 });
    const compared = (await place.runJson("compare", "trace.jsonl")) as { solvers: { solver: string }[] };
    expect(compared.solvers.map(({ solver }) => solver)).to.deep.equal(["contiguous"]);
  });

  it("makes the file that the flags make, byte for byte", async () => {
    await placedBy("--chiplets", "4", "--seed", "3", "--max-load", "1.4", "--pin", "2:1", "--pin", "5:0");
    const byFlags = place.read("p.json");
    config({ chiplets: 4, place: { seed: 3, maxLoad: 1.4, pin: ["2:1", "5:0"] } });
    await placedBy();
    expect(place.read("p.json")).to.equal(byFlags);
  });

  it("gives way to the command line, lists and short flags included", async () => {
    config({ chiplets: 4, seed: 7, place: { pin: ["2:1", "5:0"], solver: "mozart", output: "other.json" } });
    const placed = await placedBy("--seed=1", "--pin", "3:3", "--chiplets", "8");
    expect(placed).to.include({ numChiplets: 8, seed: 1, solver: "mozart" });
    expect(placed.provenance.pins).to.deep.equal([{ expert: 3, chiplet: 3 }]);
    expect(place.files()).to.not.include("other.json");
  });

  it("is another one with --config, and code that exports it", async () => {
    config({ chiplets: 2 });
    config({ chiplets: 4, quiet: true }, "own.json");
    place.write("own.mjs", "export default { chiplets: 8 - 4, place: { seed: 5 } };");
    expect((await placedBy("--config", "own.json")).numChiplets).to.equal(4);
    expect(await placedBy("--config=own.mjs")).to.include({ numChiplets: 4, seed: 5 });
    expect((await place.run("place", "trace.jsonl", "--config", "own.json")).stderr).to.equal("");
  });

  it("satisfies an option that has to be given", async () => {
    config({ convert: { output: "t.jsonl" } });
    expect((await place.run("convert", "trace.jsonl")).exitCode).to.equal(0);
    expect(place.files()).to.include("t.jsonl");
  });

  it("switches off in a section what is common, and is nothing to help", async () => {
    config({ quiet: true, place: { quiet: false } });
    expect((await place.run("place", "trace.jsonl")).stderr).to.contain(
      "the sizes of model sample are not known",
    );
    expect((await place.run("inspect", "trace.jsonl")).stderr).to.equal("");
    place.write("moeplace.config.json", "{");
    expect((await place.run("place", "--help")).exitCode).to.equal(0);
    expect((await place.run("--version")).exitCode).to.equal(0);
  });

  it("is told in the report with all that a command line would have said", async () => {
    await placedBy("--chiplets", "4");
    config({ report: { hardware: "mozart-qwen3", holdout: 0.25 } });
    const { exitCode, stderr } = await place.run("report", "trace.jsonl", "p.json", "-o", "r.html");
    expect(exitCode, stderr).to.equal(0);
    expect(place.read("r.html")).to.contain(
      "moeplace report --hardware=mozart-qwen3 --holdout=0.25 trace.jsonl p.json -o r.html",
    );
  });

  const refused: readonly [string, object, string][] = [
    ["an unknown option", { chiplet: 4 }, "moeplace.config.json: found chiplet, expected one of"],
    ["a flag's spelling", { place: { "max-load": 1.2 } }, "Maybe you mean maxLoad."],
    ["an unknown section", { plac: { seed: 1 } }, "Maybe you mean place."],
    [
      "an option of another command",
      { place: { perfetto: "f" } },
      "moeplace.config.json: place: found perfetto",
    ],
    ["a misspelling for another command", { compare: { sovler: "ilp" } }, "Maybe you mean solver."],
    [
      "a value out of range",
      { place: { seed: -1 } },
      "moeplace.config.json: place: seed: found -1, expected an integer",
    ],
    ["a number as text that is none", { chiplets: "many" }, "moeplace.config.json: chiplets: found many"],
    ["a word that nobody has", { place: { objective: "tim" } }, "Maybe you mean time."],
    [
      "text for a switch",
      { quiet: "yes" },
      'moeplace.config.json: quiet: found "yes", expected true or false',
    ],
    ["null", { seed: null }, "moeplace.config.json: seed: found null, expected text or a number"],
    [
      "a list for one value",
      { seed: [1, 2] },
      "moeplace.config.json: seed: found [1,2], expected text or a number",
    ],
    ["a list", [], "moeplace.config.json: found [], expected an object of options"],
    ["the file itself", { config: "f" }, "moeplace.config.json: found config, expected one of"],
  ];
  for (const [what, content, message] of refused) {
    it(`with ${what} is refused`, async () => {
      config(content);
      const { exitCode, stderr } = await place.run("place", "trace.jsonl");
      expect(exitCode).to.equal(2);
      expect(stderr).to.contain(message);
    });
  }

  it("that is absent, no JSON, or of another kind is refused", async () => {
    const failing = async (...args: string[]) => {
      const { exitCode, stderr } = await place.run("place", "trace.jsonl", ...args);
      expect(exitCode).to.equal(2);
      return stderr;
    };
    expect(await failing("--config", "none.json")).to.contain("none.json: found no such file");
    expect(await failing("--config", "none.mjs")).to.contain("none.mjs: found no such file");
    expect(await failing("--config")).to.contain("--config: found none, expected a file");
    place.write("bad.json", "{");
    expect(await failing("--config", "bad.json")).to.contain(
      "bad.json: found no JSON, expected a configuration",
    );
    place.write("bad.yaml", "");
    expect(await failing("--config", "bad.yaml")).to.contain("expected a file .json, .ts, .mjs or .js");
    place.write("bad.mjs", "throw new Error('no luck')");
    expect(await failing("--config", "bad.mjs")).to.contain("bad.mjs: cannot be run (no luck)");
    place.write("empty.mjs", "");
    expect(await failing("--config", "empty.mjs")).to.contain("empty.mjs: found nothing, expected an object");
  });

  it("in TypeScript is run where Node runs it, and else refused with what is read", async () => {
    place.write("own.ts", "export default { chiplets: 4 as number };");
    const { exitCode, stderr } = await place.run("place", "trace.jsonl", "--config", "own.ts");
    const isRun = Boolean((process.features as { typescript?: unknown }).typescript);
    expect(exitCode, stderr).to.equal(isRun ? 0 : 2);
    if (!isRun) expect(stderr).to.match(/own\.ts: found TypeScript, .*\nMaybe write it as \.json or \.mjs/);
  });

  it("is as docs/configuration.md shows it: commands run with it", async () => {
    const page = readFileSync(
      fileURLToPath(new URL("../../../docs/configuration.md", import.meta.url)),
      "utf8",
    );
    place.write("shown.json", /```json\n(.*?)```/s.exec(page)![1]);
    const synth = [
      "synth",
      "--preset",
      "qwen3-30b-a3b",
      "--layers",
      "1",
      "--tokens",
      "256",
      "-o",
      "shown.jsonl",
    ];
    expect((await place.run(...synth)).exitCode).to.equal(0);
    const commands = [
      ["compare", "shown.jsonl", "--time-limit", "1"],
      ["place", "shown.jsonl", "--solver", "eplb-global", "-o", "shown-p.json"],
    ];
    for (const command of commands) {
      const { exitCode, stderr } = await place.run(...command, "--config", "shown.json");
      expect(exitCode, stderr).to.equal(0);
    }
  });

  it("is published with every option as docs/config.schema.json", () => {
    expectGolden("docs/config.schema.json", `${JSON.stringify(configSchema(program), null, 2)}\n`);
  });

  it("has no section that is taken for an option, and no option of two kinds in a command", () => {
    for (const command of program.commands) {
      const names = command.options.map((option) => option.attributeName());
      expect(new Set(names).size, command.name()).to.equal(names.length);
    }
  });

  it("leaves command lines alone that have none", async () => {
    expect(await withConfig(["place", "t", "--seed", "1"], program)).to.deep.equal([
      "place",
      "t",
      "--seed",
      "1",
    ]);
    const absent = withConfig(["place", "--config", "none.json"], program);
    await expectRejection(absent, "none.json: found no such file");
  });
});
