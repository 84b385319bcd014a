/** Loops over 16-bit ids, eight at a time, in memory of their own. All addresses are in bytes. */
export interface VectorLoops {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Writes at `to`, lane by lane, the largest ids of the vectors in [at, end). */
  readonly largest: (at: number, end: number, to: number) => void;
  /** Bit l is set if a vector at `at`, `at + step`, ... before `end` equals the one `distance` further in lane l. */
  readonly equalLanes: (at: number, end: number, step: number, distance: number) => number;
  /**
   * Copies rows of `width` bytes at `from`, `from + stride`, ... before `end` to `to`, one behind the other. Up to 15 bytes
   * behind the last one are written too.
   */
  readonly gatherRows: (from: number, end: number, stride: number, to: number, width: number) => void;
}

/** What is used of WebAssembly, which the type library knows only together with the browser. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

const I32 = 0x7f;
const V128 = 0x7b;
const END = 0x0b;

// Instructions, by the names of the text format. Source: WebAssembly Core Specification 2.0, sections 5.4 and 5.5.
const localGet = (local: number) => [0x20, local];
const localSet = (local: number) => [0x21, local];
const loop = [0x03, 0x40];
const branchIf = (depth: number) => [0x0d, depth];
const i32Const = (value: number) => [0x41, value];
const i32LessThan = [0x49];
const i32Add = [0x6a];
const v128Load = [0xfd, 0x00, 0, 0];
const v128Store = [0xfd, 0x0b, 0, 0];
const v128Or = [0xfd, 0x50];
const i16x8Equal = [0xfd, 0x2d];
const i16x8Max = [0xfd, 0x99, 0x01];
const i16x8Bitmask = [0xfd, 0x84, 0x01];

/** for (found = 0; ; at += 16) found = max(found, load(at)), until at >= end; then store(to, found). */
function largestBody(): number[] {
  const [at, end, to, found] = [0, 1, 2, 3];
  return [
    ...loop,
    ...[...localGet(found), ...localGet(at), ...v128Load, ...i16x8Max, ...localSet(found)],
    ...[...localGet(at), ...i32Const(16), ...i32Add, ...localSet(at)],
    ...[...localGet(at), ...localGet(end), ...i32LessThan, ...branchIf(0), END],
    ...[...localGet(to), ...localGet(found), ...v128Store],
  ];
}

/** for (found = 0; ; at += step) found |= load(at) == load(at + distance), until at >= end; then the lanes' bits. */
function equalLanesBody(): number[] {
  const [at, end, step, distance, found] = [0, 1, 2, 3, 4];
  return [
    ...loop,
    ...[...localGet(found), ...localGet(at), ...v128Load],
    ...[...localGet(at), ...localGet(distance), ...i32Add, ...v128Load],
    ...[...i16x8Equal, ...v128Or, ...localSet(found)],
    ...[...localGet(at), ...localGet(step), ...i32Add, ...localSet(at)],
    ...[...localGet(at), ...localGet(end), ...i32LessThan, ...branchIf(0), END],
    ...[...localGet(found), ...i16x8Bitmask],
  ];
}

/** do { for (at = 0; ; at += 16) store(to + at, load(from + at)), until at >= width } for all rows. */
function gatherRowsBody(): number[] {
  const [from, end, stride, to, width, at] = [0, 1, 2, 3, 4, 5];
  return [
    ...[...loop, ...i32Const(0), ...localSet(at)],
    ...loop,
    ...[...localGet(to), ...localGet(at), ...i32Add],
    ...[...localGet(from), ...localGet(at), ...i32Add, ...v128Load, ...v128Store],
    ...[...localGet(at), ...i32Const(16), ...i32Add, ...localSet(at)],
    ...[...localGet(at), ...localGet(width), ...i32LessThan, ...branchIf(0), END],
    ...[...localGet(to), ...localGet(width), ...i32Add, ...localSet(to)],
    ...[...localGet(from), ...localGet(stride), ...i32Add, ...localSet(from)],
    ...[...localGet(from), ...localGet(end), ...i32LessThan, ...branchIf(0), END],
  ];
}

/**
 * Puts the module together and starts it: memory, and functions with a variable of their own each.
 *
 * @param numPages Pages of 64 KiB, below 64.
 */
export function createVectorLoops(numPages = 1): VectorLoops {
  const types = [
    [0x60, ...list([[I32], [I32], [I32]]), ...list([])],
    [0x60, ...list([[I32], [I32], [I32], [I32]]), ...list([[I32]])],
    [0x60, ...list([[I32], [I32], [I32], [I32], [I32]]), ...list([])],
  ];
  const bodies = [
    [...list([[1, V128]]), ...largestBody(), END],
    [...list([[1, V128]]), ...equalLanesBody(), END],
    [...list([[1, I32]]), ...gatherRowsBody(), END],
  ];
  const module = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(3, [[0], [1], [2]]),
    ...section(5, [[0, numPages]]),
    ...section(7, [
      [...name("memory"), 2, 0],
      [...name("largest"), 0, 0],
      [...name("equalLanes"), 0, 1],
      [...name("gatherRows"), 0, 2],
    ]),
    ...section(
      10,
      bodies.map((body) => [body.length, ...body]),
    ),
  ]);
  return new WebAssembly.Instance(new WebAssembly.Module(module)).exports as VectorLoops;
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const content = list(items);
  // The length in two groups of 7 bits; all others are below 128, so that every one is a single byte.
  return [id, (content.length & 0x7f) | 0x80, content.length >>> 7, ...content];
}

function list(items: readonly (readonly number[])[]): number[] {
  return [items.length, ...items.flat()];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}
