import { zipSync } from "fflate";

type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

const NAMES = new Map<unknown, { npy: string; safetensors: string; torch: string }>([
  [Uint8Array, { npy: "|u1", safetensors: "U8", torch: "ByteStorage" }],
  [Uint16Array, { npy: "<u2", safetensors: "U16", torch: "BFloat16Storage" }],
  [Int8Array, { npy: "|i1", safetensors: "I8", torch: "CharStorage" }],
  [Int16Array, { npy: "<i2", safetensors: "I16", torch: "ShortStorage" }],
  [BigUint64Array, { npy: "<u8", safetensors: "U64", torch: "" }],
  [Uint32Array, { npy: "<u4", safetensors: "U32", torch: "" }],
  [Int32Array, { npy: "<i4", safetensors: "I32", torch: "IntStorage" }],
  [BigInt64Array, { npy: "<i8", safetensors: "I64", torch: "LongStorage" }],
  [Float32Array, { npy: "<f4", safetensors: "F32", torch: "FloatStorage" }],
  [Float64Array, { npy: "<f8", safetensors: "F64", torch: "DoubleStorage" }],
]);

/** An array to write: numbers and their shape. */
export interface ArrayContent {
  readonly shape: readonly number[];
  readonly values: Numbers;
}

/** What numpy.save writes. */
export function npyFile(
  { shape, values }: ArrayContent,
  options: { isFortran?: boolean; isBigEndian?: boolean } = {},
): Buffer {
  const order = options.isFortran ? "True" : "False";
  const size = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const type = namesOf(values).npy;
  const descr = options.isBigEndian ? type.replace("<", ">") : type;
  const data = Buffer.from(bytesOf(values));
  if (options.isBigEndian) {
    const width = values.BYTES_PER_ELEMENT;
    for (let at = 0; at < data.length; at += width) data.subarray(at, at + width).reverse();
  }
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${size}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const prefix = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([prefix, Buffer.from(header), data]);
}

/** What numpy.savez writes. */
export function npzFile(arrays: Readonly<Record<string, ArrayContent>>): Uint8Array {
  return zipSync(
    Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npyFile(array)])),
  );
}

/** What safetensors.save_file writes. */
export function safetensorsFile(tensors: Readonly<Record<string, ArrayContent>>): Buffer {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { shape, values }]) => {
    const start = end;
    end += values.byteLength;
    return [name, { dtype: namesOf(values).safetensors, shape, data_offsets: [start, end] }];
  });
  const text = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...Object.values(tensors).map(({ values }) => bytesOf(values))]);
}

/** What torch.save writes of dictionaries, lists, strings, numbers and arrays. */
export function torchFile(content: unknown): Uint8Array {
  const storages: Buffer[] = [];
  const pickle = Buffer.concat([Buffer.from([0x80, 2]), ...pickleOf(content, storages), Buffer.from(".")]);
  return torchZip(pickle, storages);
}

/** A torch file of a pickle. */
export function torchZip(pickle: Uint8Array, storages: readonly Uint8Array[] = []): Uint8Array {
  return zipSync({
    "archive/data.pkl": [pickle, { level: 0 }],
    "archive/byteorder": Buffer.from("little"),
    ...Object.fromEntries(storages.map((bytes, key) => [`archive/data/${key}`, bytes])),
  });
}

function pickleOf(value: unknown, storages: Buffer[]): Buffer[] {
  const text = (name: string) => {
    const bytes = Buffer.from(name);
    return [Buffer.from("X"), uint32(bytes.length), bytes];
  };
  const integer = (number: number) => [Buffer.from("J"), uint32(number)];
  const tuple = (numbers: readonly number[]) => [
    Buffer.from("("),
    ...numbers.flatMap(integer),
    Buffer.from("t"),
  ];
  if (value === null) return [Buffer.from("N")];
  if (typeof value === "number") return integer(value);
  if (typeof value === "string") return text(value);
  if (value instanceof RawPickle) return [Buffer.from(value.text, "latin1")];
  if (value instanceof TorchParameter) {
    const tail = "\x88ccollections\nOrderedDict\n)RtR";
    return [
      Buffer.from("ctorch._utils\n_rebuild_parameter\n("),
      ...pickleOf(value.data, storages),
      Buffer.from(tail, "latin1"),
    ];
  }
  if (value instanceof UntypedTensor) {
    const key = storages.push(value.bytes) - 1;
    return [
      Buffer.from("ctorch._utils\n_rebuild_tensor_v3\n(("),
      ...text("storage"),
      Buffer.from("ctorch.storage\nUntypedStorage\n"),
      ...text(String(key)),
      ...text("cpu"),
      ...integer(value.bytes.length),
      Buffer.from("tQ"),
      ...integer(0),
      ...tuple(value.shape),
      ...tuple(stridesOf(value.shape)),
      Buffer.from(`\x89ccollections\nOrderedDict\n)Rctorch\n${value.dtype}\n}tR`, "latin1"),
    ];
  }
  if (value instanceof Map) {
    const members = [...value].flatMap(([key, member]) => [
      ...pickleOf(key, storages),
      ...pickleOf(member, storages),
    ]);
    return [Buffer.from("}("), ...members, Buffer.from("u")];
  }
  if (Array.isArray(value)) {
    return [Buffer.from("]("), ...value.flatMap((item) => pickleOf(item, storages)), Buffer.from("e")];
  }
  if (isArrayContent(value)) {
    const key = storages.push(bytesOf(value.values)) - 1;
    const strides = stridesOf(value.shape);
    return [
      Buffer.from("ctorch._utils\n_rebuild_tensor_v2\n(("),
      ...text("storage"),
      Buffer.from(`ctorch\n${namesOf(value.values).torch}\n`),
      ...text(String(key)),
      ...text("cpu"),
      ...integer(value.values.length),
      Buffer.from("tQ"),
      ...integer(0),
      ...tuple(value.shape),
      ...tuple(strides),
      Buffer.from("\x89ccollections\nOrderedDict\n)RtR", "latin1"),
    ];
  }
  const members = Object.entries(value as object).flatMap(([key, member]) => [
    ...text(key),
    ...pickleOf(member, storages),
  ]);
  return [Buffer.from("}("), ...members, Buffer.from("u")];
}

/** A part of a pickle, word by word. */
export class RawPickle {
  constructor(readonly text: string) {}
}

/** What torch.nn.Parameter becomes. */
export class TorchParameter {
  constructor(readonly data: ArrayContent) {}
}

/** A tensor of a type that has no storage class of its own. */
export class UntypedTensor {
  constructor(
    readonly dtype: string,
    readonly shape: readonly number[],
    readonly bytes: Buffer,
  ) {}
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, at) => shape.slice(at + 1).reduce((product, size) => product * size, 1));
}

function isArrayContent(value: unknown): value is ArrayContent {
  return typeof value === "object" && value !== null && "shape" in value && "values" in value;
}

function namesOf(values: Numbers) {
  return NAMES.get(values.constructor)!;
}

function bytesOf(values: Numbers): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(number);
  return bytes;
}
