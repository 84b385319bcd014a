import { createHash } from "node:crypto";
import { InputError } from "../../lib/errors.js";
import { isNpy, parseNpy } from "../../lib/containers/npy.js";
import {
  BYTES_OF,
  decodeValues,
  denseTensor,
  entryOf,
  rowMajor,
  type ScalarType,
  type Tensor,
} from "../../lib/containers/tensor.js";
import { checkShape } from "../../lib/plausible-size.js";
import { isSafetensors } from "../containers/safetensors.js";
import { readHead, readText, type FileHead } from "../bytes/file-bytes.js";
import { STANDARD_INPUT } from "../bytes/standard-input.js";
import { hasRoutedExperts, scanResponses, type RoutedPart } from "../bytes/response-scanner.js";
import { appendLayers } from "../bytes/tensor-rows.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

const ALONE = /^[A-Za-z0-9+/]{64,}={0,2}\s*$/;
/** Members that responses have and traces have not. */
const RESPONSE = /"(choices|meta_info|output_ids|token_ids|prompt_token_ids|usage)"\s*:/;
const TYPES: ReadonlySet<string> = new Set(Object.keys(BYTES_OF).filter((type) => !type.includes("float")));

/**
 * What engines return with return_routed_experts, in the JSON of a response, of one a line or of a stream of events, or
 * alone. A request is a sequence; parts of it, which tell where they begin or repeat what came before, are joined.
 *
 * SGLang sends base64 of int32 [numTokens, numLayers, topK], whose shape is written nowhere; vLLM base64 of a .npy file;
 * servers around vLLM {"data", "shape", "dtype", "start"}.
 */
