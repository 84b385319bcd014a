import { Command } from "commander";
import { formatPlacement, importPlacement } from "../../doors/placement.js";
import { counted } from "../../doors/report.js";
import {
  addForceOption,
  addModelLayerOptions,
  addRanksOption,
  addTerminalOptions,
  integerOption,
  type FileCommandOptions,
  type ModelLayerOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { readBytes } from "../read-files.js";
import { openTerminal } from "../terminal.js";

interface ImportOptions extends FileCommandOptions, ModelLayerOptions {
  readonly output: string;
  readonly model?: string;
  readonly experts?: number;
  readonly ranks?: number;
  readonly groups?: number;
}

export function importCommand(): Command {
  const command = new Command("import")
    .summary("turn the file of an engine into a placement file")
    .description(
      "Reads a placement that was made for an engine, whose format is found by content, and checks it.",
    )
    .argument("<file>", "file of an engine")
    .requiredOption("-o, --output <file>", "placement file to write")
    .option("--model <name>", "name of the model, to be written into the file")
    .addOption(
      integerOption("--experts <n>", "experts of a layer (default: the largest id found, plus 1)", 1),
    )
    .addOption(integerOption("--groups <n>", "chiplet groups", 1));
  addModelLayerOptions(addRanksOption(command));
  return addTerminalOptions(addForceOption(command))
    .addHelpText("after", "\nExample:\n  moeplace import map.json --ranks 16 --experts 64 -o p.json")
    .action(async (path: string, options: ImportOptions) => {
      const terminal = openTerminal(options);
      const { output, experts, ranks, groups, model, numHiddenLayers, firstMoeLayer, moeLayerStep } = options;
      checkOutput(output, options);
      const placement = await importPlacement(readBytes(path), path, {
        model,
        numExperts: experts,
        numChiplets: ranks,
        numHiddenLayers,
        firstMoeLayer,
        moeLayerStep,
        warn: (warning) => {
          terminal.note(warning);
        },
      });
      const text = formatPlacement({ ...placement, ...(groups !== undefined && { numGroups: groups }) });
      await writeOutput(output, text, options);
      const { numExperts, numChiplets, layers } = placement;
      terminal.printJson({ file: output, numExperts, numChiplets, numLayers: layers.length });
      terminal.print(
        `wrote ${output}: ${counted(layers.length, "layer")} of ${numExperts} experts on ${counted(numChiplets, "chiplet")}`,
      );
    });
}
