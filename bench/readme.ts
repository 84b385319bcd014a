/**
 * `npm run readme`: runs every command that README.md shows, in order, and puts what it prints below it. With `--check` it writes
 * nothing, and ends with an error where an output is another one, but for the seconds that were taken.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Longer outputs are shown by their beginning and their end. */
const MOST_LINES = 40;
const FIRST_LINES = 10;
const LAST_LINES = 19;
/** What a log hears while solvers are at work, which depends on how fast the machine is. */
const PROGRESS = /^\S+: \d+ of \d+ layers, /;

const cli = resolve("dist/cli.js");
const folder = mkdtempSync(join(tmpdir(), "moeplace-"));
const readme = readFileSync("README.md", "utf8");
const commands = readme.replace(
  /```console\n([^]*?)```/g,
  (_, block: string) =>
    `\`\`\`console\n${
      block
        .match(/^\$ .*$/gm)
        ?.map(run)
        .join("\n") ?? ""
    }\`\`\``,
);
// The program is run where its package has its name, on the trace of the tour.
const text = commands.replace(
  /(```js\n([^]*?)```[^]*?```text\n)[^]*?```/,
  (_, before: string, program: string) => `${before}${runProgram(program)}\`\`\``,
);
const picture = readFileSync(join(folder, "comparison.svg"), "utf8");
rmSync(folder, { recursive: true });
if (process.argv.includes("--check")) check();
else {
  writeFileSync("README.md", text);
  // The picture is made by one of the commands, and shown from docs/.
  writeFileSync("docs/comparison.svg", picture);
  console.log("wrote README.md and docs/comparison.svg");
}

function runProgram(program: string): string {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", program.replace("trace.jsonl.gz", join(folder, "trace.jsonl.gz"))],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the program of README.md: ${stderr}`);
  return stdout;
}

function check(): void {
  const [before, after] = [readme, text].map((found) => withoutSeconds(found.split("\n")));
  const changed = before.flatMap((line, index) => (line === after[index] ? [] : [index]));
  for (const index of changed.slice(0, 10)) {
    console.error(
      `README.md:${index + 1}: shows ${before[index]}\n  the command prints ${after[index] ?? ""}`,
    );
  }
  const isOther = readFileSync("docs/comparison.svg", "utf8") !== picture;
  if (isOther) console.error("docs/comparison.svg: the command draws another picture");
  if (changed.length === 0 && before.length === after.length && !isOther) {
    console.log("README.md shows what its commands print");
    return;
  }
  console.error('Maybe run "npm run readme", and look at what changed.');
  process.exitCode = 1;
}

/** How long solvers take differs from run to run: after "in", and in the last column of the comparison. */
function withoutSeconds(lines: readonly string[]): string[] {
  let isTimed = false;
  return lines.map((line) => {
    isTimed = / seconds$/.test(line) || (isTimed && line !== "");
    return isTimed ? line.replace(/ +(seconds|[\d.]+)$/, "") : line.replace(/ in [\d.]+ s$/, " in ... s");
  });
}

function run(line: string): string {
  console.log(line);
  const args = line.replace(/^\$ npx moeplace\s*/, "").split(/\s+/);
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: "utf8",
    // A page has no colours, whatever the terminal or CI asks for.
    env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${line} ended with exit code ${status ?? "none"}: ${stderr}`);
  const lines = `${stderr}${stdout}`
    .trimEnd()
    .split("\n")
    .filter((printed) => !PROGRESS.test(printed));
  const shown =
    lines.length <= MOST_LINES ? lines : [...lines.slice(0, FIRST_LINES), "...", ...lines.slice(-LAST_LINES)];
  return `${line}\n${shown.join("\n")}\n`;
}
