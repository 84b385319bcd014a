import { InputError } from "../../lib/errors.js";
import { isNpy } from "../../lib/containers/npy.js";
import { decodeValues, denseTensor } from "../../lib/containers/tensor.js";
import { readText, type FileHead } from "../bytes/file-bytes.js";
import { appendLayers } from "../bytes/tensor-rows.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { appendRequest } from "./vllm-routed-experts.js";

const MEMBER = /"routed_experts"\s*:\s*"([A-Za-z0-9+/=\\]+)"/g;

/**
 * What SGLang returns with return_routed_experts: base64 of int32 [numTokens, numLayers, topK], as it comes in the JSON
 * of a response (or one response a line) or alone. A response is a sequence. Its shape is written nowhere.
 *
 * vLLM sends base64 too, but of a whole .npy file; that is recognised and read as well.
 */
export const sglangRoutedExperts: TraceFormat = {
  name: "SGLang routed experts",
  sign: 'JSON with "routed_experts" in base64, or base64 alone',
  recognises({ text }: FileHead) {
    return /"routed_experts"\s*:\s*"[A-Za-z0-9+/]/.test(text) || /^[A-Za-z0-9+/]{64,}={0,2}\s*$/.test(text);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const text = await readText(path, onBytes);
      const responses = [...text.matchAll(MEMBER)].map(([, base64]) => base64.replaceAll("\\", ""));
      for (const base64 of responses.length > 0 ? responses : [text]) appendResponse(builder, base64, path);
    }
  },
};

function appendResponse(builder: TraceBuilder, base64: string, path: string): void {
  const bytes = Buffer.from(base64, "base64");
  if (isNpy(bytes)) {
    appendRequest(builder, bytes, path);
    return;
  }
  const { topK, numLayers } = builder.options;
  if (topK === undefined || numLayers === undefined) {
    throw new InputError(
      `${path}: found routed experts without their shape, expected the number of layers and top-k beside them`,
      "Maybe pass numLayers and topK, dense layers counted too.",
    );
  }
  const numTokens = bytes.length / (4 * topK * numLayers);
  if (!Number.isInteger(numTokens)) {
    throw new InputError(
      `${path}: found ${bytes.length / 4} ids, expected a multiple of ${numLayers} layers x top-${topK}`,
    );
  }
  for (let layer = 0; layer < numLayers; layer++) builder.startSequence(layer, { topK });
  appendLayers(builder, denseTensor([numTokens, numLayers, topK], decodeValues("int32", bytes)), path);
}
