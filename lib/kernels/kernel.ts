import { binaries } from "./binaries.js";

/** Names of the kernels: the files of kernels/, which say what each exports. */
export type KernelName = keyof typeof binaries;

/** Memory of a kernel. What lies in it is looked at through typed arrays. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
}

/** What is used of WebAssembly, which the type library knows only together with the browser. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
  Memory: new (limits: { initial: number; maximum: number }) => KernelMemory;
};

const PAGE_BYTES = 65536;
/** Addresses have 32 bits, of which vectors behind the last one are to stay within. */
const MOST_BYTES = 2 ** 32 - PAGE_BYTES;

const modules = new Map<KernelName, object | undefined>();

/**
 * Starts a kernel in memory of its own.
 *
 * Kernels are loops in WebAssembly with vectors. Wherever one is used there is a loop in TypeScript too, which gives the
 * same results, for where there are none: engines without vectors, and `MOEPLACE_NO_WASM=1` in the environment.
 *
 * @param numBytes Size of the memory.
 * @returns Undefined where there are no kernels, or none of so much memory.
 */
export function startKernel(
  name: KernelName,
  numBytes: number,
): { readonly exports: unknown; readonly buffer: ArrayBuffer } | undefined {
  const module = moduleOf(name);
  if (module === undefined || numBytes > MOST_BYTES) return undefined;
  const pages = Math.ceil(numBytes / PAGE_BYTES);
  let memory: KernelMemory;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch {
    // No address space is left for it, which is reserved for every memory whole.
    return undefined;
  }
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { exports, buffer: memory.buffer };
}

function moduleOf(name: KernelName): object | undefined {
  if (!modules.has(name)) modules.set(name, compile(name));
  return modules.get(name);
}

function compile(name: KernelName): object | undefined {
  // A page has no environment.
  if ((globalThis.process as NodeJS.Process | undefined)?.env["MOEPLACE_NO_WASM"] === "1") return undefined;
  if (typeof WebAssembly !== "object") return undefined;
  const bytes = Uint8Array.from(atob(binaries[name]), (letter) => letter.charCodeAt(0));
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
}
