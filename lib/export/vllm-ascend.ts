import { describeValue } from "../describe-value.js";
import { countExperts, isIdList, isRecord, layersOfRows, reportExtraKeys } from "./foreign-content.js";
import type { PlacementFormat, Report } from "./placement-format.js";

/**
 * vllm-ascend's `expert_map_path` file: for every MoE layer the experts of every device.
 *
 * The loader goes by the order of the lists and never looks at `layer_id` or `device_id`; it makes one tensor of the lists of
 * a layer, so those are equally long. An expert twice on a device gives every rank a wrong map without a word.
 * Source: vllm-ascend, eplb/adaptor/vllm_adaptor.py, `_expert_file_to_tensor`.
 */
export const vllmAscend: PlacementFormat = {
  name: "vllm-ascend",
  summary: "vllm-ascend expert_map_path: JSON, the experts of every device for every MoE layer",
  extension: "json",
  needs: { layers: "all", equalSlots: true, noReplicas: false },
  write({ layers, numChiplets }) {
    const layerTexts = layers.map(({ chiplets }, index) => {
      const devices = chiplets.map(
        (experts, device) => `        {"device_id": ${device}, "device_expert": [${experts.join(", ")}]}`,
      );
      return (
        `    {"layer_id": ${index}, "device_count": ${numChiplets}, "device_list": [\n` +
        `${devices.join(",\n")}\n      ]}`
      );
    });
    return `{\n  "moe_layer_count": ${layers.length},\n  "layer_list": [\n${layerTexts.join(",\n")}\n  ]\n}\n`;
  },
  recognises: ({ json }) => isRecord(json) && "layer_list" in json,
  read({ json }, options, report) {
    const document = json as Record<string, unknown>;
    reportExtraKeys(document, ["moe_layer_count", "layer_list"], report);
    const entries = document.layer_list;
    if (!Array.isArray(entries) || entries.length === 0) {
      report(
        `layer_list: found ${describeValue(entries)}, expected a list with an entry for every MoE layer`,
      );
      return undefined;
    }
    if (document.moe_layer_count !== entries.length) {
      report(`moe_layer_count: found ${describeValue(document.moe_layer_count)}, expected ${entries.length}`);
    }
    const layerOf = layersOfRows(entries.length, options, report);
    const devices = entries.map((entry: unknown, index) => readDevices(entry, index, report));
    const sound = devices.filter((lists) => lists !== undefined);
    if (sound.length < devices.length) return undefined;
    const numChiplets = options.numChiplets ?? sound[0].length;
    const layers = sound.map((chiplets, index) => ({ layer: layerOf[index], chiplets }));
    const numExperts = countExperts(options, sound.flat(2));
    return { model: options.model, numExperts, numChiplets, layers };
  },
};

/** The sorted experts of every device of one layer entry, undefined where it is too broken. */
function readDevices(entry: unknown, index: number, report: Report): number[][] | undefined {
  const where = `layer_list[${index}]`;
  const complain: Report = (violation) => {
    report(`${where}: ${violation}`);
  };
  if (!isRecord(entry) || !Array.isArray(entry.device_list)) {
    complain(`found ${describeValue(entry)}, expected layer_id, device_count and device_list`);
    return undefined;
  }
  reportExtraKeys(entry, ["layer_id", "device_count", "device_list"], complain);
  if (entry.layer_id !== index)
    complain(`found layer_id ${describeValue(entry.layer_id)}, expected ${index}`);
  if (entry.device_count !== entry.device_list.length) {
    complain(`found device_count ${describeValue(entry.device_count)}, expected ${entry.device_list.length}`);
  }
  const lists = entry.device_list.map((device: unknown, rank) => {
    if (!isRecord(device)) {
      complain(`device_list[${rank}]: found ${describeValue(device)}, expected device_id and device_expert`);
      return undefined;
    }
    reportExtraKeys(device, ["device_id", "device_expert"], complain);
    if (device.device_id !== rank)
      complain(`found device_id ${describeValue(device.device_id)}, expected ${rank}`);
    const experts = device.device_expert;
    return isIdList(experts, `device_list[${rank}].device_expert`, complain)
      ? [...experts].sort((a, b) => a - b)
      : undefined;
  });
  const sound = lists.filter((list) => list !== undefined);
  return sound.length === lists.length ? sound : undefined;
}
