/** Reads a trace in a process of its own, for bench/reading.ts: what was read, in how long and how much memory, as JSON. */
import { readTrace } from "../traces/read-trace.js";
import { peakBytes } from "./peak-memory.js";

const [path, ...limit] = process.argv.slice(2);
const { trace, report } = await readTrace([path], { maxTokens: limit.map(Number).at(0) });
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    kept: trace.layers[0].numTokens,
    rowsRead: report.layers.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    ms: (user + system) / 1000,
    peakBytes: peakBytes(),
  }),
);
