/** `npm run readme`: runs every command that README.md shows, in order, and puts what it prints below it. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Longer outputs are shown by their beginning and their end. */
const MOST_LINES = 22;
const FIRST_LINES = 8;
const LAST_LINES = 6;

const cli = resolve("dist/cli.js");
const folder = mkdtempSync(join(tmpdir(), "moeplace-"));
const text = readFileSync("README.md", "utf8").replace(
  /```console\n([^]*?)```/g,
  (_, block: string) =>
    `\`\`\`console\n${
      block
        .match(/^\$ .*$/gm)
        ?.map(run)
        .join("\n") ?? ""
    }\`\`\``,
);
// The picture is made by one of the commands, and shown from docs/.
cpSync(join(folder, "comparison.svg"), "docs/comparison.svg");
rmSync(folder, { recursive: true });
writeFileSync("README.md", text);
console.log("wrote README.md and docs/comparison.svg");

function run(line: string): string {
  console.log(line);
  const args = line.replace(/^\$ npx moeplace\s*/, "").split(/\s+/);
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${line} ended with exit code ${status ?? "none"}: ${stderr}`);
  const lines = `${stderr}${stdout}`.trimEnd().split("\n");
  const shown =
    lines.length <= MOST_LINES ? lines : [...lines.slice(0, FIRST_LINES), "...", ...lines.slice(-LAST_LINES)];
  return `${line}\n${shown.join("\n")}\n`;
}
