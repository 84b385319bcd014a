/**
 * `npm run bench`: runs every `bench:` script in a process of its own and writes what they print to docs/benchmarks.md.
 *
 * `npm run bench -- paper network` runs these alone and leaves the other sections as they are, `npm run bench -- time -- --layers 1`
 * one with options of its own. Every section says of which commit, when and where it was measured.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

const FILE = "docs/benchmarks.md";

const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
const commands = new Map(
  Object.entries(scripts)
    .filter(([script]) => script.startsWith("bench:"))
    .map(([script, command]) => [script.slice("bench:".length), command]),
);
const [, , ...given] = process.argv;
const end = given.indexOf("--");
const wanted = end < 0 ? given : given.slice(0, end);
const options = end < 0 ? [] : given.slice(end + 1);
if (options.length > 0 && wanted.length !== 1) throw new Error("options are of one script: name it alone");
for (const name of wanted) if (!commands.has(name)) throw new Error(`found no script bench:${name}`);

/** Sections by name, each from its heading on. */
const sections = new Map(
  readFileSync(FILE, "utf8")
    .split(/^(?=# )/m)
    .map((section) => [/^# ([\w-]+)/.exec(section)?.[1], section.trimEnd()]),
);
for (const [name, command] of commands) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`bench:${name} ...`);
  const { stdout, status } = spawnSync(process.execPath, [...command.split(" ").slice(1), ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`bench:${name} ended with exit code ${status ?? "none"}`);
  sections.set(
    name,
    `# ${name}\n\n\`${["npm run bench:" + name, ...(options.length > 0 ? ["--", ...options] : [])].join(" ")}\` ${stamp()}\n\n${stdout.trim()}`,
  );
}
const head =
  "Written by `npm run bench`. Times are of the machine each section names; everything else is the same on any.";
const written = [...commands.keys()].flatMap((name) => sections.get(name) ?? []);
writeFileSync(FILE, `${[head, ...written].join("\n\n")}\n`);
console.log(`wrote ${FILE}`);

/** Commit, date, machine and Node of a measurement. */
function stamp(): string {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", "*.ts") === "" ? "" : " with changes";
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}`;
  return `at ${git("rev-parse", "--short", "HEAD")}${changed}, ${date}, on ${machine}`;
}
