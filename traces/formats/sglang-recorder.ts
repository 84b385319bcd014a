import { InputError } from "../../lib/errors.js";
import { denseTensor, entryOf, vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import { isTensor, memberOf, parseTorch, type TorchDict, type TorchValue } from "../containers/torch-file.js";
import { firstMember } from "../../lib/containers/zip.js";
import { readWhole, type FileHead } from "../bytes/file-bytes.js";
import { appendIds, loadsOfLayers } from "../bytes/tensor-rows.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { largest } from "../../lib/statistics.js";

/**
 * The files of SGLang's expert distribution recorder, in its three modes.
 *
 * `stat` holds loads of logical experts. `per_token` holds, forward pass by forward pass, the physical experts of every
 * token, -1 where there is none; `per_pass` their loads. Physical experts are mapped back to logical ones, and the
 * files of all ranks are read as one. A forward pass mixes requests, so sequences are unknown.
 * Source: sglang/srt/eplb/expert_distribution.py.
 */
export const sglangRecorder: TraceFormat = {
  name: "SGLang recorder",
  sign: "a torch file with logical_count or last_physical_to_logical_map",
  recognises({ bytes, text }: FileHead) {
    return firstMember(bytes).endsWith("data.pkl") && /logical_count|last_physical_to_logical_map/.test(text);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const content = parseTorch(await readWhole(path, onBytes), path);
      if (!(content instanceof Map))
        throw new InputError(`${path}: found no dictionary, expected a recording`);
      readRecording(content, builder, path);
    }
  },
};

function readRecording(content: TorchDict, builder: TraceBuilder, path: string): void {
  const stat = content.get("logical_count");
  if (isTensor(stat)) {
    addStat(stat, builder, path);
    return;
  }
  const map = content.get("last_physical_to_logical_map");
  const records = content.get("records");
  if (!isTensor(map) || !Array.isArray(records)) {
    throw new InputError(
      `${path}: found ${[...content.keys()].join(", ")}, expected logical_count, or records and last_physical_to_logical_map`,
    );
  }
  const logicalOf = Array.from({ length: map.shape[0] }, (_, layer) => vectorOf(entryOf(map, layer)));
  builder.declare(path, { numExperts: 1 + largest(logicalOf.map((row) => largest(row))) });
  (records as TorchValue[]).forEach((record, index) => {
    const ids = memberOf(record, "topk_ids_of_layer");
    const counts = memberOf(record, "global_physical_count");
    const recorded = isTensor(ids) ? ids : counts;
    if (!isTensor(recorded)) {
      throw new InputError(`${path}: found a record without topk_ids_of_layer or global_physical_count`);
    }
    const [pass = index, gatherer] = [memberOf(record, "forward_pass_id"), memberOf(record, "gatherer_key")];
    if (builder.sameBatch.isRepeat(path, JSON.stringify([pass, gatherer]), [recorded])) return;
    if (recorded === ids) appendPass(recorded, logicalOf, builder, path);
    else addPass(recorded, logicalOf, builder, path);
  });
}

/** Shape [numSteps, numLayers, numExperts], or without steps. */
function addStat(stat: Tensor, builder: TraceBuilder, path: string): void {
  const steps =
    stat.shape.length === 3 ? Array.from({ length: stat.shape[0] }, (_, at) => entryOf(stat, at)) : [stat];
  for (const step of steps) builder.addStep(path, loadsOfLayers(step));
}

/** Shape [numLayers, numPhysical]. */
function addPass(
  counts: Tensor,
  logicalOf: readonly Float64Array[],
  builder: TraceBuilder,
  path: string,
): void {
  logicalOf.forEach((logical, layer) => {
    const load = new Float64Array(builder.numExperts ?? 0);
    vectorOf(entryOf(counts, layer)).forEach((count, physical) => (load[logical[physical]] += count));
    builder.addLoad(path, layer, load);
  });
}

/** Shape [numLayers, numTokens, 8]; a model with a smaller top-k leaves the last places at -1. */
function appendPass(
  ids: Tensor,
  logicalOf: readonly Float64Array[],
  builder: TraceBuilder,
  path: string,
): void {
  logicalOf.forEach((logical, layer) => {
    const ofLayer = entryOf(ids, layer);
    const [numTokens, width] = ofLayer.shape;
    const experts = new Int32Array(numTokens * width);
    for (let token = 0; token < numTokens; token++) {
      for (let place = 0; place < width; place++) {
        const id = ofLayer.values[ofLayer.start + token * ofLayer.strides[0] + place * ofLayer.strides[1]];
        if (id >= logical.length && !builder.options.dropExperts?.includes(id)) {
          throw new InputError(
            `${path}: layer ${layer}: found physical expert ${id}, expected [0, ${logical.length}) as in the map beside it`,
            `Maybe it is a shared expert, which is no routed one; pass dropExperts ${id}.`,
          );
        }
        experts[token * width + place] = id < 0 ? -1 : (logical[id] ?? id);
      }
    }
    appendIds(builder, layer, denseTensor([numTokens, width], experts), path);
  });
}
