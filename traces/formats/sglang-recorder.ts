import { InputError } from "../../lib/errors.js";
import { denseTensor, entryOf, vectorOf, type Tensor } from "../../lib/containers/tensor.js";
import { isTensor, memberOf, parseTorch, type TorchDict, type TorchValue } from "../containers/torch-file.js";
import { firstMember } from "../../lib/containers/zip.js";
import { readWhole, type FileHead } from "../bytes/file-bytes.js";
import { appendIds } from "../bytes/tensor-rows.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

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
  builder.declare(path, { numExperts: 1 + Math.max(...logicalOf.map((row) => Math.max(...row))) });
  for (const record of records as TorchValue[]) {
    const ids = memberOf(record, "topk_ids_of_layer");
    const counts = memberOf(record, "global_physical_count");
    if (isTensor(ids)) appendPass(ids, logicalOf, builder, path);
    else if (isTensor(counts)) addPass(counts, logicalOf, builder, path);
    else throw new InputError(`${path}: found a record without topk_ids_of_layer or global_physical_count`);
  }
}

/** Shape [numSteps, numLayers, numExperts], or without steps. */
function addStat(stat: Tensor, builder: TraceBuilder, path: string): void {
  const steps =
    stat.shape.length === 3 ? Array.from({ length: stat.shape[0] }, (_, at) => entryOf(stat, at)) : [stat];
  for (const step of steps) {
    for (let layer = 0; layer < step.shape[0]; layer++) {
      builder.addLoad(path, layer, vectorOf(entryOf(step, layer)));
    }
  }
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
    const rows = Array.from({ length: ofLayer.shape[0] }, (_, token) =>
      vectorOf(entryOf(ofLayer, token)).filter((id) => id >= 0),
    ).filter(({ length }) => length > 0);
    if (rows.length === 0) return;
    const topK = rows[0].length;
    const uneven = rows.find(({ length }) => length !== topK);
    if (uneven) {
      throw new InputError(
        `${path}: layer ${layer}: found ${uneven.length} experts in a token, expected ${topK} as in the others`,
      );
    }
    const values = Int32Array.from(rows.flatMap((row) => Array.from(row, (id) => logical[id] ?? -1)));
    appendIds(builder, layer, denseTensor([rows.length, topK], values), path);
  });
}
