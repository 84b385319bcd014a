import { Command } from "commander";
import { InputError } from "../../index.js";
import { counted } from "../../doors/report.js";
import { writeBinaryTrace, writeJsonLines } from "../../doors/traces.js";
import { loadTrace } from "../load-trace.js";
import {
  addForceOption,
  addTerminalOptions,
  addTraceOptions,
  type FileCommandOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { openTerminal } from "../terminal.js";

interface ConvertOptions extends FileCommandOptions, TraceOptions {
  readonly output: string;
}

export function convertCommand(): Command {
  const command = new Command("convert")
    .summary("turn traces of any format into one moeplace trace")
    .description(
      "Reads traces of any known format, found by content, and writes them as one trace: as JSON Lines, which anything " +
        "reads, or as moeplace binary, which moeplace reads ten times faster.",
    )
    .argument("<trace...>", "trace files or folders, read as one trace")
    .requiredOption("-o, --output <file>", "trace to write: .jsonl or .moeplace, with .gz to compress it");
  addTraceOptions(command);
  return addTerminalOptions(addForceOption(command))
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace convert routes/ -o trace.jsonl.gz\n  moeplace convert trace.jsonl.gz -o trace.moeplace",
    )
    .action(async (paths: string[], options: ConvertOptions) => {
      const terminal = openTerminal(options);
      const { output } = options;
      const write = writerFor(output);
      checkOutput(output, options);
      const { trace, report } = await loadTrace(paths, options, terminal);
      const gzip = output.endsWith(".gz");
      await writeOutput(output, write(trace), { ...options, gzip });
      const { model = null, layers, numExperts, topK } = trace;
      terminal.printJson({
        file: output,
        model,
        numExperts,
        topK,
        sampledOneIn: trace.sampledOneIn ?? 1,
        sources: report.sources,
        layers: layers.map(({ layer, numTokens }) => ({ layer, tokens: numTokens })),
      });
      terminal.print(
        `wrote ${output}: ${counted(layers.length, "MoE layer")}, ${numExperts} experts, top-${topK}`,
      );
    });
}

/** The ending of the file tells the format. */
function writerFor(path: string): typeof writeJsonLines | typeof writeBinaryTrace {
  if (/\.jsonl(\.gz)?$/.test(path)) return writeJsonLines;
  if (/\.moeplace(\.gz)?$/.test(path)) return writeBinaryTrace;
  throw new InputError(
    `--output: found ${path}, expected a name that ends in .jsonl, .jsonl.gz, .moeplace or .moeplace.gz`,
  );
}
