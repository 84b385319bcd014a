import { existsSync } from "node:fs";
import { join } from "node:path";
import { readTrace } from "../traces/read-trace.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";

const folder = process.env["MOEPLACE_TRACES"] ?? "../shared/traces";

/** Reads a real trace by the name of its file, or says that it is not there and returns nothing. */
export async function realTrace(name: string): Promise<RoutingTrace | undefined> {
  const file = join(folder, `${name}.jsonl.gz`);
  if (!existsSync(file)) {
    console.log(`\n(${file} is absent; set MOEPLACE_TRACES)`);
    return undefined;
  }
  const { trace } = await readTrace([file]);
  return trace;
}
