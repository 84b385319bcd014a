import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../../lib/random.js";

/** A tensor as a safetensors file holds it. */
export interface StoredTensor {
  readonly dtype: "BF16" | "F32" | "F8_E4M3" | "I64";
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

/** Tensors of a model by name. */
export type Checkpoint = Map<string, StoredTensor>;

const BYTES = { BF16: 2, F32: 4, F8_E4M3: 1, I64: 8 };

/** Makes random tensors, the same for the same seed. */
export function tensorMaker(seed: number): (dtype: StoredTensor["dtype"], shape: number[]) => StoredTensor {
  const random = createRandom(seed);
  return (dtype, shape) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const bytes = Buffer.alloc(size * BYTES[dtype]);
    for (let index = 0; index < size; index++) {
      const value = random.next() * 2 - 1;
      if (dtype === "F8_E4M3") bytes.writeUInt8(random.below(256), index);
      else if (dtype === "I64") bytes.writeBigInt64LE(BigInt(random.below(8)), index * 8);
      else if (dtype === "F32") bytes.writeFloatLE(value, index * 4);
      else bytes.writeUInt16LE(bitsOf(value) >>> 16, index * 2);
    }
    return { dtype, shape, bytes };
  };
}

/** Writes a checkpoint over a few files with their index, tensors dealt to the files in turn, and the configuration. */
export function writeCheckpoint(
  folder: string,
  tensors: Checkpoint,
  { config = {}, numFiles = 2 }: { config?: object; numFiles?: number } = {},
): void {
  mkdirSync(folder, { recursive: true });
  const names = Array.from({ length: numFiles }, (_, file) => `model-0000${file + 1}.safetensors`);
  const fileOf = Object.fromEntries(
    [...tensors.keys()].map((name, index) => [name, names[index % numFiles]]),
  );
  for (const file of names) {
    const own = [...tensors].filter(([name]) => fileOf[name] === file);
    let offset = 0;
    const entries = own.map(([name, { dtype, shape, bytes }]) => {
      const entry = { dtype, shape, data_offsets: [offset, (offset += bytes.length)] };
      return [name, entry] as const;
    });
    const head = JSON.stringify({ __metadata__: { format: "pt" }, ...Object.fromEntries(entries) });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    writeFileSync(
      join(folder, file),
      Buffer.concat([length, Buffer.from(head), ...own.map(([, { bytes }]) => bytes)]),
    );
  }
  writeFileSync(
    join(folder, "model.safetensors.index.json"),
    JSON.stringify({ metadata: { total_size: 1 }, weight_map: fileOf }),
  );
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
}

/** Reads a checkpoint, every tensor from the file where the index says it is. */
export function readCheckpoint(folder: string): Checkpoint {
  const index = JSON.parse(readFileSync(join(folder, "model.safetensors.index.json"), "utf8")) as {
    weight_map: Record<string, string>;
  };
  const files = new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith(".safetensors"))
      .map((name) => [name, readFile(join(folder, name))]),
  );
  return new Map(
    Object.entries(index.weight_map).map(([name, file]) => {
      const tensor = files.get(file)?.get(name);
      if (tensor === undefined) throw new Error(`${name} is not in ${file}, where the index says it is`);
      return [name, tensor];
    }),
  );
}

function readFile(path: string): Checkpoint {
  const bytes = readFileSync(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const head = JSON.parse(bytes.toString("utf8", 8, dataStart)) as Record<
    string,
    { dtype: StoredTensor["dtype"]; shape: number[]; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(head)
      .filter(([name]) => name !== "__metadata__")
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [begin, end],
          },
        ]) => [name, { dtype, shape, bytes: bytes.subarray(dataStart + begin, dataStart + end) }],
      ),
  );
}

/** Numbers of a tensor; bytes of 8 bits stand for parts of 128, which is enough to compare. */
export function valuesOf({ dtype, bytes }: StoredTensor): Float64Array {
  return Float64Array.from({ length: bytes.length / BYTES[dtype] }, (_, index) => {
    if (dtype === "F8_E4M3") return bytes.readInt8(index) / 128;
    if (dtype === "I64") return Number(bytes.readBigInt64LE(index * 8));
    if (dtype === "F32") return bytes.readFloatLE(index * 4);
    return floatOf(bytes.readUInt16LE(index * 2) << 16);
  });
}

function bitsOf(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
}

function floatOf(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, bits);
  return view.getFloat32(0);
}
