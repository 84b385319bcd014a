import { describeValue } from "../describe-value.js";
import { isRecord, reportExtraKeys } from "./foreign-content.js";
import { formatLayers, moeLayers } from "./model-layers.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import type { PlacementFormat, ReadOptions, Report } from "./placement-format.js";

const KEYS = ["num_slots", "layer_updates_per_iter", "initial_global_assignments"];

/**
 * TensorRT-LLM's MoE load balancer file: the expert of every slot by decoder layer, and no updates at run time.
 *
 * Source: TensorRT-LLM, llmapi/llm_args.py, `MoeLoadBalancerConfig`, which refuses unknown keys.
 */
export const tensorrtLlm: PlacementFormat = {
  name: "tensorrt-llm",
  summary: "TensorRT-LLM moe_config.load_balancer: YAML, a row of slots for every decoder layer with experts",
  extension: "yaml",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  write({ layers, numChiplets, slotsPerChiplet }) {
    const rows = layers.map(
      ({ layer, chiplets }) => `  ${layer}: [${expertsOfSlots(chiplets).join(", ")}]\n`,
    );
    const head = `num_slots: ${numChiplets * slotsPerChiplet}\nlayer_updates_per_iter: 0\n`;
    return `${head}initial_global_assignments:\n${rows.join("")}`;
  },
  recognises: ({ text }) => text !== undefined && /^["']?initial_global_assignments["']?\s*:/m.test(text),
  async read({ text = "" }, options, report) {
    const document = await parseYaml(text, report);
    if (!isRecord(document)) return undefined;
    reportExtraKeys(document, KEYS, report);
    const assignments = document.initial_global_assignments;
    if (!isRecord(assignments)) {
      report(
        `initial_global_assignments: found ${describeValue(assignments)}, expected a row of slots by layer`,
      );
      return undefined;
    }
    const updates = document.layer_updates_per_iter ?? 0;
    if (!Number.isInteger(updates))
      report(`layer_updates_per_iter: found ${describeValue(updates)}, expected an integer`);
    const rows = Object.entries(assignments).flatMap(([key, slots]) => {
      if (/^\d+$/.test(key)) return [{ layer: Number(key), slots }];
      report(`initial_global_assignments: found key "${key}", expected the number of a layer`);
      return [];
    });
    for (const { layer, slots } of rows) {
      if (Array.isArray(slots) && slots.length !== document.num_slots) {
        report(
          `layer ${layer}: found ${slots.length} slots, num_slots says ${describeValue(document.num_slots)}`,
        );
      }
    }
    reportOtherLayers(
      rows.map(({ layer }) => layer),
      options,
      report,
    );
    return fillSlots(rows, { ...options, format: "tensorrt-llm" }, report);
  },
};

/**
 * The value of a YAML document. Aliases are refused: a few of them, nested, stand for more than any memory holds.
 *
 * @param report Told why there is none.
 */
async function parseYaml(text: string, report: Report): Promise<unknown> {
  if (text.split(":", MOST_KEYS + 1).length > MOST_KEYS) {
    report(`found more than ${MOST_KEYS} keys, expected one for every layer`);
    return undefined;
  }
  if (nestsDeep(text)) {
    report(`found values nested more than ${MOST_DEPTH} deep, expected a row of slots by layer`);
    return undefined;
  }
  const { parseDocument } = await import("yaml");
  try {
    const parsed = parseDocument(text, { logLevel: "silent" });
    if (parsed.errors.length === 0) return parsed.toJS({ maxAliasCount: 0 }) as unknown;
    for (const { message } of parsed.errors) report(`found no YAML: ${message.split("\n")[0]}`);
  } catch (error) {
    report(`found no YAML that is read: ${(error as Error).message}`);
  }
  return undefined;
}

/** Keys are compared with all others, and models have far fewer layers. */
const MOST_KEYS = 8192;
/** These files nest three deep. */
const MOST_DEPTH = 16;

/**
 * Whether a YAML text nests deeper than any file of this format, which takes the parser beyond its stack and the process
 * with it. Quotes are not looked into: a text with so many brackets in quotes is refused too.
 */
function nestsDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length && depth <= MOST_DEPTH; at++) {
    const character = text[at];
    if (character === "[" || character === "{") depth++;
    else if (depth > 0 && (character === "]" || character === "}")) depth--;
  }
  // Blocks: lists and keys that begin on one line, or an indentation that takes as many lines.
  return depth > MOST_DEPTH || /^[ \t]*(?:[-?:][ \t]+){16}|^ {64}/m.test(text);
}

/** Tells of MoE layers the file lacks, at which the engine stops, and of layers that are none. */
function reportOtherLayers(
  found: readonly number[],
  { numHiddenLayers, firstMoeLayer = 0, moeLayerStep = 1 }: ReadOptions,
  report: Report,
): void {
  if (numHiddenLayers === undefined) return;
  const expected = moeLayers({ numHiddenLayers, firstMoeLayer, moeLayerStep });
  const missing = expected.filter((layer) => !found.includes(layer));
  const extra = found.filter((layer) => !expected.includes(layer));
  if (missing.length > 0)
    report(`found no row for layers ${formatLayers(missing)}, expected one for every MoE layer`);
  if (extra.length > 0) report(`found rows for layers ${formatLayers(extra)}, expected MoE layers only`);
}
