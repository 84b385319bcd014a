import type { Command } from "commander";
import { modelConstants, type Hardware, type NamedConstant } from "../../doors/hardware.js";
import { formatTable, type Terminal } from "../terminal.js";

/** Whether to say what modelled figures rest on. */
export interface ExplainOptions {
  readonly explain?: boolean;
}

export function addExplainOption(command: Command): Command {
  return command.option(
    "--explain",
    "list every constant of the model with its source and how far it can be trusted",
  );
}

/** The constants for --json: a field of the document, empty where nobody asked. */
export function explainData(
  hardware: Hardware,
  { explain = false }: ExplainOptions,
): { constants?: NamedConstant[] } {
  return explain ? { constants: modelConstants(hardware) } : {};
}

/** Prints the constants as a table where asked. */
export function printConstants(
  hardware: Hardware,
  { explain = false }: ExplainOptions,
  terminal: Terminal,
): void {
  if (!explain) return;
  const rows = modelConstants(hardware).map(({ path, value, trust, source }) => [
    path,
    String(Number(value.toPrecision(6))),
    trust,
    source,
  ]);
  terminal.print(
    `\n${hardware.name}\n${formatTable(["constant", "value", "trust", "source"], rows, { words: [3] })}`,
  );
}
