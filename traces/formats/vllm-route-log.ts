import type { FileHead } from "../bytes/file-bytes.js";
import { readJsonRows } from "../json-rows.js";
import type { TraceFormat } from "../trace-format.js";

/**
 * The route log of vLLM: a line of `"type": "meta"`, then a line of `"type": "route"` for every layer and token.
 *
 * The token index starts again with every forward pass, which mixes requests, so it says nothing about sequences.
 */
export const vllmRouteLog: TraceFormat = {
  name: "vLLM route log",
  sign: 'JSON Lines with "type" meta or route, and "topk_ids" or "top_k"',
  recognises({ text }: FileHead) {
    return /^\s*\{[^\n]*"type"\s*:\s*"(meta|route)"[^\n]*"(topk_ids|top_k)"/.test(text);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      await readJsonRows(path, builder, {
        keys: { layer: "layer", token: "token_idx", experts: "topk_ids" },
        onOther(value, where) {
          if (value.type !== "meta") return false;
          if (typeof value.top_k === "number") builder.declare(where, { topK: value.top_k });
          if (typeof value.model_id === "string") builder.model ??= value.model_id;
          return true;
        },
        tokensCountWithinSequence: false,
        onBytes,
      });
    }
  },
};
