import { readFileSync } from "node:fs";
import { peakBytes } from "../../bench/peak-memory.js";
import { InputError } from "../../lib/errors.js";
import { verifyForeign } from "../../lib/export/read-foreign.js";
import { readSlotMap } from "../../traces/slot-map.js";
import { readRouting } from "../../traces/read-trace.js";

// Reads a file in all ways in which files are read, and prints how much memory the process has taken for it at most.
const [path] = process.argv.slice(2);
const ways = [
  () => readRouting([path]),
  () => readRouting([path], { topK: 2, numLayers: 4 }),
  () => readSlotMap(path),
  () => verifyForeign(readFileSync(path), path, { numChiplets: 4 }),
];
for (const read of ways) {
  await read().catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
  });
}
console.log(peakBytes() / 2 ** 20);
