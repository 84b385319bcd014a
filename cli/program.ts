import { Command, CommanderError } from "commander";
import { InputError } from "../index.js";
import { readVersion } from "../doors/flows.js";
import { calibrateCommand } from "./commands/calibrate.js";
import { compareCommand } from "./commands/compare.js";
import { convertCommand } from "./commands/convert.js";
import { completionCommand } from "./commands/completion.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { exportCommand } from "./commands/export.js";
import { hardwareCommand } from "./commands/hardware.js";
import { importCommand } from "./commands/import.js";
import { inspectCommand } from "./commands/inspect.js";
import { paperCommand } from "./commands/paper.js";
import { placeCommand } from "./commands/place.js";
import { playgroundCommand } from "./commands/playground.js";
import { reportCommand } from "./commands/report.js";
import { scheduleCommand } from "./commands/schedule.js";
import { sweepCommand } from "./commands/sweep.js";
import { synthCommand } from "./commands/synth.js";
import { verifyCommand } from "./commands/verify.js";
import { watchCommand } from "./commands/watch.js";
import { workerCommand } from "./commands/worker.js";
import { addConfigOption, withConfig } from "./config.js";
import { checkDistinctFiles } from "./distinct-files.js";
import { EXIT } from "./exit-code.js";
import { withFlags } from "./field-flags.js";
import { groupOptions, helpWidth, wrapLines } from "./help.js";

/**
 * Runs one command line and says how it ended.
 *
 * @param args Arguments after `moeplace`.
 * @returns An exit code, one of {@link EXIT}.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    const words = args.length > 0 ? await withConfig(args, program) : ["--help"];
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    return reportFailure(error);
  }
}

/**
 * The commands with their options.
 *
 * @param end Told by a command that ends with anything but success.
 */
export function createProgram(end: (exitCode: number) => void): Command {
  const program = new Command("moeplace")
    .description(
      "Places the experts of Mixture-of-Experts models on chiplets or GPUs so that the fewest bytes move in the least " +
        "time, and proves how far from the best possible the placement is.",
    )
    .version(readVersion(), "-v, --version")
    .addHelpText("after", `\n${EXAMPLES}`);
  const commands = [
    inspectCommand(),
    synthCommand(),
    placeCommand(end),
    compareCommand(end),
    sweepCommand(end),
    workerCommand(),
    watchCommand(),
    evaluateCommand(),
    scheduleCommand(),
    reportCommand(),
    exportCommand(),
    importCommand(),
    verifyCommand(end),
    convertCommand(),
    calibrateCommand(),
    hardwareCommand(),
    paperCommand(),
    playgroundCommand(),
    completionCommand(),
  ];
  for (const command of commands) {
    addConfigOption(command);
    program.addCommand(command);
  }
  program.hook("preAction", (_, command) => {
    checkDistinctFiles(command);
  });
  for (const command of [program, ...program.commands]) {
    groupOptions(command);
    command
      .exitOverride()
      .configureOutput({
        outputError: printUsageError,
        getOutHelpWidth: helpWidth,
        writeOut: (text) => process.stdout.write(wrapLines(text, helpWidth())),
      })
      .showSuggestionAfterError();
  }
  return program;
}

const EXAMPLES = `Examples:
  moeplace compare                                    all solvers side by side
  moeplace place trace.jsonl.gz -o p.json             place a model
  moeplace evaluate other.jsonl.gz p.json             judge it on other tokens
  moeplace export p.json --to sglang -o experts.json  hand it to an engine

Exit codes: 0 done, 1 a bug in moeplace, 2 bad input, 3 infeasible,
4 stopped before anything was found, 130 interrupted.
"moeplace COMMAND --help" tells the options of a command.`;

/** Commander's own complaints, in the form of all others. */
function printUsageError(message: string, write: (text: string) => void): void {
  write(
    message
      .replace(/^error: /, "moeplace: ")
      .replace(/\(Did you mean (one of )?(.*)\?\)/, (_, several, names: string) =>
        several ? `Maybe you mean one of ${names}.` : `Maybe you mean ${names}.`,
      ),
  );
}

function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
  if (error instanceof InputError) {
    const lines = [error.message, ...(error.advice === undefined ? [] : [error.advice])];
    process.stderr.write(lines.map((line) => `${withFlags(line)}\n`).join(""));
    return EXIT.badInput;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`moeplace: this is a bug in moeplace, not in your input\n${stack}\n`);
  return EXIT.bug;
}
