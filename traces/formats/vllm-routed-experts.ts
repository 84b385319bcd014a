import { InputError } from "../../lib/errors.js";
import { isNpy, parseNpy, parseNpyHeader, type NpyHeader } from "../../lib/containers/npy.js";
import { BYTES_OF, decodeValues, denseTensor } from "../../lib/containers/tensor.js";
import { firstMember, isZip, unzip } from "../../lib/containers/zip.js";
import { kindOfNpy, refuseEither } from "../array-kind.js";
import { appendArray } from "./arrays.js";
import { readBlocks, readHead, readWhole, type OnBytes } from "../bytes/file-bytes.js";
import { appendLayers } from "../bytes/tensor-rows.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

const MEMBER = "routed_experts.npy";

/**
 * What vLLM returns with return_routed_experts: an array [numTokens, numLayers, topK] for every request, as .npy or as
 * the member `routed_experts` of an .npz. A file is a sequence; those of a folder come one after the other.
 */
export const vllmRoutedExperts: TraceFormat = {
  name: "vLLM routed experts",
  sign: ".npy whose numbers are experts [tokens, layers, top-k], or such an .npz",
  recognises(head, { as }) {
    if (isZip(head.bytes)) return firstMember(head.bytes).endsWith(".npy");
    const { kind } = kindOfNpy(head, as);
    return kind === "tokens" || kind === "either";
  },
  why: (head, { as }) => kindOfNpy(head, as).why,
  async read(paths, builder, onBytes) {
    for (const path of paths) await readFile(path, builder, onBytes);
  },
};

/** Appends a request's array, the bytes of a .npy file. */
export function appendRequest(builder: TraceBuilder, npy: Buffer, where: string): void {
  const header = parseNpyHeader(npy, where);
  if (header.shape.length !== 3 || header.type.startsWith("float")) {
    throw new InputError(
      `${where}: found an array [${header.shape.join(", ")}], expected whole numbers [tokens, layers, top-k]`,
    );
  }
  startSequences(builder, header);
  appendLayers(builder, parseNpy(npy, where), where);
}

async function readFile(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const head = await readHead(path);
  const header = isNpy(head.bytes) ? parseNpyHeader(head.bytes, path) : undefined;
  if (header && kindOfNpy(head, builder.options.as).kind === "either") refuseEither(path, header.shape);
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
  for await (const block of readBlocks(path, cut, { onBytes })) {
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
  const arrays = [...members].filter(
    ([, array]) => isNpy(array) && parseNpyHeader(array, path).shape.length > 1,
  );
  if (!member && arrays.length === 1) {
    const [[name, array]] = arrays;
    appendArray(builder, parseNpy(array, path), { where: `${path}: ${name}`, as: builder.options.as });
    return;
  }
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
