import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../../lib/errors.js";
import { isSafetensors, parseSafetensors } from "../containers/safetensors.js";
import { vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import { readWhole, type FileHead } from "../bytes/file-bytes.js";
import { appendIds } from "../bytes/tensor-rows.js";
import type { TraceFormat } from "../trace-format.js";

const META = "meta_info.json";
const KEY = /^(\d+)_(\d+)$/;

/**
 * The expert statistics of TensorRT-LLM (EXPERT_STATISTIC_PATH): meta_info.json and, for every rank, safetensors whose
 * keys are "<iteration>_<layer>". One dimension counts the load of every expert, two list the experts of every token;
 * where a folder has both, the tokens are read. The ranks are read as one.
 */
export const tensorrtLlm: TraceFormat = {
  name: "TensorRT-LLM expert statistics",
  recognises({ bytes, text }: FileHead) {
    if (isSafetensors(bytes)) return /"\d+_\d+"\s*:\s*\{\s*"dtype"/.test(text);
    return text.startsWith("{") && text.includes('"num_experts_per_token"') && text.includes('"num_experts"');
  },
  async read(paths, builder, onBytes) {
    const found: { tensor: Tensor; iteration: number; layer: number; path: string }[] = [];
    const metas = new Set(paths.map((path) => join(dirname(path), META)));
    for (const meta of metas)
      await readMeta(meta, (counts) => {
        builder.declare(meta, counts);
      });
    for (const path of paths) {
      if (metas.has(path)) continue;
      for (const [key, tensor] of parseSafetensors(await readWhole(path, onBytes), path)) {
        const parts = KEY.exec(key);
        if (parts) found.push({ tensor, iteration: Number(parts[1]), layer: Number(parts[2]), path });
      }
    }
    found.sort((one, other) => one.iteration - other.iteration || one.layer - other.layer);
    const tokens = found.filter(({ tensor }) => tensor.shape.length === 2);
    for (const { tensor, layer, path } of tokens) appendIds(builder, layer, tensor, path);
    if (tokens.length > 0) return;
    for (const { tensor, layer, path } of found) builder.addLoad(path, layer, vectorOf(tensor));
  },
};

/** The file of what all ranks share lies beside theirs, and may be missing. */
async function readMeta(path: string, declare: (counts: { numExperts?: number }) => void): Promise<void> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return;
  }
  try {
    const { num_experts: numExperts } = JSON.parse(text) as { num_experts?: unknown };
    if (typeof numExperts === "number") declare({ numExperts });
  } catch {
    throw new InputError(
      `${path}: found damaged JSON, expected {"num_experts": 64, "num_experts_per_token": 6}`,
    );
  }
}
