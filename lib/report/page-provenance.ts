import { modelConstants } from "../performance/constants.js";
import type { Hardware } from "../hardware/hardware.js";
import { escapeXml } from "./escape-xml.js";
import { caption } from "./page-parts.js";

/** How a page was made, besides what is on it. */
export interface ReportMaking {
  readonly version: string;
  /** The command line that makes it again. */
  readonly command: string;
  readonly seed?: number;
  /** Files that were read, with the SHA-256 of their bytes. */
  readonly inputs: readonly { readonly name: string; readonly sha256: string }[];
  /** What was asked for, by option. */
  readonly options: Readonly<Record<string, string>>;
}

/** How the page was made: command, inputs, options, and every constant that times rest on. */
export function provenance(
  making: ReportMaking | undefined,
  { hardware, facts, hasTimes }: { hardware: Hardware; facts: readonly string[]; hasTimes: boolean },
): string {
  const entries: [string, string][] = [
    ...facts.map((fact, index): [string, string] => [["tokens", "machine", "step"][index] ?? "", fact]),
    ...(making
      ? ([
          ...making.inputs.map(({ name, sha256 }): [string, string] => [name, `SHA-256 ${sha256}`]),
          ["version", `moeplace ${making.version}`],
          ...(making.seed === undefined ? [] : [["seed", String(making.seed)] as [string, string]]),
          ...Object.entries(making.options),
        ] satisfies [string, string][])
      : []),
  ];
  const list = entries.map(([term, value]) => `<dt>${escapeXml(term)}</dt><dd>${escapeXml(value)}</dd>`);
  const command = making
    ? `<h3>Make it again</h3><pre tabindex="0" role="group" aria-label="Command">${escapeXml(making.command)}</pre>`
    : "";
  return `${command}<h3>Made from</h3><dl class="facts">${list.join("")}</dl>${hasTimes ? constants(hardware) : ""}`;
}

function constants(hardware: Hardware): string {
  const rows = modelConstants(hardware).map(
    ({ path, value, trust, source }) =>
      `<tr><th scope="row">${escapeXml(path)}</th><td>${Number(value.toPrecision(6))}</td><td class="text">${trust}</td><td class="text">${escapeXml(source)}</td></tr>`,
  );
  return (
    `<details><summary>${rows.length} constants that times and energies rest on, with how far each can be trusted</summary>` +
    `<div class="scroll" tabindex="0" role="group" aria-label="Constants"><table class="sortable"><thead><tr>` +
    ["constant", "value", "trust", "source"]
      .map((name) => `<th scope="col" class="text"><button type="button">${name}</button></th>`)
      .join("") +
    `</tr></thead><tbody>${rows.join("")}</tbody></table></div>` +
    `${caption("Units end the names. Trust: printed in the paper, measured, data sheet, spec target of a standard, derived from others, assumed, fitted to published results, given by the user.")}</details>`
  );
}
