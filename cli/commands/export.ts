import { basename } from "node:path";
import { Command } from "commander";
import { InputError } from "../../index.js";
import { unknownName } from "../../doors/problem.js";
import {
  exportPlacement,
  findFormat,
  findTarget,
  placementFormats,
  type ExportOptions,
  type PlacementFormat,
} from "../../doors/placement.js";
import { createProblem } from "../../doors/problem.js";
import { collectPatterns } from "../../doors/traces.js";
import { engineOption } from "../engine-option.js";
import { loadRouting, type LoadedRouting } from "../load-trace.js";
import { loadMachineOf } from "../machine.js";
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
import { checkOutput, STANDARD_OUTPUT, writeOutput } from "../output-file.js";
import { readPlacement } from "../read-files.js";
import { withFlags } from "../field-flags.js";
import { openTerminal } from "../terminal.js";

interface ExportCommandOptions extends FileCommandOptions, TraceOptions, ModelLayerOptions {
  readonly to?: string;
  readonly for?: string;
  readonly modelClass?: string;
  readonly hardware?: string;
  readonly output?: string;
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
    .option("--to <format>", "format to write (default: the one that the engine of --for loads)")
    .addOption(engineOption("engine that is to load it"))
    .option("-o, --output <file>", "file to write, or - for standard output")
    .option("--fill-empty", "fill empty slots with replicas of the busiest experts")
    .option("--fill-layers", "place the experts of MoE layers without placement in the order of their ids")
    .addOption(integerOption("--layer <n>", "write this layer alone, in formats that hold one placement"))
    .option("--model-class <name>", "class of the model in vLLM, for files that name it")
    .option("--hardware <name|file.json>", "machine, for files that describe it (default: the placement's)")
    .option("--engine-version <version>", "version of the engine; one that will not obey the file is refused")
    .option("--trace <file...>", "traces that tell which experts are busy, or the tokens to write");
  addModelLayerOptions(addTraceOptions(command));
  return addTerminalOptions(
    addForceOption(command, "overwrite the file, and write one that its engine will not obey"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace export p.json --to sglang --num-hidden-layers 28 -o experts.json\n" +
        "  moeplace export p.json --for vllm -o renumber.py",
    )
    .action(async (path: string, options: ExportCommandOptions) => {
      const terminal = openTerminal(options);
      const asked = options.to === undefined ? undefined : requireFormat(options.to);
      const { output } = options;
      if (output === undefined) throw new InputError("--output: found none, expected a file to write");
      checkOutput(output, options);
      const placement = await readPlacement(path);
      const target = options.for === undefined ? undefined : findTarget(options.for, placement.model);
      const format = asked ?? target?.format ?? requireFormat(undefined);
      const counted = options.trace && countLoads(await loadRouting(options.trace, options, terminal));
      const machine =
        format.needs.machine === true
          ? await loadMachineOf(placement, options, { trace: placement, terminal })
          : undefined;
      const { data, notes, advice } = await exportPlacement(placement, format, {
        ...options,
        ...counted,
        hardware: machine?.hardware,
        engine: target?.engine.key,
        // Standard output has no name that an engine could refuse.
        fileName: output === STANDARD_OUTPUT ? undefined : basename(output),
      });
      await writeOutput(output, data, options);
      for (const note of notes) terminal.note(withFlags(note));
      terminal.printJson({ file: output, format: format.name, notes, engine: advice ?? null });
      terminal.print(`wrote ${output} (${format.name})`);
    });
}

function requireFormat(name: string | undefined): PlacementFormat {
  const format = name === undefined ? undefined : findFormat(name);
  if (format !== undefined) return format;
  throw unknownName("--to", {
    found: name ?? "no format",
    known: placementFormats.map((known) => known.name),
    advice: "Maybe pass --for ENGINE, and the format is what the engine loads.",
  });
}

/** What a trace tells an export. */
function countLoads(routing: LoadedRouting): Pick<ExportOptions, "loads" | "patterns"> {
  if (routing.kind === "loads") {
    return { loads: new Map(routing.loads.layers.map(({ layer, load }) => [layer, load])) };
  }
  const { trace } = routing;
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
