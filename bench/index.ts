/** `npm run bench`: runs every `bench:` script in a process of its own and writes what they print to docs/benchmarks.md. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
const parts = Object.entries(scripts)
  .filter(([name]) => name.startsWith("bench:"))
  .map(([name, command]) => {
    console.log(`${name} ...`);
    const { stdout, status } = spawnSync(process.execPath, command.split(" ").slice(1), {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 2 ** 26,
    });
    if (status !== 0) throw new Error(`${name} ended with exit code ${status ?? "none"}`);
    return `# ${name.slice("bench:".length)}\n\n\`npm run ${name}\`\n\n${stdout.trim()}\n`;
  });
const machine = `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}`;
const head = `Written by \`npm run bench\` on ${machine}. Times are of this machine; everything else is the same on any.\n`;
writeFileSync("docs/benchmarks.md", [head, ...parts].join("\n"));
console.log("wrote docs/benchmarks.md");
