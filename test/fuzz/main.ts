import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { fuzzFamilies } from "./families.js";
import { fuzzInput } from "./fuzz-child.js";
import { runFuzz, type FuzzResult } from "./run-fuzz.js";

// npm run fuzz -- --inputs 1000 --family binary --processes 2: reads mutated files, of every kind where none is named, and
// says which were not read well.
// npm run fuzz -- --family binary --write 17 -o file: writes the mutated file of a number, to look at.
const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "100000" },
    from: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    processes: { type: "string", default: "1" },
    family: { type: "string", multiple: true },
    write: { type: "string" },
    output: { type: "string", short: "o", default: "fuzz-input" },
  },
});
const seed = Number(values.seed);
const chosen = fuzzFamilies.filter(({ name }) => values.family?.includes(name) ?? true);
if (values.write !== undefined) {
  writeFileSync(values.output, await fuzzInput(chosen[0], seed, Number(values.write)));
} else {
  const waiting = chosen.map(({ name }) => name);
  const fuzzNext = async (): Promise<void> => {
    const name = waiting.shift();
    if (name === undefined) return;
    const options = { inputs: Number(values.inputs), seed, from: Number(values.from), isDirect: true };
    report(name, await runFuzz(name, options));
    await fuzzNext();
  };
  await Promise.all(Array.from({ length: Number(values.processes) }, fuzzNext));
}

function report(name: string, { read, refused, failures }: FuzzResult): void {
  console.log(`${name}: ${read} read, ${refused} refused, ${failures.length} failed`);
  const kinds = new Map<string, number>();
  for (const { kind, index, error } of failures) {
    const [what, ...stack] = error.split("\n");
    const place = stack.find((line) => line.includes("/dist/") && !line.includes("/fuzz/"))?.trim() ?? "";
    const title = `${kind} ${what.slice(0, 120)} ${place}`;
    const times = (kinds.get(title) ?? 0) + 1;
    kinds.set(title, times);
    if (times === 1) console.log(`  input ${index}: ${title}`);
  }
  for (const [title, times] of kinds) if (times > 1) console.log(`  ${times} times: ${title}`);
  if (failures.length > 0) process.exitCode = 1;
}
