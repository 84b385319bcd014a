/**
 * `npm run bench:scanner`: what reading rows straight from the bytes is worth against `JSON.parse`.
 *
 * Seeded rows of 8 experts. Both ways are compared with each other before anything is timed. Costs are processor time of
 * the cheapest of several runs, which other work disturbs least. docs/decisions/json-scanner.md says what follows from it.
 */
import { createRandom } from "../lib/random.js";
import { RowScanner } from "../traces/bytes/row-scanner.js";
import { leastMs } from "./least-ms.js";
import { row } from "./table.js";

const NUM_ROWS = 200_000;
const TOP_K = 8;
const NUM_EXPERTS = 256;

interface Row {
  readonly layer: number;
  readonly token: number;
  readonly experts: readonly number[];
}

const layouts: readonly [string, (row: Row) => string][] = [
  ["as `JSON.stringify` writes it", (values) => JSON.stringify(values)],
  [
    "as Python's `json.dumps` writes it, with members that are not read",
    ({ layer, token, experts }) =>
      `{"request": "r${layer}", "token": ${token}, "layer": ${layer}, "experts": [${experts.join(", ")}]}`,
  ],
];

console.log(`## Rows of JSON: ${NUM_ROWS} of ${TOP_K} experts\n`);
console.log("| rows | MB | `JSON.parse`, ms | scanner, ms | times as fast |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const [name, write] of layouts) {
  const bytes = Buffer.from(`${drawRows().map(write).join("\n")}\n`);
  if (sumParsed(bytes) !== sumScanned(bytes)) throw new Error(`${name}: the two ways differ`);
  const [parsedMs, scannedMs] = [leastMs(() => sumParsed(bytes)), leastMs(() => sumScanned(bytes))];
  row(
    name,
    (bytes.length / 1e6).toFixed(1),
    parsedMs.toFixed(0),
    scannedMs.toFixed(0),
    (parsedMs / scannedMs).toFixed(1),
  );
}

function drawRows(): Row[] {
  const random = createRandom(1);
  return Array.from({ length: NUM_ROWS }, (_, token) => ({
    layer: token % 32,
    token,
    experts: Array.from({ length: TOP_K }, () => random.below(NUM_EXPERTS)),
  }));
}

function sumParsed(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const { layer, token, experts } = JSON.parse(bytes.toString("utf8", at, end)) as Row;
    total += layer + token;
    for (const expert of experts) total += expert;
    at = end + 1;
  }
  return total;
}

function sumScanned(bytes: Buffer): number {
  const scanner = new RowScanner({ layer: "layer", token: "token", experts: "experts" });
  scanner.setBytes(bytes);
  let total = 0;
  for (let at = 0; at < bytes.length;) {
    at = scanner.scan(at);
    if (at < 0) throw new Error("a row is left to JSON.parse");
    total += scanner.layer + scanner.token;
    for (let place = 0; place < scanner.width; place++) total += scanner.experts[place];
  }
  return total;
}
