/**
 * `npm run bench:reading`: how fast trace files are read, on one core and in how much memory.
 *
 * Seeded tokens; the files are written to a temporary folder that is removed afterwards. What was read is compared with
 * what was written before anything is timed. Costs are processor time of all threads of the process, of the cheapest
 * of several runs, which other work disturbs least. `-- --gigabytes N` sets the size of the large trace.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { createRoutingTrace, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { writeBinaryTrace } from "../traces/formats/binary-trace.js";
import { writeJsonLines } from "../traces/formats/json-lines.js";
import { readTrace } from "../traces/read-trace.js";
import { drawSkewedTokens } from "./skewed-tokens.js";

interface NpyType {
  readonly name: string;
  readonly descr: string;
  readonly bytes: 1 | 2 | 4 | 8;
}

/** All hold ids below 256 but int8, whose ids are below 128. */
const npyTypes: readonly NpyType[] = [
  { name: "uint8", descr: "|u1", bytes: 1 },
  { name: "int8", descr: "|i1", bytes: 1 },
  { name: "uint16", descr: "<u2", bytes: 2 },
  { name: "int16", descr: "<i2", bytes: 2 },
  { name: "int32", descr: "<i4", bytes: 4 },
  { name: "int64", descr: "<i8", bytes: 8 },
];

/** Layers of the large trace. */
const NUM_LAYERS = 48;

const { values: options } = parseArgs({ options: { gigabytes: { type: "string", default: "1" } } });
const folder = mkdtempSync(join(tmpdir(), "moeplace-bench-"));
try {
  await speedTable();
  memoryTable(Number(options.gigabytes));
  arrayMemoryTable(Number(options.gigabytes));
} finally {
  rmSync(folder, { recursive: true });
}

async function speedTable(): Promise<void> {
  const shape = { numLayers: 24, numTokens: 131_072, numExperts: 256, topK: 8 };
  const trace = randomTrace(shape);
  const ofFewer = randomTrace({ ...shape, numExperts: 128 });
  const text = join(folder, "trace.jsonl");
  const files: { name: string; path: string; expected: RoutingTrace }[] = [
    { name: "JSON Lines", path: writeFile(text, writeJsonLines(trace)), expected: trace },
    {
      name: "JSON Lines, gzip",
      path: writeFile(`${text}.gz`, [gzipSync(readFileSync(text), { level: 6 })]),
      expected: trace,
    },
    {
      name: "moeplace binary",
      path: writeFile(join(folder, "trace.moeplace"), writeBinaryTrace(trace)),
      expected: trace,
    },
    ...npyTypes.map((type) => {
      const expected = type.name === "int8" ? ofFewer : trace;
      const path = writeFile(join(folder, `${type.name}.npy`), npyOf(expected, type));
      return { name: `.npy, ${type.name}`, path, expected };
    }),
  ];
  const numIds = trace.layers.reduce((sum, { experts }) => sum + experts.length, 0);
  console.log(`## Reading on one core: ${(numIds / 1e6).toFixed(1)} million ids\n`);
  console.log("| file | MB | ms | MB/s | million ids/s | times as fast as JSON Lines |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  let textMs = 0;
  for (const { name, path, expected } of files) {
    const { numExperts } = expected;
    const { trace: found } = await readTrace([path], { numExperts });
    checkSame(found, expected, path);
    const ms = await cheapest(() => readTrace([path], { numExperts }));
    textMs ||= ms;
    const megabytes = statSync(path).size / 1e6;
    const columns = [
      megabytes.toFixed(0),
      ms.toFixed(0),
      (megabytes / (ms / 1000)).toFixed(0),
      (numIds / ms / 1000).toFixed(0),
      (textMs / ms).toFixed(1),
    ];
    console.log(`| ${name} | ${columns.join(" | ")} |`);
  }
  console.log("\nIds are held in 16 bits each: a .npy of 8 bits is half as large as what is made of it.");
}

/** Reads a large file in processes of their own, because the peak of a process's memory never goes down. */
function memoryTable(gigabytes: number): void {
  const numTokens = 65_536;
  const { layers, ...rest } = randomTrace({ numLayers: 1, numTokens, numExperts: 256, topK: 8 });
  const path = join(folder, "large.jsonl");
  const layerOf = (layer: number) => Buffer.concat(textOf({ ...rest, layers: [{ ...layers[0], layer }] }));
  const copies = Math.ceil((gigabytes * 1e9) / layerOf(0).length / NUM_LAYERS);
  writeFile(path, largeFile(layerOf, copies));
  const rows = copies * numTokens;
  console.log(
    `\n## Memory: JSON Lines of ${(statSync(path).size / 1e9).toFixed(1)} GB, ` +
      `${NUM_LAYERS} layers of ${rows} tokens, 256 experts, top-8\n`,
  );
  console.log("| option | tokens counted | kept in every layer | s | MB/s | peak memory, MB |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const maxTokens of [undefined, 100_000]) {
    const { kept, rowsRead, ms, peakBytes } = readInChild(path, maxTokens);
    if (rowsRead !== rows * NUM_LAYERS)
      throw new Error(`${rowsRead} rows were read, ${rows * NUM_LAYERS} written`);
    const columns = [
      rowsRead,
      kept,
      (ms / 1000).toFixed(1),
      (statSync(path).size / 1000 / ms).toFixed(0),
      (peakBytes / 1e6).toFixed(0),
    ];
    console.log(`| ${maxTokens ? `--max-tokens ${maxTokens}` : "none"} | ${columns.join(" | ")} |`);
  }
}

/** Reads arrays of two sizes, of which as many tokens are kept: what is held of the file itself does not grow with it. */
function arrayMemoryTable(gigabytes: number): void {
  const type = { name: "int32", descr: "<i4", bytes: 4 } as const;
  const block = randomTrace({ numLayers: 1, numTokens: 16_384, numExperts: 256, topK: 8 });
  const trace = { ...block, layers: Array.from({ length: NUM_LAYERS }, () => block.layers[0]) };
  const [, ids] = npyOf(trace, type);
  const path = join(folder, "large.npy");
  console.log(`\n## Memory: .npy of int32, ${NUM_LAYERS} layers, 256 experts, top-8\n`);
  console.log("| GB | option | tokens counted | s | MB/s | peak memory, MB |");
  console.log("| ---: | --- | ---: | ---: | ---: | ---: |");
  for (const size of [gigabytes / 4, gigabytes]) {
    const copies = Math.ceil((size * 1e9) / ids.length);
    const numTokens = copies * 16_384;
    writeFile(path, [npyHead([numTokens, NUM_LAYERS, 8], type), ...Array<Uint8Array>(copies).fill(ids)]);
    const { rowsRead, ms, peakBytes } = readInChild(path, 20_000);
    if (rowsRead !== numTokens * NUM_LAYERS) throw new Error(`${rowsRead} rows were read`);
    const columns = [
      (statSync(path).size / 1e9).toFixed(2),
      "--max-tokens 20000",
      rowsRead,
      (ms / 1000).toFixed(1),
      (statSync(path).size / 1000 / ms).toFixed(0),
      (peakBytes / 1e6).toFixed(0),
    ];
    console.log(`| ${columns.join(" | ")} |`);
  }
}

function* largeFile(layerOf: (layer: number) => Buffer, copies: number): Generator<Uint8Array> {
  yield Buffer.from('{"model":"large","num_experts":256,"top_k":8}\n');
  for (let layer = 0; layer < NUM_LAYERS; layer++) {
    const rows = layerOf(layer);
    for (let copy = 0; copy < copies; copy++) yield rows;
  }
}

/** The rows of a trace, without its header. */
function textOf(trace: RoutingTrace): Buffer[] {
  return [...writeJsonLines(trace)].slice(1).map((chunk) => Buffer.from(chunk));
}

interface ReadOnce {
  readonly kept: number;
  readonly rowsRead: number;
  readonly ms: number;
  readonly peakBytes: number;
}

function readInChild(path: string, maxTokens?: number): ReadOnce {
  const script = fileURLToPath(new URL("./read-once.js", import.meta.url));
  const args = [script, path, ...(maxTokens === undefined ? [] : [String(maxTokens)])];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`reading ${path} ended with exit code ${status ?? "none"}`);
  return JSON.parse(stdout) as ReadOnce;
}

