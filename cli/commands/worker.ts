import { availableParallelism } from "node:os";
import { Command } from "commander";
import { openQueueWorker } from "../../doors/queue.js";
import { readBuild } from "../../doors/flows.js";
import { addTerminalOptions, integerOption } from "../options.js";
import { addQueueOption, QUEUE_PASSWORD } from "../solver-runner.js";
import { openTerminal, type TerminalOptions } from "../terminal.js";

interface WorkerOptions extends TerminalOptions {
  readonly queue: string;
  readonly threads?: number;
}

export function workerCommand(): Command {
  const command = new Command("worker")
    .summary("solve layers that other machines hand to a queue")
    .description(
      "Takes layers from the queue of a Redis, solves them and hands the answers back, until it is interrupted: it then ends\n" +
        "what it is at; a second Ctrl-C quits at once, and others do it. docs/scaling.md tells how to run many.",
    );
  addQueueOption(command, true).addOption(
    integerOption("--threads <n>", "layers solved at once (default: one a core)", 1),
  );
  return addTerminalOptions(command)
    .addHelpText("after", "\nExample:\n  moeplace worker --queue redis://queue.example:6379 --threads 8")
    .action(async (options: WorkerOptions) => {
      const terminal = openTerminal(options);
      const worker = await openQueueWorker(options.queue, {
        version: readBuild(),
        password: process.env[QUEUE_PASSWORD],
        numThreads: options.threads ?? availableParallelism(),
        onNote: (line) => {
          terminal.note(line);
        },
        onJob: (line) => {
          terminal.note(line);
        },
      });
      await new Promise<void>((resolve) => {
        process.once("SIGINT", resolve);
        process.once("SIGTERM", resolve);
      });
      terminal.note("ends with the layers it is at; press Ctrl-C again to leave them to others");
      await worker.close();
    });
}
