import { Parser } from "pickleparser";
import { describeValue } from "../../lib/describe-value.js";
import { InputError } from "../../lib/errors.js";
import { checkShape } from "../../lib/plausible-size.js";
import { NUMPY_SCALARS } from "../../lib/containers/npy.js";
import { decodeValues, type ScalarType, type Tensor } from "../../lib/containers/tensor.js";
import { isZip, unzip } from "../../lib/containers/zip.js";

/** What a pickle may hold once it is read: tensors and plain values. */
export type TorchValue = Tensor | TorchDict | readonly TorchValue[] | string | number | boolean | null;
export type TorchDict = ReadonlyMap<unknown, TorchValue>;

const STORAGES: ReadonlyMap<string, ScalarType> = new Map([
  ["ByteStorage", "uint8"],
  ["BoolStorage", "uint8"],
  ["CharStorage", "int8"],
  ["ShortStorage", "int16"],
  ["IntStorage", "int32"],
  ["LongStorage", "int64"],
  ["HalfStorage", "float16"],
  ["BFloat16Storage", "bfloat16"],
  ["FloatStorage", "float32"],
  ["DoubleStorage", "float64"],
]);

/** Types that have no storage class of their own: their tensors are bytes and the name of the type. */
const UNTYPED: ReadonlyMap<string, ScalarType> = new Map([
  ["uint16", "uint16"],
  ["uint32", "uint32"],
  ["uint64", "uint64"],
]);
/** Types that no trace is made of; tensors of them are none, so that others beside them can be read. */
const OPAQUE = /^(float8_\w+|float4_\w+|complex\d+|bits\w+|q?u?int\d+)$/;
const OPAQUE_STORAGE = /^(Complex\w+|Q\w+|Float8\w+)Storage$/;

const LEGACY_MAGIC = Buffer.from("80028a0a6cfc9c46f9206aa85019", "hex");

/**
 * Reads what `torch.save` wrote, without executing any of it.
 *
 * A pickle is a programme that may call anything it names. Here it may name only what builds tensors and ordered
 * dictionaries; any other name is refused before something is done with it.
 *
 * @throws InputError if the file is damaged, of the old format without zip, or names anything else.
 */
