import { describeValue } from "../../lib/describe-value.js";
import { InputError } from "../../lib/errors.js";
import {
  BYTES_OF,
  decodeValues,
  denseTensor,
  type ScalarType,
  type Tensor,
} from "../../lib/containers/tensor.js";
import { checkShape } from "../../lib/plausible-size.js";

const SCALARS: ReadonlyMap<unknown, ScalarType> = new Map([
  ["BOOL", "uint8"],
  ["U8", "uint8"],
  ["I8", "int8"],
  ["U16", "uint16"],
  ["I16", "int16"],
  ["U32", "uint32"],
  ["I32", "int32"],
  ["U64", "uint64"],
  ["I64", "int64"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["F32", "float32"],
  ["F64", "float64"],
]);

/** Whether bytes begin like a safetensors file: the length of a JSON header, then the header. */
export function isSafetensors(bytes: Buffer): boolean {
  return bytes.length > 10 && bytes.readUInt32LE(4) === 0 && bytes[8] === 0x7b && bytes[9] === 0x22;
}

/**
 * Reads all tensors of a safetensors file by name.
 *
 * Format: 8 bytes length, JSON {name: {dtype, shape, data_offsets}}, data.
 *
 * Tensors of types that are no plain numbers, such as those of 8-bit weights, are left out.
 *
 * @throws InputError if it is damaged.
 */
export function parseSafetensors(bytes: Buffer, where: string): Map<string, Tensor> {
  if (!isSafetensors(bytes))
    throw new InputError(`${where}: found another kind of file, expected safetensors`);
  const dataStart = 8 + bytes.readUInt32LE(0);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(parseHeader(bytes.subarray(8, dataStart), where))) {
    if (name === "__metadata__") continue;
    const tensor = `${where}: tensor ${describeValue(name)}`;
    const parsed = parseEntry(entry, tensor);
    if (parsed === undefined) continue;
    const { dtype, shape, offsets } = parsed;
    const [from, to] = offsets.map((offset) => dataStart + offset);
    const numStored = Math.floor((Math.min(to, bytes.length) - from) / BYTES_OF[dtype]);
    const size = checkShape(tensor, shape, numStored);
    if (to > bytes.length || to - from !== size * BYTES_OF[dtype]) {
      throw new InputError(
        `${where}: found ${bytes.length} bytes, expected ${from + size * BYTES_OF[dtype]} for tensor ${name}`,
        "Maybe the file was cut off.",
      );
    }
    tensors.set(name, denseTensor(shape, decodeValues(dtype, bytes.subarray(from, to))));
  }
  return tensors;
}

interface HeaderEntry {
  readonly dtype: ScalarType;
  readonly shape: readonly number[];
  /** Of the first byte and the one behind the last, in the data. */
  readonly offsets: readonly [number, number];
}

function parseEntry(entry: unknown, where: string): HeaderEntry | undefined {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const scalar = SCALARS.get(dtype);
  if (scalar === undefined && typeof dtype === "string") return undefined;
  if (scalar === undefined) {
    throw new InputError(`${where}: found type ${describeValue(dtype)}, expected the name of one`);
  }
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw new InputError(`${where}: found ${describeValue(entry)}, expected a shape and two data_offsets`);
  }
  return { dtype: scalar, shape, offsets: [offsets[0], offsets[1]] };
}

function parseHeader(bytes: Buffer, where: string): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  } catch {
    throw new InputError(`${where}: found a damaged header, expected a safetensors file`);
  }
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
