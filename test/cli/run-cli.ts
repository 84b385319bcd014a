import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../cli.js", import.meta.url));

/** The environment without colours, which CI systems ask for even where no terminal reads them. */
const plain: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: "1" };
delete plain.FORCE_COLOR;

/** How a command line ended, and what it said. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder in which command lines are run as a user would run them. */
export interface Workplace {
  run(...args: string[]): Promise<CliResult>;
  /** Runs and parses what --json prints. */
  runJson(...args: string[]): Promise<unknown>;
  write(name: string, content: string | Uint8Array): void;
  read(name: string): string;
  readBytes(name: string): Buffer;
  /** Names of all files, in order. */
  files(): string[];
  remove(): void;
}

export function openWorkplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), "moeplace-"));
  const run = (...args: string[]) =>
    new Promise<CliResult>((resolve) => {
      const child = execFile(
        process.execPath,
        [cli, ...args],
        { cwd: folder, env: plain },
        (_, stdout, stderr) => {
          resolve({ exitCode: child.exitCode, stdout, stderr });
        },
      );
    });
  return {
    run,
    async runJson(...args) {
      const { exitCode, stdout, stderr } = await run(...args, "--json");
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
    write(name, content) {
      writeFileSync(join(folder, name), content);
    },
    read: (name) => readFileSync(join(folder, name), "utf8"),
    readBytes: (name) => readFileSync(join(folder, name)),
    files: () => readdirSync(folder).sort(),
    remove() {
      rmSync(folder, { recursive: true });
    },
  };
}
