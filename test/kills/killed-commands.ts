import { rmSync, watch } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../lib/random.js";
import { layersText } from "../cli/layers-to-place.js";
import { openWorkplace, type Workplace } from "../cli/run-cli.js";

/** A command that writes, which is killed. */
interface KilledCommand {
  readonly args: readonly string[];
  readonly outputs: readonly string[];
  /** Where it keeps what it has done. */
  readonly checkpoint?: string;
}

const GRID = "traces: [trace.jsonl]\nmachines: [{ chiplets: [2, 4], groups: 1 }]\nsolvers: [exact]\n";
const CHECKPOINT = "kept.jsonl";
const keeping = ["--threads", "1", "--checkpoint", CHECKPOINT];
const on = ["--chiplets", "4", "--groups", "2"];

/** Every command that writes files, by name. */
export const killedCommands: Readonly<Record<string, KilledCommand>> = {
  place: {
    args: ["place", "trace.jsonl", ...on, "--solver", "exact", ...keeping, "-o", "out.json"],
    outputs: ["out.json"],
    checkpoint: CHECKPOINT,
  },
  compare: {
    args: [
      "compare",
      "trace.jsonl",
      ...on,
      "--solver",
      "exact",
      "louvain",
      ...keeping,
      "--report",
      "out.html",
    ],
    outputs: ["out.html"],
    checkpoint: CHECKPOINT,
  },
  sweep: {
    args: ["sweep", "grid.yaml", ...keeping, "-o", "out.csv", "--report", "out.html"],
    outputs: ["out.csv", "out.html"],
    checkpoint: CHECKPOINT,
  },
  export: { args: ["export", "p.json", "--to", "csv", "-o", "out.csv"], outputs: ["out.csv"] },
  report: { args: ["report", "trace.jsonl", "p.json", "-o", "out.html"], outputs: ["out.html"] },
  convert: { args: ["convert", "trace.jsonl", "-o", "out.jsonl.gz"], outputs: ["out.jsonl.gz"] },
};

/** Reports hold the command line, so that it is always the same. */
const FORCE = "--force";
/** What outputs hold before. */
const EARLIER = "what an earlier run wrote";
/** Times a command is killed before it is let run to its end. */
const KILLS_IN_A_ROW = 3;
/** Changes in its folder that a command is killed at one of: its files begun, written to and renamed. */
const MOST_CHANGES = 12;
/** A command that takes so many times as long as it did before any kill hangs. */
const LONGEST_RUNS = 60;

/** What came of killing a command. */
export interface KillsResult {
  /** Kills that came before the end of a run. */
  readonly numKilled: number;
  /** What is not as it should be, a sentence each. */
  readonly faults: readonly string[];
}

/**
 * Kills a command with kill -9 at moments drawn at random, by the clock or by what it writes, and lets it run to its end after every few
 * of them.
 *
 * It is a fault where an output is neither what was there before nor whole, where more than temporary files are left behind, or any by
 * the run that came to its end, and where that wrote other bytes than one that nobody killed.
 */
export async function killAtRandom(
  command: KilledCommand,
  { kills, random }: { readonly kills: number; readonly random: Random },
): Promise<KillsResult> {
  const place = openWorkplace();
  const faults: string[] = [];
  let numKilled = 0;
  try {
    place.write("trace.jsonl", layersText(12));
    place.write("grid.yaml", GRID);
    await runToEnd(place, ["place", "trace.jsonl", ...on, "--solver", "contiguous", "-o", "p.json"]);
    const begun = performance.now();
    await place.start(...command.args, FORCE).ended;
    const runMs = performance.now() - begun;
    const whole = command.outputs.map((output) => place.readBytes(output));
    const known = place.files();
    const clean = () => {
      if (command.checkpoint !== undefined) rmSync(join(place.folder, command.checkpoint), { force: true });
      for (const output of command.outputs) place.write(output, EARLIER);
    };
    const check = (when: string, isEarlierFine: boolean) => {
      for (const [index, output] of command.outputs.entries()) {
        const bytes = place.readBytes(output);
        const isFine = bytes.equals(whole[index]) || (isEarlierFine && bytes.toString() === EARLIER);
        if (!isFine) faults.push(`${when}: ${output} holds ${bytes.length} bytes that no run writes`);
      }
      const stray = place.files().filter((name) => !known.includes(name));
      const kept = isEarlierFine ? stray.filter((name) => !/\.\d+\.tmp$/.test(name)) : stray;
      if (kept.length > 0) faults.push(`${when}: ${kept.join(", ")} left behind`);
    };
    for (let kill = 1; kill <= kills; kill++) {
      if (kill % KILLS_IN_A_ROW === 1) clean();
      const isKilled = await runAndKill(place, command.args, { random, runMs });
      numKilled += Number(isKilled);
      check(`kill ${kill}`, isKilled);
      if (kill % KILLS_IN_A_ROW !== 0 && kill < kills) continue;
      await runToEnd(place, [...command.args, FORCE]);
      check(`after kill ${kill}`, false);
    }
  } finally {
    place.remove();
  }
  return { faults, numKilled };
}

/** @throws Error where the command fails. */
async function runToEnd(place: Workplace, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await place.run(...args);
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: exit code ${exitCode}: ${stderr}`);
}

/** @returns Whether the kill came before the end. */
async function runAndKill(
  place: Workplace,
  args: readonly string[],
  { random, runMs }: { readonly random: Random; readonly runMs: number },
): Promise<boolean> {
  const { child, ended } = place.start(...args, FORCE);
  const kill = () => child.kill("SIGKILL");
  let changes = random.below(2) === 0 ? Infinity : 1 + random.below(MOST_CHANGES);
  const clock = setTimeout(kill, changes === Infinity ? random.next() * runMs : LONGEST_RUNS * runMs);
  const watcher = watch(place.folder, () => {
    if (--changes === 0) kill();
  });
  const { exitCode, stderr } = await ended;
  clearTimeout(clock);
  watcher.close();
  if (exitCode !== null && exitCode !== 0)
    throw new Error(`${args.join(" ")}: exit code ${exitCode}: ${stderr}`);
  return exitCode === null;
}
