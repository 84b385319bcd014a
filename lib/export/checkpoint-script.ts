import type { Chiplets, Placement } from "../placement/placement.js";
import { isIdList } from "./foreign-content.js";
import { formatPermutation, parsePermutation } from "./permutation.js";
import { runLengths } from "./physical-slots.js";
import type { PlacementFormat } from "./placement-format.js";
import { renumberScript } from "./renumber-script.js";

const MARK = "__RENUMBERING__";
const [BEFORE, BEHIND] = renumberScript.split(MARK);

/**
 * A Python program that renumbers the experts of a checkpoint in safetensors, for engines that load no placement: with
 * router rows and expert weights in the new order, the engine's own runs of ids are the placement, and the model
 * computes the same.
 *
 * Ranks hold runs of equal length or, where the experts do not divide, one expert more on each of the first ranks, as
 * vLLM splits them.
 */
export const checkpointScript: PlacementFormat = {
  name: "checkpoint-script",
  summary: "a Python program that renumbers the experts of a checkpoint: for engines without placement file",
  extension: "py",
  needs: { layers: "any", equalSlots: false, runs: true, noReplicas: true, renumbers: true },
  write: (placement) => `${BEFORE}${formatPermutation(placement).trimEnd()}${BEHIND}`,
  recognises: ({ text }) => text?.startsWith(BEFORE) === true,
  read({ text = "" }, options, report): Placement | undefined {
    let json: unknown;
    try {
      json = JSON.parse(text.slice(BEFORE.length, text.indexOf('"""', BEFORE.length)));
    } catch {
      report("found no JSON in the program, expected the renumbering as it was written");
      return undefined;
    }
    const permutation = parsePermutation(json, "checkpoint-script", report);
    if (permutation === undefined) return undefined;
    const { numExperts, numRanks, rows } = permutation;
    const sizes = runLengths(numExperts, numRanks);
    const layers = rows.flatMap(({ layer, slots }) => {
      if (!isIdList(slots, `layer ${layer}`, report)) return [];
      if (slots.length !== numExperts) {
        report(`layer ${layer}: found ${slots.length} experts, expected ${numExperts}`);
        return [];
      }
      return [{ layer, chiplets: splitRuns(slots, sizes) }];
    });
    if (layers.length < rows.length) return undefined;
    return { model: options.model, numExperts, numChiplets: numRanks, layers };
  },
};

function splitRuns(newToOld: readonly number[], sizes: readonly number[]): Chiplets {
  let start = 0;
  return sizes.map((size) => newToOld.slice(start, (start += size)).sort((a, b) => a - b));
}
