import { InputError } from "../errors.js";
import { describeValue } from "../describe-value.js";
import { checkShape } from "../plausible-size.js";
import { BYTES_OF, decodeValues, rowMajorStrides, type ScalarType, type Tensor } from "./tensor.js";

/** What the head of a .npy file says. Format: numpy/lib/format.py, versions 1.0 to 3.0. */
export interface NpyHeader {
  readonly type: ScalarType;
  readonly isBigEndian: boolean;
  readonly shape: readonly number[];
  /** Whether the first dimension is the fastest. */
  readonly isFortran: boolean;
  /** Where the values begin, in bytes. */
  readonly dataStart: number;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** numpy refuses longer headers too. */
const MOST_HEADER_BYTES = 65536;
/** numpy has no arrays of more. */
const MOST_DIMENSIONS = 64;

/** Types by numpy's code, without byte order. */
export const NUMPY_SCALARS: ReadonlyMap<string, ScalarType> = new Map([
  ["b1", "uint8"],
  ["u1", "uint8"],
  ["i1", "int8"],
  ["u2", "uint16"],
  ["i2", "int16"],
  ["u4", "uint32"],
  ["i4", "int32"],
  ["u8", "uint64"],
  ["i8", "int64"],
  ["f2", "float16"],
  ["f4", "float32"],
  ["f8", "float64"],
]);

/** Whether bytes begin like a .npy file. */
export function isNpy(bytes: Uint8Array): boolean {
  return bytes.length > 10 && MAGIC.every((byte, index) => bytes[index] === byte);
}

/**
 * Reads the head of a .npy file.
 *
 * @throws InputError if the head is damaged or the numbers are of a kind that is not read.
 */
export function parseNpyHeader(bytes: Buffer, where: string): NpyHeader {
  const isFirstVersion = bytes[6] === 1;
  const headerStart = isFirstVersion ? 10 : 12;
  if (!isNpy(bytes) || bytes.length < headerStart) {
    throw new InputError(`${where}: found no .npy file, expected one`);
  }
  const length = isFirstVersion ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const dataStart = headerStart + length;
  const text = bytes.toString("latin1", headerStart, Math.min(dataStart, bytes.length));
  const [, order = "", code = ""] = /'descr':\s*'([<>|=]?)(\w{1,8})'/.exec(text) ?? [];
  const type = NUMPY_SCALARS.get(code);
  const dimensions = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (type === undefined || dimensions === undefined || length > MOST_HEADER_BYTES) {
    throw new InputError(
      `${where}: found an array of ${order}${code || "an unknown type"}, header ${describeValue(text.trim())}, expected numbers`,
      "Maybe save it again with .astype('int32').",
    );
  }
  const shape = dimensions
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  if (shape.length > MOST_DIMENSIONS) {
    throw new InputError(`${where}: found ${shape.length} dimensions, expected at most ${MOST_DIMENSIONS}`);
  }
  return {
    type,
    isBigEndian: order === ">",
    shape,
    isFortran: /'fortran_order':\s*True/.test(text),
    dataStart,
  };
}

/**
 * Reads a whole .npy file.
 *
 * @throws InputError if it is damaged, or holds fewer values than its shape says.
 */
export function parseNpy(bytes: Buffer, where: string): Tensor {
  const { type, isBigEndian, shape, isFortran, dataStart } = parseNpyHeader(bytes, where);
  const data = bytes.subarray(dataStart);
  const numStored = Math.floor(data.length / BYTES_OF[type]);
  const size = checkShape(where, shape, numStored);
  if (numStored < size) {
    throw new InputError(
      `${where}: found ${bytes.length} bytes, expected ${dataStart + size * BYTES_OF[type]} for [${shape.join(", ")}]`,
      "Maybe the file was cut off.",
    );
  }
  const values = decodeValues(type, data.subarray(0, size * BYTES_OF[type]), isBigEndian);
  const strides = isFortran ? rowMajorStrides(shape.toReversed()).toReversed() : rowMajorStrides(shape);
  return { shape, strides, start: 0, values };
}

/**
 * Writes a .npy file of int64, version 1.0, row-major.
 *
 * @param values Integers. Shape `shape`, row-major.
 */
export function writeNpy(shape: readonly number[], values: ArrayLike<number>): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '<i8', 'fortran_order': False, 'shape': (${dimensions}), }`;
  // numpy aligns the data to 64 bytes: 10 bytes of magic, version and length, then the header and its line end.
  const start = Math.ceil((10 + header.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + 8 * values.length).fill(0x20, 10, start);
  const view = new DataView(bytes.buffer);
  bytes.set([...MAGIC, 1, 0]);
  view.setUint16(8, start - 10, true);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes[start - 1] = 0x0a;
  for (let index = 0; index < values.length; index++) {
    view.setBigInt64(start + 8 * index, BigInt(values[index]), true);
  }
  return bytes;
}
