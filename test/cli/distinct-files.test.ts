import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { READ, WRITTEN } from "../../cli/distinct-files.js";
import { createProgram } from "../../cli/program.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("the files of a command line", () => {
  let place: Workplace;
  before(async () => {
    place = openWorkplace();
    await place.run("synth", "--layers", "1", "--tokens", "200", "-o", "t.jsonl");
    await place.run("place", "t.jsonl", "--chiplets", "4", "--solver", "contiguous", "-o", "p.json");
    symlinkSync(place.folder, join(place.folder, "here"));
    mkdirSync(join(place.folder, "pics"));
  });
  after(() => {
    place.remove();
  });

  const own = (flag: string, path: string, other: string) =>
    `${flag}: found ${path}, which ${other} writes, too, expected a file of its own\n`;
  const apart = (flag: string, path: string, other: string) =>
    `${flag}: found ${path}, where ${other} is to be, expected a place of its own\n`;
  const input = (path: string) => `${path}: found an input, expected another file to write\n`;

  const cases: { args: string; says: string }[] = [
    { args: "compare t.jsonl --report s.html --svg s.html", says: own("--svg", "s.html", "--report") },
    {
      args: "report t.jsonl p.json -o s.html --svg here/s.html",
      says: own("--svg", "here/s.html", "--output"),
    },
    { args: "report t.jsonl p.json -o x.png --svg x.svg --png", says: own("--svg", "x.png", "--output") },
    { args: "report t.jsonl -o - --svg -", says: own("--svg", "-", "--output") },
    {
      args: "place t.jsonl --from p.json -o m.json --moves m.json",
      says: own("--moves", "m.json", "--output"),
    },
    {
      args: "schedule t.jsonl p.json --svg s.svg --perfetto s.svg",
      says: own("--svg", "s.svg", "--perfetto"),
    },
    {
      args: "compare t.jsonl --report s.html --checkpoint s.html",
      says: own("--report", "s.html", "--checkpoint"),
    },
    {
      args: "watch --input pics --from p.json -o q.json --for vllm --engine-output q.json",
      says: own("--engine-output", "q.json", "--output"),
    },
    {
      args: "compare t.jsonl --report s.html --svg s.html/pics",
      says: apart("--svg", "s.html/pics", "--report s.html"),
    },
    {
      args: "compare t.jsonl --report pics/solvers.svg --svg pics",
      says: apart("--svg", "pics", "--report pics/solvers.svg"),
    },
    { args: "place t.jsonl --from p.json --moves t.jsonl", says: input("t.jsonl") },
    { args: "place t.jsonl --checkpoint here/t.jsonl", says: input("here/t.jsonl") },
    { args: "export p.json --to csv --trace t.jsonl -o t.jsonl", says: input("t.jsonl") },
    {
      args: "watch --input pics --from p.json -o q.json --for vllm --engine-output p.json",
      says: input("p.json"),
    },
  ];
  for (const { args, says } of cases) {
    it(`are refused before anything is done: ${args}`, async () => {
      const words = args.split(" ");
      const force = words[0] === "watch" ? [] : ["--force"];
      const files = place.files();
      const { exitCode, stdout, stderr } = await place.run(...words, ...force);
      expect({ exitCode, stdout, stderr }).to.deep.equal({ exitCode: 2, stdout: "", stderr: says });
      expect(place.files()).to.deep.equal(files);
    });
  }

  it("may be devices, and a page beside the pictures of a folder", async () => {
    const args = ["compare", "t.jsonl", "--chiplets", "4", "--solver", "contiguous", "random", "--force"];
    const { exitCode, stderr } = await place.run(...args, "--report", "pics/s.html", "--svg", "pics");
    expect({ exitCode, stderr: stderr.includes("this is a bug") }).to.deep.equal({
      exitCode: 0,
      stderr: false,
    });
    const running = ["place", "t.jsonl", "--from", "p.json", "--solver", "contiguous"];
    const written = await place.run(...running, "-o", "/dev/null", "--moves", "/dev/null");
    expect(written.exitCode, written.stderr).to.equal(0);
  });

  it("are known of every option that takes one", () => {
    const known = [...WRITTEN, ...READ, "--input", "--queue"];
    const commands = createProgram(() => undefined).commands;
    const takesFiles = commands.flatMap(({ options }) =>
      options.filter(({ flags }) => /<[^>]*(file|folder|placement|trace|\.json)/.test(flags)),
    );
    for (const { long, flags } of takesFiles) expect(known, flags).to.include(long);
    const written = commands.flatMap(({ options }) =>
      options.filter(
        ({ description, flags }) =>
          flags.includes("<file") &&
          /^(write|keep)|to write|loads$/.test(description) &&
          flags !== "--trace <file...>",
      ),
    );
    for (const { long, flags } of written) expect(WRITTEN, flags).to.include(long);
    expect([...new Set(written.map(({ long }) => long))].sort()).to.deep.equal([...WRITTEN].sort());
  });
});
