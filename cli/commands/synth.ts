import { Command } from "commander";
import { counted } from "../../doors/report.js";
import { synthesizeTrace, syntheticPresets, writeJsonLines } from "../../doors/traces.js";
import {
  addForceOption,
  addTerminalOptions,
  choiceOption,
  integerOption,
  type FileCommandOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { layerProgress, openTerminal } from "../terminal.js";

interface SynthOptions extends FileCommandOptions {
  readonly preset: string;
  readonly output: string;
  readonly seed: number;
  readonly tokens?: number;
  readonly layers?: number;
}

export function synthCommand(): Command {
  const command = new Command("synth")
    .summary("make a synthetic trace that resembles real ones")
    .description(
      "Makes a routing trace from a seed, with the sizes of a known model, skewed load and planted overlapping " +
        "communities, from which placement gains about what it gains on real traces.",
    )
    .addOption(
      choiceOption("--preset <name>", "model whose sizes to take", syntheticPresets).default(
        "deepseek-moe-16b",
      ),
    )
    .requiredOption("-o, --output <file>", "trace to write: .jsonl, or .jsonl.gz to compress it")
    .addOption(
      integerOption("--seed <n>", "seed of everything random", 0, Number.MAX_SAFE_INTEGER).default(1),
    )
    .addOption(integerOption("--tokens <n>", "tokens of every layer (default: 8192)", 1))
    .addOption(integerOption("--layers <n>", "make the first so many MoE layers (default: all)", 1));
  return addTerminalOptions(addForceOption(command))
    .addHelpText(
      "after",
      "\nExample:\n  moeplace synth --preset olmoe-1b-7b --tokens 20000 -o trace.jsonl.gz",
    )
    .action(async (options: SynthOptions) => {
      const terminal = openTerminal(options);
      const { output } = options;
      checkOutput(output, options);
      const trace = synthesizeTrace({ ...options, onLayer: layerProgress(terminal, "making") });
      terminal.progress(() => `writing ${output}`);
      await writeOutput(output, writeJsonLines(trace), { ...options, gzip: output.endsWith(".gz") });
      const { model = null, numExperts, topK, layers } = trace;
      const tokens = layers[0].numTokens;
      terminal.printJson({ file: output, model, numExperts, topK, numLayers: layers.length, tokens });
      terminal.print(
        `wrote ${output}: ${counted(layers.length, "MoE layer")} of ${counted(tokens, "token")}, ${numExperts} experts, top-${topK}`,
      );
    });
}
