import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { FuzzJob, FuzzReport } from "./fuzz-child.js";

/** A file that was not read as files are to be read. */
export interface FuzzFailure {
  readonly family: string;
  readonly index: number;
  /** `crash`: anything but an InputError; `hang`, `killed`: no answer, or none in time; `memory`: more than 512 MiB; `leak`: a file left open. */
  readonly kind: "crash" | "hang" | "killed" | "memory" | "leak";
  readonly error: string;
}

/** How the files of a family were read. */
export interface FuzzResult {
  readonly read: number;
  readonly refused: number;
  readonly failures: readonly FuzzFailure[];
}

/**
 * A file of some kilobytes that takes longer is not read in any useful time. A process that hangs can only be killed.
 * Counted in processor time: where others keep the machine busy, a sound file may wait for longer than that.
 */
const HANG_MS = 20_000;
/** A process that computes nothing for so long waits for what never comes. */
const DEADLOCK_MS = 300_000;

/** Files between two looks at what they left open, and how much memory they took. */
const BLOCK = 64;

/**
 * Reads so many mutated files of a family in a process of its own, which may hang, crash or run out of memory.
 *
 * @param inputs Files to read; number 0 is not mutated.
 * @param isDirect Whether they are opened without threads: several times as many in the same time.
 */
export async function runFuzz(
  family: string,
  {
    inputs,
    seed,
    from = 0,
    isDirect = false,
  }: { inputs: number; seed: number; from?: number; isDirect?: boolean },
): Promise<FuzzResult> {
  const failures: FuzzFailure[] = [];
  const to = from + inputs;
  let read = 0;
  let refused = 0;
  // Up to there the files of a block that ended the process are read again, one by one, to tell which of them did.
  let singlyTo = from;
  for (let next = from; next < to;) {
    const block = next < singlyTo ? 1 : BLOCK;
    const job = { family, seed, from: next, to: next < singlyTo ? singlyTo : to, block, isDirect };
    const ended = await runChild(job, failures);
    read += ended.read;
    refused += ended.refused;
    next = ended.next;
    if (ended.isUnclear) singlyTo = Math.min(to, next + BLOCK);
  }
  return { read, refused, failures };
}

/** Processes that ended well, kept because a start takes longer than most families. They keep nothing alive. */
const idle: ChildProcess[] = [];

function openChild(): ChildProcess {
  const child =
    idle.pop() ??
    fork(new URL("./fuzz-child.js", import.meta.url), { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  child.ref();
  child.channel?.ref();
  return child;
}

function closeChild(child: ChildProcess, isSound: boolean): void {
  child.removeAllListeners();
  child.stderr?.removeAllListeners("data");
  if (!isSound) {
    child.kill("SIGKILL");
    return;
  }
  child.unref();
  child.channel?.unref();
  (child.stderr as Socket | null)?.unref();
  idle.push(child);
}

/** How far a process came. */
interface Ended {
  readonly read: number;
  readonly refused: number;
  /** The number to go on with. */
  readonly next: number;
  /** Whether one of the files from there on ended the process, and nothing tells which. */
  readonly isUnclear: boolean;
}

function runChild(job: FuzzJob, failures: FuzzFailure[]): Promise<Ended> {
  const child = openChild();
  const errors = stderrOf(child);
  let last = { index: job.from, read: 0, refused: 0, processorMs: 0 };
  const crashes: FuzzFailure[] = [];
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout;
    const watch = () => {
      clearInterval(timer);
      const begun = performance.now();
      timer = setInterval(() => {
        const waitedMs = performance.now() - begun;
        const usedMs = (processorMs(child) ?? last.processorMs + waitedMs) - last.processorMs;
        if (usedMs < HANG_MS && waitedMs < DEADLOCK_MS) return;
        const seconds = [usedMs, waitedMs].map((ms) => Math.round(ms / 1000));
        end({
          kind: "hang",
          error: `no answer in ${seconds[0]} s of processor time, ${seconds[1]} s in all`,
        });
      }, HANG_MS / 4);
    };
    const end = (failure?: Pick<FuzzFailure, "kind" | "error">) => {
      clearInterval(timer);
      closeChild(child, failure === undefined);
      const { index, read, refused } = last;
      const isUnclear = failure !== undefined && job.block > 1;
      // What such a block told is told again when its files are read one by one.
      failures.push(...crashes.filter((crash) => !isUnclear || crash.index < index));
      if (failure && !isUnclear) failures.push({ family: job.family, index, ...failure });
      const next = failure && !isUnclear ? index + 1 : index;
      resolve({ read, refused, next, isUnclear });
    };
    child.on("message", (report: FuzzReport) => {
      watch();
      if ("read" in report) last = report;
      else crashes.push({ family: job.family, ...report });
      if (report.kind === "done") end();
    });
    child.on("exit", (code, signal) => {
      end({ kind: "killed", error: `exit ${code ?? signal ?? "unknown"}: ${errors().slice(-2000)}` });
    });
    watch();
    child.send(job);
  });
}

/** Processor time of a process, where the system tells. */
function processorMs({ pid = 0 }: ChildProcess): number | undefined {
  try {
    // Behind the name, which may hold anything, fields 14 and 15 count ticks. Source: proc_pid_stat(5).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (1000 / TICKS_PER_SECOND) * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return undefined;
  }
}

const TICKS_PER_SECOND = 100;

function stderrOf({ stderr }: ChildProcess): () => string {
  let text = "";
  stderr?.on("data", (chunk: Buffer) => (text = (text + chunk.toString()).slice(-20_000)));
  return () => text;
}
