import { Command } from "commander";
import {
  decodePlacement,
  verifyAgainstPlacement,
  verifyAgainstTrace,
  verifyForeign,
  verifyPlacementFile,
  type Placement,
} from "../../doors/placement.js";
import { splitParts } from "../../doors/traces.js";
import { EXIT } from "../exit-code.js";
import { loadTrace } from "../load-trace.js";
import {
  addModelLayerOptions,
  addRanksOption,
  addTerminalOptions,
  addTraceOptions,
  numberOption,
  type ModelLayerOptions,
  type TraceOptions,
} from "../options.js";
import { isPlacementFile, readBytes, readText, readPlacement } from "../read-files.js";
import { openTerminal, type Terminal, type TerminalOptions } from "../terminal.js";

interface VerifyOptions extends TerminalOptions, TraceOptions, ModelLayerOptions {
  readonly against?: string;
  readonly holdout?: number;
  readonly ranks?: number;
}

/** @param end Told the exit code where something is wrong with the file. */
export function verifyCommand(end: (exitCode: number) => void): Command {
  const command = new Command("verify")
    .summary("check a placement independently and list every violation")
    .description(
      "Checks a placement file, or a file made for an engine, harder than the engines do, and lists every violation:\n" +
        "coverage, id ranges, slots, doubles, layer numbers. Ends with exit code 2 if there is one.",
    )
    .argument("<placement>", "placement file of moeplace or of an engine")
    .option(
      "--against <file>",
      "the trace it was made from, to recompute its costs; or the placement it should be",
    )
    .addOption(
      numberOption("--holdout <share>", "share of the trace that was held out (default: as the file says)", {
        above: 0,
        below: 1,
      }),
    );
  addModelLayerOptions(addTraceOptions(addRanksOption(command)));
  return addTerminalOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace verify p.json --against trace.jsonl.gz\n" +
        "  moeplace verify map.json --ranks 16 --experts 64 --num-hidden-layers 27 --first-moe-layer 1",
    )
    .action(async (path: string, options: VerifyOptions) => {
      const terminal = openTerminal(options);
      const reading = isPlacementFile(path) ? await readOwn(path, options) : await readForeign(path, options);
      const violations = [...reading.violations];
      if (options.against !== undefined && violations.length === 0 && reading.placement !== undefined) {
        const differences = await compare(reading.placement, options.against, { options, terminal });
        for (const difference of differences) violations.push(difference);
      }
      for (const warning of reading.warnings ?? []) terminal.note(`${path}: ${warning}`);
      terminal.printJson({
        file: path,
        format: reading.format,
        violations,
        warnings: reading.warnings ?? [],
      });
      terminal.print(
        violations.length === 0
          ? `${path}: sound, ${describePlacement(reading.placement)} (${reading.format})`
          : violations.map((violation) => `${path}: ${violation}`).join("\n"),
      );
      if (violations.length > 0) end(EXIT.badInput);
    });
}

interface Reading {
  readonly format: string;
  readonly placement: Placement | undefined;
  readonly violations: readonly string[];
  readonly warnings?: readonly string[];
}

async function readOwn(path: string, { ranks, experts }: VerifyOptions): Promise<Reading> {
  const placement = await decodePlacement(readText(path), path);
  const { numChiplets, numExperts } = placement;
  // The file says both: what is told besides is what it should say.
  const differences = [
    ...(ranks === undefined || ranks === numChiplets
      ? []
      : [`found ${numChiplets} chiplets, expected ${ranks} as --ranks says`]),
    ...(experts === undefined || experts === numExperts
      ? []
      : [`found ${numExperts} experts, expected ${experts} as --experts says`]),
  ];
  return {
    format: "moeplace",
    placement,
    violations: [...verifyPlacementFile(placement), ...differences],
  };
}

function readForeign(path: string, options: VerifyOptions): Promise<Reading> {
  const { experts, ranks, numHiddenLayers, firstMoeLayer, moeLayerStep } = options;
  return verifyForeign(readBytes(path), path, {
    numExperts: experts,
    numChiplets: ranks,
    numHiddenLayers,
    firstMoeLayer,
    moeLayerStep,
  });
}

async function compare(
  placement: Placement,
  against: string,
  { options, terminal }: { options: VerifyOptions; terminal: Terminal },
): Promise<string[]> {
  if (isPlacementFile(against)) return verifyAgainstPlacement(placement, await readPlacement(against));
  const { parts } = await loadTrace([against], options, terminal);
  return verifyAgainstTrace(
    placement,
    splitParts(parts, options.holdout ?? placement.provenance?.holdout ?? 0).learn,
  );
}

function describePlacement(placement: Placement | undefined): string {
  if (placement === undefined) return "empty";
  const { layers, numExperts, numChiplets } = placement;
  return `${layers.length} layers of ${numExperts} experts on ${numChiplets} chiplets`;
}
