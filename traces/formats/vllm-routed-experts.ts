import { InputError } from "../../lib/errors.js";
import { isNpy, parseNpy, parseNpyHeader, type NpyHeader } from "../../lib/containers/npy.js";
import { BYTES_OF, decodeValues, denseTensor } from "../../lib/containers/tensor.js";
import { firstMember, isZip, unzip } from "../../lib/containers/zip.js";
import { readBlocks, readHead, readWhole, type FileHead, type OnBytes } from "../bytes/file-bytes.js";
import { appendLayers } from "../bytes/tensor-rows.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/** No model gives a token more experts; a longer last dimension counts experts. */
const MAX_TOP_K = 24;
const MEMBER = "routed_experts.npy";

/**
 * What vLLM returns with return_routed_experts: an array [numTokens, numLayers, topK] for every request, as .npy or as
 * the member `routed_experts` of an .npz. A file is a sequence; those of a folder come one after the other.
 */
export const vllmRoutedExperts: TraceFormat = {
  name: "vLLM routed experts",
  sign: ".npy whose numbers are experts [tokens, layers, top-k], or such an .npz",
  recognises({ bytes, path }: FileHead) {
    if (isZip(bytes)) return firstMember(bytes).endsWith(".npy");
    return isNpy(bytes) && isRoutedExperts(parseNpyHeader(bytes, path));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) await readFile(path, builder, onBytes);
  },
};

/** Whether an array holds the experts of tokens, rather than loads. */
export function isRoutedExperts({ shape, type }: Pick<NpyHeader, "shape" | "type">): boolean {
  return shape.length === 3 && shape[2] <= MAX_TOP_K && !type.startsWith("float");
}

/** Appends a request's array, the bytes of a .npy file. */
export function appendRequest(builder: TraceBuilder, npy: Buffer, where: string): void {
  const header = parseNpyHeader(npy, where);
  if (!isRoutedExperts(header)) {
    throw new InputError(
      `${where}: found an array [${header.shape.join(", ")}], expected whole numbers [tokens, layers, top-k]`,
    );
  }
  startSequences(builder, header);
  appendLayers(builder, parseNpy(npy, where), where);
}

async function readFile(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const { bytes: head } = await readHead(path);
  const header = isNpy(head) ? parseNpyHeader(head, path) : undefined;
  // Only an array that is written token after token can be read piece by piece.
  if (!header || header.isFortran) {
    readPacked(await readWhole(path, onBytes), builder, path);
    return;
  }
  startSequences(builder, header);
  const { dataStart, type } = header;
  const [numTokens, numLayers, topK] = header.shape;
  const bytesPerToken = numLayers * topK * BYTES_OF[type];
  const wholeTokens = ({ length }: Buffer) => length - (length % bytesPerToken);
  let isData = false;
  let tokensRead = 0;
  const cut = (bytes: Buffer) => (isData ? wholeTokens(bytes) : bytes.length < dataStart ? 0 : dataStart);
  for await (const block of readBlocks(path, cut, onBytes)) {
    if (!isData) {
      isData = true;
      continue;
    }
    const tokens = Math.min(numTokens - tokensRead, Math.floor(block.length / bytesPerToken));
    const values = decodeValues(type, block.subarray(0, tokens * bytesPerToken));
    appendLayers(builder, denseTensor([tokens, numLayers, topK], values), path);
    tokensRead += tokens;
  }
  if (tokensRead < numTokens) {
    builder.warnings.push(`${path}: cut off after ${tokensRead} of ${numTokens} tokens`);
  }
}

function readPacked(bytes: Buffer, builder: TraceBuilder, path: string): void {
  if (!isZip(bytes)) {
    appendRequest(builder, bytes, path);
    return;
  }
  const members = unzip(bytes, path, (name) => name.endsWith(".npy"));
  const member = members.get(MEMBER);
  if (!member) {
    throw new InputError(`${path}: found members ${[...members.keys()].join(", ")}, expected ${MEMBER}`);
  }
  appendRequest(builder, member, path);
}

function startSequences(builder: TraceBuilder, { shape }: NpyHeader): void {
  const [numTokens, numLayers, topK] = shape;
  for (let layer = 0; layer < numLayers; layer++) {
    builder.startSequence(layer, { topK });
    builder.reserve(layer, numTokens);
  }
}
