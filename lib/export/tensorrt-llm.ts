import { parseYaml } from "../containers/yaml.js";
import { describeValue } from "../describe-value.js";
import { isRecord, reportExtraKeys } from "./foreign-content.js";
import { moeLayers } from "../hardware/model-layers.js";
import { formatLayers } from "./model-layers.js";
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
    const { value: document, excess, errors } = await parseYaml(text);
    if (excess !== undefined) report(`found ${excess}, expected a row of slots by layer`);
    for (const error of errors) report(`found no YAML: ${error}`);
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
