import { Command } from "commander";
import {
  balanceLoads,
  beyondTables,
  type BeyondInput,
  cellText,
  fitTables,
  paperTables,
  type PaperTable,
} from "../../doors/paper.js";
import { requireSolver } from "../../doors/solvers.js";
import { loadTrace } from "../load-trace.js";
import { addTerminalOptions, integerOption } from "../options.js";
import { openRunner } from "../solver-runner.js";
import { formatTable, openTerminal, type Terminal, type TerminalOptions } from "../terminal.js";

interface PaperOptions extends TerminalOptions {
  readonly fit?: boolean;
  readonly threads?: number;
}

export function paperCommand(): Command {
  const command = new Command("paper")
    .summary("the tables of the Mozart paper, printed and modelled")
    .description(
      "Prints the figures of the Mozart paper (arXiv:2603.07006) beside those of the model, and which of them were fitted.\n" +
        "With recordings of DeepSeek-V2-Lite, one file a task, also what placements of their tokens are worth on the\n" +
        "paper's machines.",
    )
    .argument("[trace...]", "recordings of 64 experts, top-6, each a task of its own")
    .option("--fit", "fit the constants of the calibrated machines again (takes some minutes)")
    .addOption(integerOption("--threads <n>", "worker threads, a layer each (default: one a core)", 1));
  return addTerminalOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace paper\n  moeplace paper esft-law.jsonl.gz esft-intent.jsonl.gz",
    )
    .action(async (paths: string[], options: PaperOptions) => {
      const terminal = openTerminal(options);
      // First of all: a file that is wrong is told of before anything is computed.
      const tasks = [];
      for (const path of paths)
        tasks.push({ name: path, trace: (await loadTrace([path], {}, terminal)).trace });
      const beyond = tasks.length === 0 ? [] : await placeTasks(tasks, { options, terminal });
      const tables = [...(options.fit ? fitTables() : paperTables()), ...beyond];
      terminal.printJson({ tables: tables.map(tableData) });
      printTables(tables, terminal);
    });
}

async function placeTasks(
  tasks: BeyondInput["tasks"],
  { options, terminal }: { options: PaperOptions; terminal: Terminal },
): Promise<PaperTable[]> {
  const runner = await openRunner(options, terminal, () => ({}));
  const solverOf = (name: string) => runner.run(requireSolver(name));
  return beyondTables({ tasks, solverOf, balanceLoads }).finally(() => runner.close());
}

function tableData({ title, columns, rows, note }: PaperTable) {
  return { title: title ?? null, columns: columns.map(({ name }) => name), rows, note: note ?? null };
}

function printTables(tables: readonly PaperTable[], terminal: Terminal): void {
  for (const [index, { title, columns, rows, note }] of tables.entries()) {
    const heading = title === undefined ? "" : `${title}\n\n`;
    const table = formatTable(
      columns.map(({ name }) => name),
      rows.map((row) => row.map(cellText)),
    );
    terminal.print(`${index === 0 ? "" : "\n"}${heading}${table}${note === undefined ? "" : `\n\n${note}`}`);
  }
}
