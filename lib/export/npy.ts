/** An array as numpy keeps it, numbers widened to float64. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** Row-major whatever the file's order. */
  readonly values: Float64Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Readers of one number, by numpy's type code without byte order. */
const readers: Record<string, (view: DataView, offset: number, little: boolean) => number> = {
  b1: (view, offset) => view.getUint8(offset),
  i1: (view, offset) => view.getInt8(offset),
  u1: (view, offset) => view.getUint8(offset),
  i2: (view, offset, little) => view.getInt16(offset, little),
  u2: (view, offset, little) => view.getUint16(offset, little),
  i4: (view, offset, little) => view.getInt32(offset, little),
  u4: (view, offset, little) => view.getUint32(offset, little),
  i8: (view, offset, little) => Number(view.getBigInt64(offset, little)),
  u8: (view, offset, little) => Number(view.getBigUint64(offset, little)),
  f4: (view, offset, little) => view.getFloat32(offset, little),
  f8: (view, offset, little) => view.getFloat64(offset, little),
};

/** Whether bytes begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
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

/**
 * Reads a .npy file of numbers or booleans.
 *
 * @param report Told why a file cannot be read.
 */
export function readNpy(bytes: Uint8Array, report: (violation: string) => void): NpyArray | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isNpy(bytes) || bytes.length < 12) {
    report("found no .npy file, expected one");
    return undefined;
  }
  const isShort = bytes[6] === 1;
  const start = (isShort ? 10 : 12) + (isShort ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = new TextDecoder("latin1").decode(bytes.subarray(isShort ? 10 : 12, start));
  const type = /'descr':\s*'([<>|=])(\w+)'/.exec(header);
  const dimensions = /'shape':\s*\(([\d,\s]*)\)/.exec(header);
  if (type === null || dimensions === null || !(type[2] in readers)) {
    report(`found the header ${header.trim().slice(0, 80)}, expected an array of numbers`);
    return undefined;
  }
  const [, order, code] = type;
  const read = readers[code];
  const shape = dimensions[1]
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const length = shape.reduce((product, size) => product * size, 1);
  const width = Number(code[1]);
  if (bytes.length - start !== length * width) {
    report(
      `found ${bytes.length - start} bytes of data, expected ${length * width} for shape (${shape.join(", ")})`,
    );
    return undefined;
  }
  const values = new Float64Array(length);
  for (let index = 0; index < length; index++)
    values[index] = read(view, start + index * width, order !== ">");
  const isFortran = /'fortran_order':\s*True/.test(header);
  return { shape, values: isFortran ? toRowMajor(shape, values) : values };
}

/** Reorders values whose first axis runs fastest. */
function toRowMajor(shape: readonly number[], values: Float64Array): Float64Array {
  const ordered = new Float64Array(values.length);
  for (let index = 0; index < values.length; index++) {
    let rest = index;
    let place = 0;
    let stride = values.length;
    for (const size of shape) {
      stride /= size;
      place += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    ordered[place] = values[index];
  }
  return ordered;
}
