import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { completionScript, SHELLS } from "../../cli/completion.js";
import { wrapLines } from "../../cli/help.js";
import { Command } from "commander";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("moeplace report, hardware, completion and help", () => {
  let place: Workplace;

  before(async () => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
    place.write("other.jsonl", traceText(sampleTrace({ numTokens: 150 })));
    const args = ["--chiplets", "4", "--groups", "2", "--holdout", "0.25"];
    await place.run(
      "place",
      "trace.jsonl",
      "--solver",
      "louvain",
      "--objective",
      "traffic",
      ...args,
      "-o",
      "p.json",
    );
  });

  after(() => {
    place.remove();
  });

  it("report shows a placement beside the contiguous one, judged as its file says, with what it proves for its own tokens", async () => {
    const { exitCode, stderr, stdout } = await place.run("report", "trace.jsonl", "p.json", "-o", "p.html");
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.equal("wrote p.html\n");
    const page = place.read("p.html");
    expect(page).to.match(
      /<p class="headline">&#34;p&#34; makes [\d.]+ % fewer token copies than contiguous on held-out tokens/,
    );
    expect(page).to.contain('<tr data-solver="contiguous"').and.to.contain('<tr data-solver="p"');
    expect(page).to.contain("moeplace report trace.jsonl p.json -o p.html");
    await place.run("report", "other.jsonl", "p.json", "-o", "other.html");
    expect(place.read("other.html")).to.not.contain("gap in C_T");
  });

  it("report writes every picture with its data into a folder", async () => {
    const args = ["report", "trace.jsonl", "p.json", "-o", "s.html", "--svg", "figures"];
    const { exitCode, stderr } = await place.run(...args);
    expect(exitCode, stderr).to.equal(0);
    for (const name of [
      "solvers",
      "trade-off",
      "layers",
      "loads",
      "floor-plan",
      "coactivation-before",
      "coactivation-after",
    ]) {
      expect(place.read(`figures/${name}.svg`)).to.match(/^<svg [^>]*xmlns=[^>]*aria-label="[^"]+"/);
      expect(place.read(`figures/${name}.csv`).trim().split("\n").length).to.be.greaterThan(2);
    }
    expect(place.read("figures/floor-plan.csv")).to.match(/^chiplet,load,linkBusy,experts\n0,/);
    const again = await place.run(...args.with(4, "t.html"));
    expect(again.exitCode).to.equal(2);
    expect(again.stderr).to.contain("figures/solvers.svg: found a file");
  });

  it("report places by every solver where no placement is given, as compare does", async () => {
    const args = [
      "report",
      "trace.jsonl",
      "--model",
      "olmoe-1b-7b",
      "--hardware",
      "small.json",
      "-o",
      "q.html",
    ];
    const { stdout: machine } = await place.run(
      "hardware",
      "mozart-deepseek",
      "--chiplets",
      "4",
      "--groups",
      "2",
    );
    place.write("small.json", machine);
    const { exitCode, stderr, stdout } = await place.run(...args, "--svg", "placed", "--png");
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.equal("wrote q.html\n");
    const page = place.read("q.html");
    for (const solver of ["contiguous", "eplb-global", "mozart"])
      expect(page).to.contain(`<tr data-solver="${solver}"`);
    expect(page).to.contain("held out");
    for (const name of ["time", "energy", "schedule-step", "schedule-layer", "batches"]) {
      expect(place.read(`placed/${name}.svg`)).to.match(/^<svg [^>]*role="img"/);
      expect(place.read(`placed/${name}.csv`).split("\n").length).to.be.greaterThan(3);
      expect([...place.readBytes(`placed/${name}.png`).subarray(1, 4)]).to.deep.equal([80, 78, 71]);
    }
    expect(place.read("placed/schedule-step.csv")).to.match(/^resource,kind,task,startNs,endNs\n/);
  });

  it("report draws no PNG without a place for it", async () => {
    const { exitCode, stderr } = await place.run("report", "trace.jsonl", "p.json", "-o", "n.html", "--png");
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain("--png: found no --svg, expected where the pictures are to be");
  });

  it("hardware prints a machine that --hardware takes back", async () => {
    const { stdout } = await place.run("hardware", "mozart-deepseek", "--chiplets", "4", "--groups", "2");
    place.write("wafer.json", stdout);
    const args = ["evaluate", "trace.jsonl", "p.json"];
    const own = await place.runJson(...args, "--hardware", "wafer.json");
    expect(own).to.deep.equal(await place.runJson(...args, "--hardware", "mozart-deepseek"));
    expect((await place.run("hardware")).stdout).to.match(/^machine .*\n[^]*^h100-8x8 +8 +64 /m);
  });

  for (const shell of SHELLS) {
    it(`completion ${shell} knows every command and its options`, async () => {
      const { stdout, exitCode } = await place.run("completion", shell);
      expect(exitCode).to.equal(0);
      for (const word of ["inspect", "place", "compare", "report", "completion"])
        expect(stdout).to.contain(word);
      expect(stdout).to.match(
        shell === "fish"
          ? /-l objective -x -a 'traffic balance time'/
          : /--objective\) COMPREPLY=.*"traffic balance time"/,
      );
    });
  }

  it("completes commands, options and values in bash", function () {
    if (spawnSync("bash", ["--version"]).status !== 0) this.skip();
    const program = new Command("tool");
    program
      .command("place")
      .summary("places")
      .option("--solver <name>", "solver: one, two")
      .option("--seed <n>", "seed");
    const complete = (...words: string[]) => {
      const script = `${completionScript(program, "bash")}\nCOMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _tool; echo "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", script], { encoding: "utf8" }).stdout.trim();
    };
    expect(complete("tool", "pl")).to.equal("place");
    expect(complete("tool", "place", "--se")).to.equal("--seed");
    expect(complete("tool", "place", "--solver", "t")).to.equal("two");
  });

  it("help is no wider than the terminal, and shows first what most people need", async () => {
    const { COLUMNS } = process.env;
    for (const width of [40, 60, 100]) {
      process.env.COLUMNS = String(width);
      for (const command of ["place", "compare", "schedule", "report"]) {
        const { stdout } = await place.run(command, "--help");
        // What has no space cannot be broken.
        const wide = stdout.split("\n").filter((line) => line.length > width && line.trim().includes(" "));
        expect(wide, `${command} at ${width}`).to.deep.equal([]);
      }
    }
    if (COLUMNS === undefined) delete process.env.COLUMNS;
    else process.env.COLUMNS = COLUMNS;
    const { stdout } = await place.run("place", "--help");
    expect(stdout.match(/^[A-Z][\w ]+:$/gm)?.slice(0, 3)).to.deep.equal([
      "Solvers:",
      "Arguments:",
      "Most used:",
    ]);
  });
});

describe("wrapLines", () => {
  it("puts what does not fit under the second column", () => {
    expect(wrapLines("  solver  what it does", 20)).to.equal("  solver  what it\n          does");
    expect(wrapLines("short\none two three", 8)).to.equal("short\none two\nthree");
  });
});
