import { basename } from "node:path";
import { Command } from "commander";
import { InputError } from "../../index.js";
import { exportPlacement, findFormat, placementFormats, type ExportOptions } from "../../doors/placement.js";
import { createProblem } from "../../doors/problem.js";
import { collectPatterns, type RoutingTrace } from "../../doors/traces.js";
import { loadTrace } from "../load-trace.js";
import {
  addForceOption,
  addModelLayerOptions,
  addTerminalOptions,
  addTraceOptions,
  integerOption,
  type FileCommandOptions,
  type ModelLayerOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { readPlacement } from "../read-files.js";
import { withFlags } from "../field-flags.js";
import { openTerminal } from "../terminal.js";

interface ExportCommandOptions extends FileCommandOptions, TraceOptions, ModelLayerOptions {
  readonly to: string;
  readonly output: string;
  readonly fillEmpty?: boolean;
  readonly fillLayers?: boolean;
  readonly layer?: number;
  readonly trace?: string[];
  readonly engineVersion?: string;
}

export function exportCommand(): Command {
  const command = new Command("export")
    .summary("write a placement in the format an engine loads")
    .description(
      "Writes a placement in the format an engine, trainer or partitioner loads. The file is read back and compared\n" +
        `before it is written.\n\nFormats:\n${listFormats()}`,
    )
    .argument("<placement>", "placement file")
    .requiredOption("--to <format>", "format to write")
    .requiredOption("-o, --output <file>", "file to write")
    .option("--fill-empty", "fill empty slots with replicas of the busiest experts")
    .option("--fill-layers", "place the experts of MoE layers without placement in the order of their ids")
    .addOption(integerOption("--layer <n>", "write this layer alone, in formats that hold one placement"))
    .option("--engine-version <version>", "version of the engine; one that will not obey the file is refused")
    .option("--trace <file...>", "traces that tell which experts are busy, or the tokens to write");
  addModelLayerOptions(addTraceOptions(command));
  return addTerminalOptions(
    addForceOption(command, "overwrite the file, and write one that its engine will not obey"),
  )
    .addHelpText(
      "after",
      "\nExample:\n  moeplace export p.json --to sglang --num-hidden-layers 28 -o experts.json",
    )
    .action(async (path: string, options: ExportCommandOptions) => {
      const terminal = openTerminal(options);
      const format = findFormat(options.to);
      if (format === undefined) {
        const names = placementFormats.map(({ name }) => name).join(", ");
        throw new InputError(`--to: found ${options.to}, expected one of ${names}`);
      }
      checkOutput(options.output, options);
      const placement = await readPlacement(path);
      const tokens = options.trace && countTokens((await loadTrace(options.trace, options, terminal)).trace);
      const { data, notes, advice } = await exportPlacement(placement, format, {
        ...options,
        ...tokens,
        fileName: basename(options.output),
      });
      await writeOutput(options.output, data, options);
      for (const note of notes) terminal.note(withFlags(note));
      terminal.printJson({ file: options.output, format: format.name, notes, engine: advice ?? null });
      terminal.print(`wrote ${options.output} (${format.name})`);
    });
}

/** What a trace tells an export. */
function countTokens(trace: RoutingTrace): Pick<ExportOptions, "loads" | "patterns"> {
  const patterns = new Map(trace.layers.map((layer) => [layer.layer, collectPatterns(layer, trace)]));
  const loads = new Map(
    Array.from(patterns, ([layer, tokens]) => [layer, createProblem(tokens, { numChiplets: 1 }).load]),
  );
  return { loads, patterns };
}

function listFormats(): string {
  const width = placementFormats.reduce((most, { name }) => Math.max(most, name.length), 0);
  return placementFormats.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}
