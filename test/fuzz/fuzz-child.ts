import { existsSync, readdirSync } from "node:fs";
import { forgetPeak, peakBytes } from "../../bench/peak-memory.js";
import { InputError } from "../../lib/errors.js";
import { createRandom, type Random } from "../../lib/random.js";
import { fuzzFamilies, type FuzzFamily } from "./families.js";
import { mutate } from "./mutate.js";

/** What this process is asked: to read so many mutated files of a family. */
export interface FuzzJob {
  readonly family: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** What this process says. */
export type FuzzReport =
  | { readonly kind: "begins"; readonly index: number; readonly processorMs: number }
  | { readonly kind: "crash"; readonly index: number; readonly error: string }
  | { readonly kind: "memory" | "leak"; readonly index: number; readonly error: string }
  | { readonly kind: "done"; readonly read: number; readonly refused: number };

/** Memory that one small file may take above what the process has when it begins. */
const MOST_MIB = 512;

/** The mutated file of a number; the first ones are sound. */
export async function fuzzInput(family: FuzzFamily, seed: number, index: number): Promise<Uint8Array> {
  return makeInput(family, await family.samples(), createRandom(seed, numberOf(family), index), index);
}

function makeInput(
  family: FuzzFamily,
  samples: readonly Buffer[],
  random: Random,
  index: number,
): Uint8Array {
  const sample = samples[index % samples.length];
  const bytes = index < samples.length ? sample : mutate(sample, random);
  return family.pack?.(bytes) ?? bytes;
}

async function run({ family: name, seed, from, to }: FuzzJob): Promise<void> {
  const family = fuzzFamilies.find((candidate) => candidate.name === name);
  if (family === undefined) throw new Error(`no family ${name}`);
  const samples = await family.samples();
  const familyIndex = numberOf(family);
  let read = 0;
  let refused = 0;
  // What the process takes by itself comes before the measure.
  await family.read(family.pack?.(samples[0]) ?? samples[0], 0).catch(() => undefined);
  let numOpen = await countOpenFiles();
  for (let index = from; index < to; index++) {
    const { user, system } = process.cpuUsage();
    forgetPeak();
    const before = peakBytes();
    tell({ kind: "begins", index, processorMs: (user + system) / 1000 });
    const random = createRandom(seed, familyIndex, index);
    const bytes = makeInput(family, samples, random, index);
    try {
      await family.read(bytes, index < samples.length ? 0 : random.below(6));
      read++;
    } catch (error) {
      if (error instanceof InputError) refused++;
      else tell({ kind: "crash", index, error: (error as Error).stack ?? String(error) });
    }
    const numFiles = await countOpenFiles(numOpen);
    if (numFiles > numOpen) tell({ kind: "leak", index, error: `${numFiles - numOpen} files left open` });
    numOpen = numFiles;
    const taken = (peakBytes() - before) / 2 ** 20;
    if (taken > MOST_MIB) tell({ kind: "memory", index, error: `${Math.round(taken)} MiB` });
  }
  tell({ kind: "done", read, refused });
}

/** Files that this process holds open, where the system tells. Streams that were stopped close theirs a little later. */
async function countOpenFiles(mostExpected = Infinity): Promise<number> {
  let numFiles = Infinity;
  for (let look = 0; look < MOST_LOOKS && numFiles > mostExpected; look++) {
    if (look > 0) await new Promise((resolve) => setTimeout(resolve, look));
    numFiles = existsSync(OPEN_FILES) ? readdirSync(OPEN_FILES).length : 0;
  }
  return numFiles;
}

const OPEN_FILES = "/proc/self/fd";
const MOST_LOOKS = 20;

/** A number that stays what it is when families are added. */
function numberOf({ name }: FuzzFamily): number {
  return Array.from(name).reduce((hash, character) => (Math.imul(hash, 31) + character.charCodeAt(0)) | 0, 0);
}

function tell(report: FuzzReport): void {
  process.send?.(report);
}

process.on("disconnect", () => {
  process.exit();
});
process.on("message", (job: FuzzJob) => {
  void run(job);
});
