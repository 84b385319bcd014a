import { Command } from "commander";
import { hardwarePresets, withChiplets } from "../../doors/hardware.js";
import { findMachine } from "../machine.js";
import { addTableOptions, integerOption } from "../options.js";
import { formatTable, openTerminal, type TerminalOptions } from "../terminal.js";

interface HardwareOptions extends TerminalOptions {
  readonly chiplets?: number;
  readonly groups?: number;
}

export function hardwareCommand(): Command {
  const command = new Command("hardware")
    .summary("machines by name, or one as JSON to change and place on")
    .description(
      "Lists the machines that moeplace knows. With a name, prints that machine as JSON, every number with its source: " +
        "change it, and give the file to --hardware.",
    )
    .argument("[name]", "a machine, or a file of one")
    .addOption(integerOption("--chiplets <n>", "with so many chiplets (default: as many as it has)", 1))
    .addOption(integerOption("--groups <n>", "in so many chiplet groups (default: as many as it has)", 1));
  return addTableOptions(command)
    .addHelpText("after", "\nExample:\n  moeplace hardware mozart-deepseek-calibrated > wafer.json")
    .action(async (name: string | undefined, options: HardwareOptions) => {
      const terminal = openTerminal(options);
      if (name === undefined) {
        const listed = hardwarePresets.map(({ name: preset, numGroups, chipletsPerGroup, description }) => ({
          name: preset,
          numGroups,
          numChiplets: numGroups * chipletsPerGroup,
          description,
        }));
        terminal.printJson(listed);
        terminal.printCsv(listed);
        terminal.print(
          formatTable(
            ["machine", "groups", "chiplets", "description"],
            listed.map(({ name: preset, numGroups, numChiplets, description }) => [
              preset,
              String(numGroups),
              String(numChiplets),
              description,
            ]),
            { words: [3] },
          ),
        );
        return;
      }
      const { chiplets, groups } = options;
      const hardware = withChiplets(await findMachine(name), {
        ...(chiplets !== undefined && { numChiplets: chiplets }),
        ...(groups !== undefined && { numGroups: groups }),
      });
      openTerminal({ ...options, json: options.csv !== true }).printJson(hardware);
      terminal.printCsv([hardware]);
    });
}
