import { AsyncLocalStorage } from "node:async_hooks";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../cli/program.js";

/** How a command line ended, and what it said. */
export interface CliResult {
  /** Null where a signal ended the process. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder in which command lines are run as a user would run them. */
export interface Workplace {
  readonly folder: string;
  /** Runs a command line in this process, one at a time. */
  run(...args: string[]): Promise<CliResult>;
  /** Runs and parses what --json prints. */
  runJson(...args: string[]): Promise<unknown>;
  /** Starts a command line in a process of its own, for what only a process has: signals, pipes, its exit code. */
  start(...args: string[]): CliProcess;
  /** Starts one with more in its environment. */
  startWith(env: Record<string, string>, ...args: string[]): CliProcess;
  write(name: string, content: string | Uint8Array): void;
  read(name: string): string;
  readBytes(name: string): Buffer;
  /** Names of all files, in order. */
  files(): string[];
  remove(): void;
}

/** A command line that runs in a process of its own. */
export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
}

export function openWorkplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), "moeplace-"));
  const run = (...args: string[]) => runHere(args, folder);
  return {
    folder,
    run,
    async runJson(...args) {
      const { exitCode, stdout, stderr } = await run(...args, "--json");
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
    start: (...args) => startProcess(args, { folder }),
    startWith: (env, ...args) => startProcess(args, { folder, env }),
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

/** What the command line that is running has said. */
const said = new AsyncLocalStorage<{ stdout: string; stderr: string }>();

for (const name of ["stdout", "stderr"] as const) {
  const stream = process[name];
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]) => {
    const capture = said.getStore();
    if (capture === undefined) return write(...args);
    capture[name] += String(args[0]);
    return true;
  };
}
// Progress is for people, and nobody watches a captured stream.
process.stderr.isTTY = false;

let lastRun: Promise<unknown> = Promise.resolve();

/** Runs a command line after those before it: a process has one working directory. */
function runHere(args: readonly string[], folder: string): Promise<CliResult> {
  const result = lastRun.then(async () => {
    const output = { stdout: "", stderr: "" };
    const back = process.cwd();
    process.chdir(folder);
    try {
      const exitCode = await said.run(output, () => runProgram(args));
      return { exitCode, ...output };
    } finally {
      process.chdir(back);
    }
  });
  lastRun = result.catch(() => undefined);
  return result;
}

const cli = fileURLToPath(new URL("../../cli.js", import.meta.url));

function startProcess(
  args: readonly string[],
  { folder, env = {} }: { folder: string; env?: Record<string, string> },
): CliProcess {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, env: { ...process.env, ...env } });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
  }
  const ended = new Promise<CliResult>((resolve) => {
    child.on("close", (exitCode) => {
      resolve({ exitCode, ...output });
    });
  });
  return { child, ended };
}
