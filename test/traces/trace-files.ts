import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "mocha";
import type { RoutingTrace } from "../../lib/trace/routing-trace.js";
import {
  readRouting,
  readTrace,
  type ReadRouting,
  type ReadTrace,
  type ReadTraceOptions,
} from "../../traces/read-trace.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Folders of real files, which are not part of the project; tests on them are pending where they are absent. */
const realFolders = {
  traces: process.env.MOEPLACE_TRACES ?? join(root, "../shared/traces"),
  formats: process.env.MOEPLACE_FORMATS ?? join(root, "../shared/formats"),
};

/** Path of a file of the folder of fixtures. */
export function fixture(name: string): string {
  return join(root, "test/fixtures", name);
}

/** Path of a real file, or the calling test is pending. */
export function realFile(test: Context, folder: keyof typeof realFolders, name: string): string {
  const path = join(realFolders[folder], name);
  if (!existsSync(path)) test.skip();
  return path;
}

/** Writes files into a new folder, hands it to `use`, and removes it. */
export async function withFiles<T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "moeplace-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads a file of the given content. */
export function readContent(
  content: string | Uint8Array,
  options?: ReadTraceOptions & { name?: string },
): Promise<ReadTrace> {
  const name = options?.name ?? "trace";
  return withFiles({ [name]: content }, (folder) => readTrace([join(folder, name)], options));
}

/** What the promise is rejected with, without the folder, which has a new name every time. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const { name, message, advice } = error as Error & { advice?: string };
    const lines = [`${name}: ${message}`, ...(advice ? [advice] : [])];
    return lines.join("\n").replaceAll(/\/\S*moeplace-\w+\//g, "");
  }
  return "nothing failed";
}

/** The tokens of every layer as lists. */
export function tokensOf({ layers, topK }: RoutingTrace): Record<number, number[][]> {
  return Object.fromEntries(
    layers.map(({ layer, experts, numTokens }) => [
      layer,
      Array.from({ length: numTokens }, (_, token) => [
        ...experts.subarray(token * topK, (token + 1) * topK),
      ]),
    ]),
  );
}

/** A moeplace JSON Lines row. */
export function row(layer: number, token: number, experts: readonly number[]): string {
  return `${JSON.stringify({ layer, token, experts })}\n`;
}

/** Reads several files of the given contents as one folder. */
export function readFolder(
  files: Readonly<Record<string, string | Uint8Array>>,
  options?: ReadTraceOptions,
): Promise<ReadRouting> {
  return withFiles(files, (folder) => readRouting([folder], options));
}

/** Tokens of every layer, or what there is instead. */
export function tokensRead(routing: ReadRouting): unknown {
  return routing.kind === "tokens" ? tokensOf(routing.trace) : routing.kind;
}

/** Loads of every layer, or what there is instead. */
export function loadsRead(routing: ReadRouting): unknown {
  if (routing.kind === "tokens") return routing.kind;
  return Object.fromEntries(routing.loads.layers.map(({ layer, load }) => [layer, [...load]]));
}
