/** Numbers of an array file, in a typed array that JavaScript calculates with. */
export type Values =
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

export type ScalarType =
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "uint64"
  | "int64"
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64";

/** An array of any number of dimensions, as numpy, torch and safetensors files hold them. */
export interface Tensor {
  readonly shape: readonly number[];
  /** Steps in `values` from one entry to the next along each dimension. Shape [shape.length]. */
  readonly strides: readonly number[];
  /** Index in `values` of the first entry. */
  readonly start: number;
  readonly values: Values;
}

export const BYTES_OF: Readonly<Record<ScalarType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  uint64: 8,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

/** Numbers in lists, which take far more room than their text. */
const MOST_LISTED = 2 ** 26;

/** Makes a tensor of values that lie one after the other, the last dimension the fastest. */
export function denseTensor(shape: readonly number[], values: Values): Tensor {
  return { shape, strides: rowMajorStrides(shape), start: 0, values };
}

/** Strides of a tensor whose last dimension is the fastest. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  return shape.map((_, dimension) => shape.slice(dimension + 1).reduce((product, size) => product * size, 1));
}

/** One entry along the first dimension: a tensor with a dimension less. */
export function entryOf({ shape, strides, start, values }: Tensor, index: number): Tensor {
  return { shape: shape.slice(1), strides: strides.slice(1), start: start + index * strides[0], values };
}

/** The numbers of a tensor of one dimension. */
export function vectorOf({ shape, strides, start, values }: Tensor): Float64Array {
  return Float64Array.from({ length: shape[0] }, (_, index) => values[start + index * strides[0]]);
}

/** A tensor whose values lie in the order of its entries: itself where they do, else a copy. */
export function rowMajor(tensor: Tensor): Tensor {
  const { shape, strides, start, values } = tensor;
  const wanted = rowMajorStrides(shape);
  const size = sizeOf(tensor);
  if (start === 0 && values.length === size && wanted.every((stride, at) => stride === strides[at])) {
    return tensor;
  }
  const ordered = new Float64Array(size);
  for (let index = 0; index < size; index++) {
    let at = start;
    let rest = index;
    for (let dimension = 0; dimension < shape.length; dimension++) {
      at += Math.floor(rest / wanted[dimension]) * strides[dimension];
      rest %= wanted[dimension];
    }
    ordered[index] = values[at];
  }
  return denseTensor(shape, ordered);
}

/** Number of entries. */
export function sizeOf({ shape }: Pick<Tensor, "shape">): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Makes numbers of bytes, without copying where their order and their place in memory allow.
 *
 * Integers of 64 bits become those of 32 where all fit, else floating-point numbers, exact up to 2^53.
 */
export function decodeValues(type: ScalarType, bytes: Uint8Array, isBigEndian = false): Values {
  const width = BYTES_OF[type];
  const count = Math.floor(bytes.length / width);
  // Typed arrays have to begin at a multiple of their item size.
  const isAligned = bytes.byteOffset % width === 0;
  const inOrder = isBigEndian && width > 1 ? swapped(bytes.subarray(0, count * width), width) : bytes;
  const { buffer, byteOffset } = isAligned || inOrder !== bytes ? inOrder : Uint8Array.from(bytes);
  switch (type) {
    case "uint8":
      return new Uint8Array(buffer, byteOffset, count);
    case "int8":
      return new Int8Array(buffer, byteOffset, count);
    case "uint16":
      return new Uint16Array(buffer, byteOffset, count);
    case "int16":
      return new Int16Array(buffer, byteOffset, count);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, count);
    case "int32":
      return new Int32Array(buffer, byteOffset, count);
    case "float16":
      return Float32Array.from(new Uint16Array(buffer, byteOffset, count), halfToNumber);
    case "bfloat16": {
      // The upper half of a number of 32 bits.
      const halves = Uint32Array.from(new Uint16Array(buffer, byteOffset, count), (bits) => bits << 16);
      return new Float32Array(halves.buffer);
    }
    case "float32":
      return new Float32Array(buffer, byteOffset, count);
    case "float64":
      return new Float64Array(buffer, byteOffset, count);
    case "uint64":
    case "int64": {
      const halves = new Int32Array(buffer, byteOffset, 2 * count);
      const words = new Int32Array(count);
      let index = 0;
      const isSigned = type === "int64";
      for (; index < count; index++) {
        const [word, high] = [halves[2 * index], halves[2 * index + 1]];
        if (high !== word >> 31 || (high !== 0 && !isSigned)) break;
        words[index] = word;
      }
      // Nearly always all of them fit.
      if (index === count) return words;
      const low = new Uint32Array(buffer, byteOffset, 2 * count);
      const high = isSigned ? halves : low;
      const values = Float64Array.from(words);
      for (; index < count; index++) values[index] = high[2 * index + 1] * 2 ** 32 + low[2 * index];
      return values;
    }
  }
}

/** A copy of bytes with those of every item in reverse, in memory of its own. */
function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let start = 0; start < copy.length; start += width) copy.subarray(start, start + width).reverse();
  return copy;
}

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * A tensor of lists of numbers within lists.
 *
 * @returns Undefined where they are uneven, hold anything else or nothing.
 *
 * @example
 * tensorOfLists([[1, 2, 3], [4, 5, 6]])?.shape; // [2, 3]
 */
export function tensorOfLists(lists: readonly unknown[]): Tensor | undefined {
  const shape: number[] = [];
  for (let inner: unknown = lists; Array.isArray(inner) && shape.length < 8; inner = inner[0])
    shape.push(inner.length);
  const size = sizeOf({ shape });
  // Lists may be in several places, which makes more of them than a file has bytes.
  if (size === 0 || size > MOST_LISTED) return undefined;
  const values: number[] = [];
  const fill = (value: unknown, depth: number): boolean => {
    if (depth === shape.length) return typeof value === "number" && values.push(value) > 0;
    return (
      Array.isArray(value) && value.length === shape[depth] && value.every((inner) => fill(inner, depth + 1))
    );
  };
  return fill(lists, 0) ? denseTensor(shape, Float64Array.from(values)) : undefined;
}
