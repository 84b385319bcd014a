import type { Placement } from "../placement/placement.js";
import { formatRange, type Engine } from "./engine.js";
import { engines } from "./engines.js";
import { findFormat } from "./formats.js";

const INTRODUCTION = `# Engines and the files they load

Written from lib/export/engines.ts, the table from which \`moeplace export\` takes its notes; a test compares. EP ranks are
chiplets. \`--engine-version\` asks about one version; a version or model that will not obey is refused unless \`--force\` is
given. The command lines below are those of a placement of 64 experts on 8 ranks with 8 replicas (none where the format
has none), in a model of 2 layers.
`;

const example: Placement = {
  model: undefined,
  numExperts: 64,
  numChiplets: 8,
  layers: [0, 1].map((layer) => ({ layer, chiplets: [] })),
};

/** The text of docs/engines.md. */
export function enginesPage(): string {
  return `${INTRODUCTION}${engines.map(formatEngine).join("")}`;
}

function formatEngine(engine: Engine): string {
  const { format, name, checked, releases, deafModels, obeyingModels, fileEnding, dispatch } = engine;
  const { transport, deployment = {}, unequalLayers, sharedExperts, seeLoaded, silentlyWrong } = engine;
  const needs = findFormat(format)?.needs;
  const slotsPerChiplet = needs?.noReplicas === true || needs?.equalSlots === false ? 8 : 9;
  const launch = engine.launch({ ...example, slotsPerChiplet, file: `FILE${fileEnding ?? ""}` });
  const facts = [
    `- Checked: ${checked}.`,
    ...releases.map(
      (release) => `- ${capitalize(formatRange(release))}: **${release.loading}**; ${release.why}.`,
    ),
    ...(obeyingModels === undefined ? [] : [`- Models that obey: ${obeyingModels}.`]),
    ...(deafModels === undefined
      ? []
      : [`- Models that do not: ${deafModels.map((deaf) => deaf.name).join(", ")}.`]),
    ...(dispatch === undefined
      ? []
      : [`- Replicas are chosen as \`--dispatch ${dispatch.join("` or `")}\` does.`]),
    ...(unequalLayers === undefined
      ? []
      : [`- Layers may have unequal numbers of slots: ${formatRange(unequalLayers)}, ${unequalLayers.why}.`]),
    ...(sharedExperts === undefined ? [] : [`- Shared experts may be placed: ${sharedExperts}.`]),
    ...(transport === undefined ? [] : [`- Copies travel ${formatTransport(transport)}.`]),
    `- Launch: \`${launch}\``,
    `- To see that it was loaded: ${seeLoaded}.`,
    ...[...Object.values(deployment), ...silentlyWrong].map((sentence) => `- Silently wrong: ${sentence}.`),
  ];
  return `\n## ${name}: \`${format}\`\n\n${facts.join("\n")}\n`;
}

/** `per-group, in decode per-expert`: decode alone is ever different. */
function formatTransport({ prefill, decode }: NonNullable<Engine["transport"]>): string {
  return decode === prefill ? prefill : `${prefill}, in decode ${decode}`;
}

function capitalize(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
