import { Command } from "commander";
import { writeJsonLines } from "../../index.js";
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
    .description("Reads traces of any known format, found by content, and writes them as one trace.")
    .argument("<trace...>", "trace files or folders, read as one trace")
    .requiredOption("-o, --output <file>", "trace to write: .jsonl, or .jsonl.gz to compress it");
  addTraceOptions(command);
  return addTerminalOptions(addForceOption(command))
    .addHelpText("after", "\nExample:\n  moeplace convert routes/ -o trace.jsonl.gz")
    .action(async (paths: string[], options: ConvertOptions) => {
      const terminal = openTerminal(options);
      const { output } = options;
      checkOutput(output, options);
      const { trace, report } = await loadTrace(paths, options, terminal);
      const gzip = output.endsWith(".gz");
      await writeOutput(output, writeJsonLines(trace), { ...options, gzip });
      const { model = null, layers, numExperts, topK } = trace;
      terminal.printJson({
        file: output,
        model,
        numExperts,
        topK,
        sources: report.sources,
        layers: layers.map(({ layer, numTokens }) => ({ layer, tokens: numTokens })),
      });
      terminal.print(`wrote ${output}: ${layers.length} MoE layers, ${numExperts} experts, top-${topK}`);
    });
}