/** Tokens that choose their experts at random, the first ones more often. */
function randomTrace(shape: {
  numLayers: number;
  numTokens: number;
  numExperts: number;
  topK: number;
}): RoutingTrace {
  const { numLayers, numTokens, numExperts, topK } = shape;
  const layers = Array.from({ length: numLayers }, (_, layer) => ({
    layer,
    numTokens,
    experts: drawSkewedTokens(layer, shape),
  }));
  return createRoutingTrace({ model: "random", numExperts, topK, layers });
}

/** The ids as vLLM returns them, [tokens, layers, top-k], in numbers of a type that numpy calls `descr`. */
function npyOf({ layers, topK }: RoutingTrace, type: NpyType): [head: Uint8Array, ids: Uint8Array] {
  const { numTokens } = layers[0];
  const idsPerToken = layers.length * topK;
  // The lower byte of each number comes first, and the second is always 0.
  const bytes = new Uint8Array(numTokens * idsPerToken * type.bytes);
  layers.forEach(({ experts }, layer) => {
    for (let at = 0; at < experts.length; at++) {
      const token = Math.floor(at / topK);
      bytes[(token * idsPerToken + layer * topK + (at % topK)) * type.bytes] = experts[at];
    }
  });
  return [npyHead([numTokens, layers.length, topK], type), bytes];
}

function npyHead(shape: readonly number[], { descr }: NpyType): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  return Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header.padEnd(117)}\n`, "latin1");
}

function writeFile(path: string, chunks: Iterable<string | Uint8Array>): string {
  const file = openSync(path, "w");
  for (const chunk of chunks) writeSync(file, typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  closeSync(file);
  return path;
}

function checkSame(found: RoutingTrace, expected: RoutingTrace, path: string): void {
  const isSame =
    found.layers.length === expected.layers.length &&
    found.layers.every(({ experts }, at) =>
      Buffer.from(experts.buffer, experts.byteOffset, experts.byteLength).equals(
        new Uint8Array(expected.layers[at].experts.buffer),
      ),
    );
  if (!isSame) throw new Error(`${path}: what was read is not what was written`);
}

/** Processor time of the cheapest of five runs. */
async function cheapest(work: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < 5; run++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}