export function parseTorch(bytes: Uint8Array, where: string): TorchValue {
  if (!isZip(bytes)) {
    throw new InputError(
      `${where}: found the old torch format, expected a zip file as torch.save writes since version 1.6`,
      "Maybe load it and torch.save it again with a newer torch.",
    );
  }
  const members = unzip(bytes, where, (name) => /(^|\/)(data\.pkl|byteorder|data\/\d+)$/.test(name));
  const member = (ending: string) => [...members].find(([name]) => `/${name}`.endsWith(`/${ending}`))?.[1];
  const pickle = member("data.pkl");
  if (!pickle) throw new InputError(`${where}: found a zip file without data.pkl, expected a torch file`);
  if (member("byteorder")?.toString().trim() === "big") {
    throw new InputError(`${where}: found big-endian numbers, expected little-endian ones`);
  }
  const storages = new Map<unknown, Tensor["values"]>();
  const parser = new Parser({
    unpicklingTypeOfDictionary: "Map",
    nameResolver: { resolve: allowedName },
    persistentResolver: {
      resolve(id: unknown) {
        const [, storage, key] = Array.isArray(id) ? (id as unknown[]) : [];
        const data = typeof key === "string" ? member(`data/${key}`) : undefined;
        const scalar = typeof storage === "function" ? scalarOf.get(storage) : undefined;
        if (!data || typeof storage !== "function")
          throw new Error(`storage ${describeValue(key)} is missing`);
        if (storage === untypedStorage) return data;
        if (storage === opaque) return opaque;
        if (!scalar) throw new Error(`storage ${describeValue(key)} is missing`);
        const known = storages.get(key) ?? decodeValues(scalar, data);
        storages.set(key, known);
        return known;
      },
    },
  });
  try {
    return parser.parse<TorchValue>(pickle);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${where}: ${error.message}`, error.advice);
    throw new InputError(`${where}: found ${(error as Error).message}, expected tensors and plain values`);
  }
}

/** Whether bytes begin like the format of torch.save before version 1.6, which {@link parseTorch} explains. */
export function isLegacyTorch(bytes: Buffer): boolean {
  return bytes.subarray(0, LEGACY_MAGIC.length).equals(LEGACY_MAGIC);
}

/** A member of a dictionary; undefined where there is none, or no dictionary. */
export function memberOf(value: TorchValue, key: string): TorchValue | undefined {
  return value instanceof Map ? (value as TorchDict).get(key) : undefined;
}

/** Tensors that {@link rebuildTensor} made and checked; a pickle can give other objects the same members. */
const built = new WeakSet();

/** Whether a value of a torch file is a tensor. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && built.has(value);
}

/** Says of a tensor that no pickle made it up: {@link isTensor} knows it from then on. */
export function asTensor(tensor: Tensor): Tensor {
  built.add(tensor);
  return tensor;
}

/** What each name of a storage class stands for, by the function that is handed out in its place. */
const scalarOf = new WeakMap<object, ScalarType>();

function allowedName(module: string, name: string): () => unknown {
  const scalar = STORAGES.get(name);
  if (module === "torch" && scalar !== undefined) {
    const storage = () => refuse(module, name);
    scalarOf.set(storage, scalar);
    return storage;
  }
  if (module === "torch") {
    const type = UNTYPED.get(name);
    if (type !== undefined) {
      const dtype = () => refuse(module, name);
      scalarOf.set(dtype, type);
      return dtype;
    }
    if (OPAQUE.test(name) || OPAQUE_STORAGE.test(name)) return opaque;
  }
  switch (`${module}.${name}`) {
    case "torch.storage.UntypedStorage":
      return untypedStorage;
    case "torch._utils._rebuild_tensor_v2":
      return rebuildTensor as () => unknown;
    case "torch._utils._rebuild_tensor_v3":
      return rebuildUntyped as () => unknown;
    case "torch._utils._rebuild_parameter":
    case "torch._utils._rebuild_parameter_with_state":
      // What is learned is a tensor like any other.
      return ((data: unknown) => data) as () => unknown;
    case "numpy.core.multiarray.scalar":
    case "numpy._core.multiarray.scalar":
      return numpyScalar as () => unknown;
    case "numpy.dtype":
      return numpyType as () => unknown;
    case "_codecs.encode":
      return ((text: unknown) => Buffer.from(String(text), "latin1")) as () => unknown;
    case "collections.OrderedDict":
      return () => new Map();
    case "torch.Size":
      return ((sizes: unknown) => sizes) as () => unknown;
    case "torch.device":
      return ((device: unknown) => device) as () => unknown;
    default:
      return refuse(module, name);
  }
}

/** Stands for storages and types that no trace is made of. */
function opaque(): never {
  throw new Error("numbers of a type that no trace is made of");
}

/** Stands for storages of bytes, whose tensors tell their types. */
function untypedStorage(): never {
  return refuse("torch.storage", "UntypedStorage");
}

/** A numpy type as its code, such as i8; what a pickle sets on it afterwards says no more. */
function numpyType(code: unknown): { code: string } {
  return { code: String(code) };
}

/** A number that numpy made. */
function numpyScalar(type: { code?: string } | undefined, bytes: unknown): number {
  const data = bytes instanceof Uint8Array ? bytes : new Uint8Array(0);
  const scalar = NUMPY_SCALARS.get(type?.code ?? "");
  const value = scalar === undefined ? undefined : decodeValues(scalar, data).at(0);
  if (value === undefined) throw new Error(`a numpy scalar of type ${describeValue(type?.code)}`);
  return value;
}

function rebuildUntyped(
  bytes: unknown,
  start: unknown,
  ...[shape, strides, , , type]: readonly unknown[]
): Tensor | null {
  if (type === opaque) return null;
  const scalar = typeof type === "function" ? scalarOf.get(type) : undefined;
  if (!scalar || !(bytes instanceof Uint8Array)) throw new Error(`a tensor of type ${describeValue(type)}`);
  return rebuildTensor(decodeValues(scalar, bytes), start, shape, strides);
}

function refuse(module: string, name: string): never {
  throw new Error(`the name ${module}.${name} in the pickle`);
}

function rebuildTensor(values: unknown, start: unknown, shape: unknown, strides: unknown): Tensor | null {
  if (values === opaque) return null;
  const isSound = ArrayBuffer.isView(values) && isCounts([start]) && isCounts(shape) && isCounts(strides);
  if (!isSound || strides.length !== shape.length) {
    throw new Error(`a tensor of shape ${describeValue(shape)} and strides ${describeValue(strides)}`);
  }
  const { length } = values as Tensor["values"];
  checkShape("tensor", shape, length);
  const first = start as number;
  const last = shape.reduce((at, size, dimension) => at + Math.max(0, size - 1) * strides[dimension], first);
  if (last >= length && !shape.includes(0)) {
    throw new Error(`a tensor of shape ${describeValue(shape)} beyond its storage`);
  }
  return asTensor(Object.freeze({ shape, strides, start: first, values: values as Tensor["values"] }));
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
