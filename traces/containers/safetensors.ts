import { InputError } from "../../lib/errors.js";
import { BYTES_OF, decodeValues, denseTensor, sizeOf, type ScalarType, type Tensor } from "./tensor.js";

const SCALARS: Readonly<Record<string, ScalarType>> = {
  BOOL: "uint8",
  U8: "uint8",
  I8: "int8",
  U16: "uint16",
  I16: "int16",
  U32: "uint32",
  I32: "int32",
  U64: "uint64",
  I64: "int64",
  F32: "float32",
  F64: "float64",
};

/** Whether bytes begin like a safetensors file: the length of a JSON header, then the header. */
export function isSafetensors(bytes: Buffer): boolean {
  return bytes.length > 10 && bytes.readUInt32LE(4) === 0 && bytes[8] === 0x7b && bytes[9] === 0x22;
}

/**
 * Reads all tensors of a safetensors file by name.
 *
 * Format: 8 bytes length, JSON {name: {dtype, shape, data_offsets}}, data.
 *
 * @throws InputError if it is damaged or holds numbers no trace is made of.
 */
export function parseSafetensors(bytes: Buffer, where: string): Map<string, Tensor> {
  const dataStart = 8 + bytes.readUInt32LE(0);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(parseHeader(bytes.subarray(8, dataStart), where))) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = entry;
    if (!(dtype in SCALARS)) {
      throw new InputError(`${where}: found tensor ${name} of type ${dtype}, expected whole numbers`);
    }
    const [from, to] = offsets.map((offset) => dataStart + offset);
    if (to > bytes.length || to - from !== sizeOf({ shape }) * BYTES_OF[SCALARS[dtype]]) {
      throw new InputError(
        `${where}: found ${bytes.length} bytes, expected ${to} for tensor ${name}`,
        "Maybe the file was cut off.",
      );
    }
    tensors.set(name, denseTensor(shape, decodeValues(SCALARS[dtype], bytes.subarray(from, to))));
  }
  return tensors;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function parseHeader(bytes: Buffer, where: string): Record<string, HeaderEntry> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, HeaderEntry>;
  } catch {
    throw new InputError(`${where}: found a damaged header, expected a safetensors file`);
  }
}
