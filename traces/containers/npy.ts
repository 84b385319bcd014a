import { InputError } from "../../lib/errors.js";
import { BYTES_OF, decodeValues, rowMajorStrides, sizeOf, type ScalarType, type Tensor } from "./tensor.js";

/** What the head of a .npy file says. Format: numpy/lib/format.py, versions 1.0 to 3.0. */
export interface NpyHeader {
  readonly type: ScalarType;
  readonly shape: readonly number[];
  /** Whether the first dimension is the fastest. */
  readonly isFortran: boolean;
  /** Where the values begin, in bytes. */
  readonly dataStart: number;
}

const SCALARS: Readonly<Record<string, ScalarType>> = {
  "|u1": "uint8",
  "|b1": "uint8",
  "|i1": "int8",
  "<u2": "uint16",
  "<i2": "int16",
  "<u4": "uint32",
  "<i4": "int32",
  "<u8": "uint64",
  "<i8": "int64",
  "<f4": "float32",
  "<f8": "float64",
};

/** Whether bytes begin like a .npy file. */
export function isNpy(bytes: Uint8Array): boolean {
  return bytes.length > 10 && bytes[0] === 0x93 && Buffer.from(bytes.subarray(1, 6)).toString() === "NUMPY";
}

/**
 * Reads the head of a .npy file.
 *
 * @throws InputError if the head is damaged or the numbers are of a kind no trace is made of.
 */
export function parseNpyHeader(bytes: Buffer, where: string): NpyHeader {
  const isFirstVersion = bytes[6] === 1;
  const headerStart = isFirstVersion ? 10 : 12;
  const length = isFirstVersion ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const text = bytes.toString("latin1", headerStart, headerStart + length);
  const descr = /'descr':\s*'([^']+)'/.exec(text)?.[1] ?? "";
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (!(descr in SCALARS) || shape === undefined) {
    throw new InputError(
      `${where}: found an array of ${descr || "an unknown type"}, expected little-endian numbers`,
      "Maybe save it again with .astype('int32').",
    );
  }
  return {
    type: SCALARS[descr],
    shape: shape
      .split(",")
      .filter((size) => size.trim() !== "")
      .map(Number),
    isFortran: /'fortran_order':\s*True/.test(text),
    dataStart: headerStart + length,
  };
}

/**
 * Reads a whole .npy file.
 *
 * @throws InputError if it is damaged.
 */
export function parseNpy(bytes: Buffer, where: string): Tensor {
  const { type, shape, isFortran, dataStart } = parseNpyHeader(bytes, where);
  const size = sizeOf({ shape });
  const values = decodeValues(type, bytes.subarray(dataStart));
  if (values.length < size) {
    throw new InputError(
      `${where}: found ${bytes.length} bytes, expected ${dataStart + size * BYTES_OF[type]} for [${shape.join(", ")}]`,
      "Maybe the file was cut off.",
    );
  }
  const strides = isFortran ? rowMajorStrides(shape.toReversed()).toReversed() : rowMajorStrides(shape);
  return { shape, strides, start: 0, values };
}
