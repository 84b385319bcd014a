import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError } from "../../lib/errors.js";
import { isSafetensors, parseSafetensors } from "../containers/safetensors.js";
import { denseTensor, vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import { readWhole, type FileHead } from "../bytes/file-bytes.js";
import { appendIds } from "../bytes/tensor-rows.js";
import { mayBeSlots, type SlotMap } from "../slot-map.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

const META = "meta_info.json";
const KEY = /^(\d+)_(\d+)$/;

/**
 * The expert statistics of TensorRT-LLM (EXPERT_STATISTIC_PATH): meta_info.json and, for every rank, safetensors whose
 * keys are "<iteration>_<layer>". One dimension counts the load of every expert, two list the experts of every token;
 * where a folder has both, the tokens are read. The ranks are read as one. With a load balancer the ids are slots.
 */
export const tensorrtLlm: TraceFormat = {
  name: "TensorRT-LLM expert statistics",
  sign: 'safetensors with keys like "50_3", or meta_info.json with num_experts and num_experts_per_token',
  recognises({ bytes, text }: FileHead) {
    if (isSafetensors(bytes)) return /"\d+_\d+"\s*:\s*\{\s*"dtype"/.test(text);
    return text.startsWith("{") && text.includes('"num_experts_per_token"') && text.includes('"num_experts"');
  },
  async read(paths, builder, onBytes) {
    const found: Recording[] = [];
    const metas = new Set(paths.map((path) => join(dirname(path), META)));
    let slots: SlotMap | undefined;
    for (const meta of metas) slots = await takeMeta(meta, builder);
    const ignored: string[] = [];
    for (const path of paths) {
      if (metas.has(path)) continue;
      for (const [key, tensor] of parseSafetensors(await readWhole(path, onBytes), path)) {
        const parts = KEY.exec(key);
        if (!parts || isCooccurrence(tensor, path, builder.numExperts)) ignored.push(path);
        else found.push({ tensor, iteration: Number(parts[1]), layer: Number(parts[2]), path });
      }
    }
    found.sort((a, b) => a.iteration - b.iteration || a.layer - b.layer);
    const tokens = found.filter(({ tensor }) => tensor.shape.length === 2);
    if (found.length === 0 && ignored.length > 0) {
      throw new InputError(
        `${ignored[0]}: found co-occurrences of experts, expected what every token chose`,
        "Maybe read it together with the files of token_selected_experts.",
      );
    }
    if (ignored.length > 0) builder.warnings.push(`${ignored[0]}: co-occurrences of experts were left out`);
    for (const recording of tokens.length > 0 ? tokens : found) {
      const { tensor, layer, iteration, path } = recording;
      const kind = tensor.shape.length === 2 ? "tokens" : "loads";
      if (builder.sameBatch.isRepeat(path, `${kind} ${iteration} ${layer}`, [tensor])) continue;
      if (kind === "tokens")
        appendIds(builder, layer, slots ? expertsOfSlots(slots, recording) : tensor, path);
      else builder.addLoad(path, layer, slots ? loadsOfSlots(slots, recording) : vectorOf(tensor));
    }
  },
};

interface Recording {
  readonly tensor: Tensor;
  readonly iteration: number;
  readonly layer: number;
  readonly path: string;
}

/** A branch of 2025 counts pairs too, in files of their own beside those of the tokens. Shape [numExperts, numExperts]. */
function isCooccurrence({ shape }: Tensor, path: string, numExperts: number | undefined): boolean {
  if (basename(path).startsWith("cooccurrence")) return true;
  return shape.length === 2 && shape[0] === shape[1] && shape[0] === numExperts;
}

/**
 * Takes the number of experts, which is that of the slots where a load balancer ran: then ids and loads are of slots.
 *
 * @returns What maps them back, where they are slots.
 * @throws InputError if they seem to be slots and nothing maps them back.
 */
async function takeMeta(path: string, builder: TraceBuilder): Promise<SlotMap | undefined> {
  const { numExperts, topK } = await readMeta(path);
  const slots = builder.takeSlotMap();
  if (slots) {
    builder.declare(path, { numExperts: slots.numExperts });
    return slots;
  }
  if (numExperts === undefined) return undefined;
  const { numExperts: declared } = builder.options;
  if (declared === undefined ? mayBeSlots(numExperts, topK) : declared !== numExperts) {
    const expected = declared === undefined ? "the experts of a model that is known" : `${declared}`;
    throw new InputError(
      `${path}: found num_experts ${numExperts}, expected ${expected}: with a load balancer, TensorRT-LLM records slots`,
      `Maybe pass placement with the load balancer file that ran, or pass numExperts ${numExperts} where these are experts.`,
    );
  }
  builder.declare(path, { numExperts });
  return undefined;
}

function expertsOfSlots(slots: SlotMap, { tensor, layer, path }: Recording): Tensor {
  const experts = slots.expertsOf(layer);
  const [numTokens, topK] = tensor.shape;
  const ids = Int32Array.from({ length: numTokens * topK }, (_, index) => {
    const [token, place] = [Math.floor(index / topK), index % topK];
    const slot = tensor.values[tensor.start + token * tensor.strides[0] + place * tensor.strides[1]];
    return slot < 0 ? -1 : expertOf(experts, slot, `${path}: layer ${layer}`);
  });
  return denseTensor([numTokens, topK], ids);
}

function loadsOfSlots(slots: SlotMap, { tensor, layer, path }: Recording): Float64Array {
  const experts = slots.expertsOf(layer);
  const load = new Float64Array(slots.numExperts);
  vectorOf(tensor).forEach((count, slot) => {
    load[expertOf(experts, slot, `${path}: layer ${layer}`)] += count;
  });
  return load;
}

function expertOf(experts: readonly number[], slot: number, where: string): number {
  if (slot < experts.length) return experts[slot];
  throw new InputError(
    `${where}: found slot ${slot}, expected [0, ${experts.length}) as in the placement`,
    "Maybe it is not the placement that ran.",
  );
}

/** The file of what all ranks share lies beside theirs, and may be missing. */
async function readMeta(path: string): Promise<{ numExperts?: number; topK?: number }> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return {};
  }
  try {
    const { num_experts: numExperts, num_experts_per_token: topK } = JSON.parse(text) as Record<
      string,
      unknown
    >;
    return {
      ...(typeof numExperts === "number" && { numExperts }),
      ...(typeof topK === "number" && { topK }),
    };
  } catch {
    throw new InputError(
      `${path}: found damaged JSON, expected {"num_experts": 64, "num_experts_per_token": 6}`,
    );
  }
}