export const sglangRoutedExperts: TraceFormat = {
  name: "SGLang routed experts",
  sign: 'JSON with "routed_experts", wherever it stands, or base64 alone',
  recognises({ bytes, text }: FileHead) {
    // A tensor of that name stands in the header of safetensors.
    if (isSafetensors(bytes)) return false;
    // Engines return all layers; a recording of some tells which.
    if (/^\s*\{[^{]*"layers?_?(ids|indices|idx)"\s*:\s*\[/.test(text)) return false;
    // A row of a table is one token of all layers.
    if (
      /^\s*\[?\s*\{[^{}[\]]*"(token|tok|pos|position)(_?(id|idx|index))?"\s*:\s*\d+\s*,[^{}[\]]*"routed_experts"/.test(
        text,
      )
    )
      return false;
    return /"(prompt_)?routed_experts"\s*:\s*["[{]/.test(text) || ALONE.test(text);
  },
  findsFurtherOn({ path, text }) {
    if (!/^\s*([{[]|data:|event:|:)/.test(text)) return false;
    // Standard input is read once.
    return path === STANDARD_INPUT ? RESPONSE.test(text) : hasRoutedExperts(path);
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) {
      const requests = new Requests(builder, path);
      const onCut = () => builder.warnings.push(`${path}: the last response is cut off and was left out`);
      if (ALONE.test((await readHead(path)).text)) {
        const text = (await readText(path, onBytes)).trim();
        requests.append({ ids: arrayOfBase64(text, builder, path) }, ALL);
        continue;
      }
      for await (const part of scanResponses(path, { onBytes, onCut })) {
        requests.append(arrayOf(part.json, builder, path), part);
      }
      const gap = requests.describeGap();
      if (gap !== undefined) builder.warnings.push(`${path}: ${gap}`);
    }
  },
};

/** Of a file that is one part and says no more. */
const ALL: Pick<RoutedPart, "request" | "start"> = { request: undefined, start: undefined };

/** A part: its ids [numTokens, numLayers, topK], and the tokens before it where the part itself tells. */
interface Part {
  readonly ids: Tensor;
  readonly start?: number;
}

/** What was read of a request: stretches of tokens, ascending and apart, and a hash of its last part where none tells where it begins. */
interface ReadRequest {
  readonly stretches: readonly Stretch[];
  readonly hash: string;
}

/** Tokens of a request, up to but without `to`. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What was read of the requests of a file. */
class Requests {
  readonly #builder: TraceBuilder;
  readonly #path: string;
  readonly #read = new Map<string, ReadRequest>();
  #last: string | undefined;
  /** Where the last token that was handed on stands in its request. */
  #lastToken = -1;

  constructor(builder: TraceBuilder, path: string) {
    this.#builder = builder;
    this.#path = path;
  }

  /** Takes a part of a request: what of it was not read before, in whatever order parts come. */
  append(
    { ids, start: ownStart }: Part,
    { request, start = ownStart }: Pick<RoutedPart, "request" | "start">,
  ): void {
    ids = tokensFirst(ids, this.#builder.options.numLayers);
    const [numTokens, numLayers, topK] = ids.shape;
    if (numTokens === 0) return;
    const before = request === undefined ? undefined : this.#read.get(request);
    const from = start ?? startOf(ids, before);
    for (const part of missing({ from, to: from + numTokens }, before?.stretches ?? [])) {
      const isContinued = before !== undefined && this.#last === request && part.from === this.#lastToken + 1;
      if (!isContinued) {
        for (let layer = 0; layer < numLayers; layer++) this.#builder.startSequence(layer, { topK });
      }
      const first = part.from - from;
      appendLayers(this.#builder, tokensOf(ids, first, part.to - from), this.#path);
      this.#last = request;
      this.#lastToken = part.to - 1;
    }
    if (request === undefined) return;
    const stretches = joined([...(before?.stretches ?? []), { from, to: from + numTokens }]);
    this.#read.set(request, { stretches, hash: hashOf(ids, numTokens) });
  }

  /** Which tokens of a request no part had, though parts before and behind them came; undefined where there are none. */
  describeGap(): string | undefined {
    const apart = [...this.#read].filter(([, { stretches }]) => stretches.length > 1);
    if (apart.length === 0) return undefined;
    const [[request, { stretches }]] = apart;
    const others = apart.length > 1 ? ` and of ${apart.length - 1} more` : "";
    return (
      `tokens ${stretches[0].to} to ${stretches[1].from - 1} of request ${request}${others} are in no part: ` +
      "what comes behind a gap counts as a sequence of its own; maybe a response was lost"
    );
  }
}

/** Ids [tokens, layers, top-k], of an array in which layers, of which there are as many as was told, may come first. */
function tokensFirst(ids: Tensor, numLayers: number | undefined): Tensor {
  const [first, second, topK] = ids.shape;
  if (first !== numLayers || second === numLayers) return ids;
  const [ofFirst, ofSecond, ofPlace] = ids.strides;
  return rowMajor({ ...ids, shape: [second, first, topK], strides: [ofSecond, ofFirst, ofPlace] });
}

/** Where a part begins that does not tell: streams of events repeat all that came before, or send what is new. */
function startOf(ids: Tensor, before: ReadRequest | undefined): number {
  const end = before?.stretches.at(-1)?.to ?? 0;
  const isRepeated = before !== undefined && end <= ids.shape[0] && hashOf(ids, end) === before.hash;
  return isRepeated ? 0 : end;
}

/** What of a stretch is in none of others. */
function missing({ from, to }: Stretch, stretches: readonly Stretch[]): Stretch[] {
  const parts: Stretch[] = [];
  for (const other of stretches) {
    if (other.to <= from || other.from >= to) continue;
    if (other.from > from) parts.push({ from, to: other.from });
    from = other.to;
  }
  return from < to ? [...parts, { from, to }] : parts;
}

/** Stretches ascending and apart. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const apart: Stretch[] = [];
  for (const { from, to } of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = apart.at(-1);
    if (last && from <= last.to) apart[apart.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    else apart.push({ from, to });
  }
  return apart;
}

function tokensOf(ids: Tensor, first: number, end: number): Tensor {
  const { start } = entryOf(ids, first);
  return { ...ids, shape: [end - first, ...ids.shape.slice(1)], start };
}

/** A hash of the first tokens of an array, which lie one after the other. */
function hashOf({ values, strides, start }: Tensor, numTokens: number): string {
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = values.subarray(start);
  const bytes = new Uint8Array(buffer, byteOffset, numTokens * strides[0] * BYTES_PER_ELEMENT);
  return createHash("sha1").update(bytes).digest("base64");
}

/** @param json Base64 in quotes, an object of "data", "shape" and "dtype", or lists [tokens][layers][top-k]. */
function arrayOf(json: string, builder: TraceBuilder, path: string): Part {
  if (json.startsWith('"'))
    return { ids: arrayOfBase64(json.slice(1, -1).replaceAll("\\", ""), builder, path) };
  const value = parse(json, path);
  if (Array.isArray(value)) return { ids: arrayOfLists(value, path) };
  const { data, shape, dtype, start } = value as Readonly<Record<string, unknown>>;
  const isShape = Array.isArray(shape) && shape.length === 3;
  if (typeof data !== "string" || !isShape || typeof dtype !== "string" || !TYPES.has(dtype)) {
    throw new InputError(
      `${path}: found routed_experts ${json.slice(0, 60)}, expected "data", "shape" [tokens, layers, top-k] and "dtype"`,
    );
  }
  const values = decodeValues(dtype as ScalarType, Buffer.from(data, "base64"));
  const size = checkShape(path, shape as number[], values.length);
  if (size !== values.length) {
    throw new InputError(`${path}: found ${values.length} ids, expected ${size} for [${shape.join(", ")}]`);
  }
  return {
    ids: denseTensor(shape as number[], values),
    ...(Number.isSafeInteger(start) && Number(start) >= 0 && { start: Number(start) }),
  };
}

function parse(json: string, path: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new InputError(`${path}: found routed_experts ${json.slice(0, 60)}, expected JSON`);
  }
}

function arrayOfBase64(base64: string, builder: TraceBuilder, path: string): Tensor {
  const bytes = Buffer.from(base64, "base64");
  if (isNpy(bytes)) {
    const array = parseNpy(bytes, path);
    const isIds = array.shape.length === 3 && array.values.every((id) => Number.isInteger(id));
    if (isIds) return rowMajor(array);
    throw new InputError(
      `${path}: found an array [${array.shape.join(", ")}], expected whole numbers [tokens, layers, top-k]`,
    );
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
  return denseTensor([numTokens, numLayers, topK], decodeValues("int32", bytes));
}

/** @param lists Shape [numTokens][numLayers][topK]. */
function arrayOfLists(lists: readonly unknown[], path: string): Tensor {
  const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
  const [first] = lists;
  const numLayers = isList(first) ? first.length : 0;
  const topK = isList(first) && isList(first[0]) ? first[0].length : 0;
  const ids: number[] = [];
  for (const token of lists) {
    for (const layer of isList(token) && token.length === numLayers ? token : [undefined]) {
      if (!isList(layer) || layer.length !== topK || !layer.every(Number.isInteger)) {
        throw new InputError(
          `${path}: found routed_experts of uneven lists, expected [tokens][layers][top-k]`,
        );
      }
      for (const id of layer) ids.push(Number(id));
    }
  }
  return denseTensor([lists.length, numLayers, topK], Float64Array.from(ids));
}
