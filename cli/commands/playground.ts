import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { addForceOption, addTerminalOptions, type FileCommandOptions } from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { readText } from "../read-files.js";
import { openTerminal } from "../terminal.js";

interface PlaygroundOptions extends FileCommandOptions {
  readonly output: string;
}

/** Built beside the program. */
const PAGE = fileURLToPath(new URL("../../playground.html", import.meta.url));

export function playgroundCommand(): Command {
  const command = new Command("playground")
    .summary("a page to place in: drop a trace, watch, download")
    .description(
      "Writes one HTML page with all of moeplace in it, which needs no network: drop a trace on it, choose machine and objective, watch " +
        "incumbent and bound converge, and download the placement.",
    )
    .requiredOption("-o, --output <file.html>", "page to write");
  return addTerminalOptions(addForceOption(command))
    .addHelpText("after", "\nExample:\n  moeplace playground -o play.html")
    .action(async (options: PlaygroundOptions) => {
      const { output } = options;
      checkOutput(output, options);
      if (!existsSync(PAGE)) throw new Error("the page is not built: npm run build");
      const page = readText(PAGE);
      await writeOutput(output, page, options);
      const terminal = openTerminal(options);
      terminal.printJson({ file: output, bytes: Buffer.byteLength(page) });
      terminal.print(`wrote ${output}: open it in a browser`);
    });
}
