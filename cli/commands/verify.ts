import { Command } from "commander";
import {
  decodePlacement,
  formatLayers,
  hashTrace,
  verifyAgainstPlacement,
  verifyAgainstTrace,
  verifyForeign,
  verifyPlacementFile,
  verifyRecord,
  type Placement,
} from "../../doors/placement.js";
import { counted } from "../../doors/report.js";
import { splitParts } from "../../doors/traces.js";
import { withFlags } from "../field-flags.js";
import { EXIT } from "../exit-code.js";
import { loadTrace } from "../load-trace.js";
import {
  addModelLayerOptions,
  addRanksOption,
  addTerminalOptions,
  addTraceOptions,
  integerOption,
  numberOption,
  type ModelLayerOptions,
  type TraceOptions,
} from "../options.js";
import { isPlacementFile, readBytes, readText, readPlacement } from "../read-files.js";
import { layerProgress, openTerminal, type Terminal, type TerminalOptions } from "../terminal.js";

interface VerifyOptions extends TerminalOptions, TraceOptions, ModelLayerOptions {
  readonly against?: string;
  readonly holdout?: number;
  readonly ranks?: number;
  readonly slots?: number;
}

/** @param end Told the exit code where something is wrong with the file. */
export function verifyCommand(end: (exitCode: number) => void): Command {
  const command = new Command("verify")
    .summary("check a placement independently and list every violation")
    .description(
      "Checks a placement file, or a file made for an engine, harder than the engines do, and lists every violation:\n" +
        "coverage, id ranges, slots, doubles, layer numbers, and the limits, pins, machine and step that a placement says it\n" +
        "was made for. Ends with exit code 2 if there is one.",
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
  addRanksOption(command).addOption(
    integerOption("--slots <n>", "most experts on a chiplet (default: as the file says)", 1),
  );
  addModelLayerOptions(addTraceOptions(command));
  return addTerminalOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace verify p.json --against trace.jsonl.gz\n" +
        "  moeplace verify map.json --ranks 16 --experts 64 --num-hidden-layers 27 --first-moe-layer 1",
    )
    .action(async (path: string, options: VerifyOptions) => {
      const terminal = openTerminal(options);
      const reading = isPlacementFile(path) ? await readOwn(path, options) : await readForeign(path, options);
      const violations = reading.violations.map(withFlags);
      if (options.against !== undefined && violations.length === 0 && reading.placement !== undefined) {
        const differences = await compare(reading.placement, options.against, { options, terminal });
        for (const difference of differences) violations.push(withFlags(difference));
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

async function readOwn(path: string, { ranks, experts, slots }: VerifyOptions): Promise<Reading> {
  const placement = await decodePlacement(readText(path), path);
  const { numChiplets, numExperts } = placement;
  // The file says both: what is told besides is what it should say.
  const differences = [
    ...(ranks === undefined || ranks === numChiplets
      ? []
      : [`found ${counted(numChiplets, "chiplet")}, expected ${ranks} as --ranks says`]),
    ...(experts === undefined || experts === numExperts
      ? []
      : [`found ${numExperts} experts, expected ${experts} as --experts says`]),
  ];
  const found = verifyPlacementFile({
    ...placement,
    ...(slots !== undefined && { slotsPerChiplet: slots }),
  });
  const violations = [...(found.length > 0 ? found : verifyRecord(placement)), ...differences];
  const short = tooFewReplicas(placement);
  return { format: "moeplace", placement, violations, ...(short !== undefined && { warnings: [short] }) };
}

/** Which layers have fewer replicas than asked for, which is right where limits leave no room; undefined where none has. */
function tooFewReplicas({ numExperts, provenance, layers }: Placement): string | undefined {
  const { numReplicas = 0, replicaBudget } = provenance ?? {};
  const short = layers.filter(({ chiplets }) => chiplets.flat().length < numExperts + numReplicas);
  if (short.length === 0 || numReplicas === 0 || replicaBudget !== undefined) return undefined;
  const where = formatLayers(short.map(({ layer }) => layer));
  return `found fewer replicas than the ${numReplicas} asked for, in ${short.length === 1 ? "layer" : "layers"} ${where}`;
}

function readForeign(path: string, options: VerifyOptions): Promise<Reading> {
  const { experts, ranks, numHiddenLayers, firstMoeLayer, moeLayerStep } = options;
  return verifyForeign(readBytes(path), path, {
    numExperts: experts,
    numChiplets: ranks,
    slotsPerChiplet: options.slots,
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
  const { trace, parts } = await loadTrace([against], options, terminal);
  const other = otherTrace(
    placement,
    trace.layers.map(({ layer }) => layer),
    hashTrace(parts),
  );
  if (other !== undefined) return [other];
  return verifyAgainstTrace(
    placement,
    splitParts(parts, options.holdout ?? placement.provenance?.holdout ?? 0).learn,
    { onLayer: layerProgress(terminal, "recounting") },
  );
}

/** What is to be said of a trace that is not the one a placement was made from; undefined where it is, or may be. */
function otherTrace(
  { provenance, layers }: Placement,
  found: readonly number[],
  traceSha256: string,
): string | undefined {
  if (provenance === undefined || provenance.traceSha256 === traceSha256) return undefined;
  const made = layers.map(({ layer }) => layer);
  const lacking = made.filter((layer) => !found.includes(layer));
  const isPart = lacking.length === 0 && made.length < found.length;
  return isPart
    ? `found ${counted(found.length, "layer")} in the trace, expected the ${made.length} that the placement was made from: pass --layers ${made.join()}`
    : "found another trace, or other options for reading it, than the placement was made from (traceSha256), expected the same";
}

function describePlacement(placement: Placement | undefined): string {
  if (placement === undefined) return "empty";
  const { layers, numExperts, numChiplets } = placement;
  return `${counted(layers.length, "layer")} of ${numExperts} experts on ${counted(numChiplets, "chiplet")}`;
}
