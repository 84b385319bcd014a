import { createHash } from "node:crypto";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { readVersion } from "../doors/flows.js";
import type { ReportMaking } from "../doors/report.js";

/** Options that say what is printed, and nothing of what is found. */
const SAYS_NOTHING = ["json", "quiet", "verbose", "force", "csv", "timing", "report", "svg", "output"];

/**
 * How a page is being made, for whoever wants to make it again.
 *
 * @param paths Files and folders that were read.
 * @param command The one that runs.
 */
export async function reportMaking(
  paths: readonly string[],
  options: object,
  command: Command,
): Promise<ReportMaking> {
  const inputs = [];
  for (const name of paths.flatMap(filesOf)) inputs.push({ name, sha256: await hashFile(name) });
  const { seed, ...others } = options as Record<string, unknown>;
  return {
    version: readVersion(),
    command: ["moeplace", ...wordsOf(command)].map(quoted).join(" "),
    ...(typeof seed === "number" && { seed }),
    inputs,
    options: Object.fromEntries(
      Object.entries(others)
        .filter(([name, value]) => !SAYS_NOTHING.includes(name) && isTold(value))
        .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
  };
}

/** The words of the command line, which commander keeps without telling. */
function wordsOf({ parent }: Command): readonly string[] {
  return (parent as { rawArgs?: readonly string[] } | null)?.rawArgs ?? [];
}

function isTold(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
}

/** A word of a command line as a shell reads it back. */
function quoted(word: string): string {
  return /^[\w./:=,+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Files of a path that can be read again: pipes cannot. */
function filesOf(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.isFile() ? [path] : [];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile());
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
