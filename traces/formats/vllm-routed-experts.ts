import { isNpy, parseNpy, parseNpyHeader } from "../../lib/containers/npy.js";
import { BYTES_OF, decodeValues, denseTensor } from "../../lib/containers/tensor.js";
import { firstMember, isZip, unzip } from "../../lib/containers/zip.js";
import { kindOfNpy } from "../array-kind.js";
import { readBlocks, readHead, readWhole, type OnBytes } from "../bytes/file-bytes.js";
import { appendLayers } from "../bytes/tensor-rows.js";
import { asTensor, type TorchValue } from "../containers/torch-file.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { isShort, startRequest } from "./arrays.js";
import { appendNumbers } from "./numbers.js";
import { appendNamed } from "./named-arrays.js";

/**
 * What vLLM returns with return_routed_experts: an array [numTokens, numLayers, topK] for every request, as .npy or as
 * the member `routed_experts` of an .npz. A file is a sequence; those of a folder come one after the other. Whatever
 * else numpy writes that is no load matrix and no matrix of tokens is refused here.
 */
export const vllmRoutedExperts: TraceFormat = {
  name: "vLLM routed experts",
  sign: ".npy whose numbers are experts [tokens, layers, top-k], or such an .npz",
  recognises(head, options) {
    if (isZip(head.bytes)) return firstMember(head.bytes).endsWith(".npy");
    const { kind } = kindOfNpy(head, options);
    return isNpy(head.bytes) && kind !== "loads" && kind !== "top-1 tokens" && kind !== "tokens of a layer";
  },
  why: (head, options) => kindOfNpy(head, options).why,
  async read(paths, builder, onBytes) {
    for (const path of paths) await readFile(path, builder, onBytes);
  },
};

async function readFile(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const head = await readHead(path);
  const header = isNpy(head.bytes) ? parseNpyHeader(head.bytes, path) : undefined;
  // Only an array that is written token after token can be read piece by piece, and a short one need not be.
  const isWhole = !header || header.isFortran || isShort(header.shape);
  if (isWhole || kindOfNpy(head, builder.options).kind !== "tokens") {
    const bytes = await readWhole(path, onBytes);
    if (header) appendNumbers(builder, parseNpy(bytes, path), { where: path });
    else appendNamed(builder, arraysOf(bytes, path), path);
    return;
  }
  startRequest(builder, header.shape);
  const { dataStart, type, isBigEndian } = header;
  const [numTokens, numLayers, topK] = header.shape;
  const bytesPerToken = numLayers * topK * BYTES_OF[type];
  const wholeTokens = ({ length }: Buffer) => length - (length % bytesPerToken);
  let isData = false;
  let tokensRead = 0;
  const cut = (bytes: Buffer) => (isData ? wholeTokens(bytes) : bytes.length < dataStart ? 0 : dataStart);
  for await (const block of readBlocks(path, cut, { onBytes })) {
    if (!isData) {
      isData = true;
      continue;
    }
    const tokens = Math.min(numTokens - tokensRead, Math.floor(block.length / bytesPerToken));
    const values = decodeValues(type, block.subarray(0, tokens * bytesPerToken), isBigEndian);
    appendLayers(builder, denseTensor([tokens, numLayers, topK], values), path);
    tokensRead += tokens;
  }
  if (tokensRead < numTokens) {
    builder.warnings.push(`${path}: cut off after ${tokensRead} of ${numTokens} tokens`);
  }
}

/** The arrays of an .npz by name, without those that hold no numbers. */
function arraysOf(bytes: Buffer, path: string): ReadonlyMap<string, TorchValue> {
  const members = unzip(bytes, path, (name) => name.endsWith(".npy"));
  return new Map(
    [...members].flatMap(([name, member]) =>
      holdsNumbers(member, path)
        ? [[name.slice(0, -".npy".length), asTensor(parseNpy(member, path))] as const]
        : [],
    ),
  );
}

function holdsNumbers(member: Buffer, path: string): boolean {
  try {
    return isNpy(member) && parseNpyHeader(member, path).shape.length >= 0;
  } catch {
    return false;
  }
}
