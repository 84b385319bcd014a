import type { FileHead } from "../bytes/file-bytes.js";
import { readJsonRows } from "../json-rows.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * JSON Lines without header: `{"dataset", "problem_id", "layer", "experts", "gating_probs", "token_idx"}`.
 *
 * Tokens are counted within a problem, and some layers lack a few; every layer is read as it is.
 */
export const raggedJsonLines: TraceFormat = {
  name: "ragged JSON Lines",
  sign: 'JSON Lines with "token_idx", "layer" and "experts"',
  recognises({ text }: FileHead) {
    const [first] = text.trimStart().split("\n", 1);
    return ["{", '"token_idx"', '"layer"', '"experts"'].every((part) => first.includes(part));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      await readJsonRows(path, builder, {
        keys: { layer: "layer", token: "token_idx", experts: "experts" },
        tokensCountWithinSequence: true,
        onBytes,
      });
    }
  },
};
