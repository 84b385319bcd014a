import { parseNpy } from "../../lib/containers/npy.js";
import { kindOfNpy } from "../array-kind.js";
import { readWhole } from "../bytes/file-bytes.js";
import type { TraceFormat } from "../trace-format.js";
import { layerInName, untoldLayers } from "../layer-name.js";
import { appendNumbers } from "./numbers.js";

/**
 * Tokens as a .npy array of two dimensions: ExFlow's trace of a top-1 model, [numTokens, numLayers], or one layer's
 * tokens, [numTokens, topK], whose layer the name of the file tells.
 */
export const matrixOfTokens: TraceFormat = {
  name: "tokens as a matrix",
  sign: ".npy whose numbers are experts, [tokens, layers] of a top-1 model as ExFlow writes it, or [tokens, top-k]",
  recognises: (head, options) => isTokens(kindOfNpy(head, options).kind),
  why: (head, options) => kindOfNpy(head, options).why,
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const array = parseNpy(await readWhole(path, onBytes), path);
      appendNumbers(builder, array, { where: path, layer: layerInName(path) });
    }
    const untold = builder.widestToken > 1 ? untoldLayers(paths) : undefined;
    if (untold !== undefined) builder.warnings.push(untold);
  },
};

function isTokens(kind: string): boolean {
  return kind === "top-1 tokens" || kind === "tokens of a layer";
}
