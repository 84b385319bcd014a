import { existsSync, readdirSync } from "node:fs";
import { forgetPeak, peakBytes } from "../../bench/peak-memory.js";
import { InputError } from "../../lib/errors.js";
import { createRandom, type Random } from "../../lib/random.js";
import { openDirectly } from "./direct-files.js";
import { fuzzFamilies, type FuzzFamily } from "./families.js";
import { mutate } from "./mutate.js";

/** What this process is asked: to read so many mutated files of a family. */
export interface FuzzJob {
  readonly family: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /**
   * Files between two looks at what they left open and how much memory they took. Where there was something to see, each of
   * them is read again and looked at by itself.
   */
  readonly block: number;
  /** Whether files are opened without threads, which is cheaper and not what users have. */
  readonly isDirect: boolean;
}

/** What this process says: `read` and `refused` count the files before that index. */
export type FuzzReport =
  | {
      readonly kind: "begins" | "done";
      readonly index: number;
      readonly read: number;
      readonly refused: number;
      readonly processorMs: number;
    }
  | { readonly kind: "crash" | "memory" | "leak"; readonly index: number; readonly error: string };

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

async function run({ family: name, seed, from, to, block, isDirect }: FuzzJob): Promise<void> {
  const family = fuzzFamilies.find((candidate) => candidate.name === name);
  if (family === undefined) throw new Error(`no family ${name}`);
  if (isDirect) openDirectly();
  const samples = await family.samples();
  const familyIndex = numberOf(family);
  const readOne = async (index: number) => {
    const random = createRandom(seed, familyIndex, index);
    const bytes = makeInput(family, samples, random, index);
    await family.read(bytes, index < samples.length ? 0 : random.below(6));
  };
  const counts = { read: 0, refused: 0 };
  // What the process takes by itself comes before the measure.
  await family.read(family.pack?.(samples[0]) ?? samples[0], 0).catch(() => undefined);
  for (let begin = from; begin < to; begin += block) {
    tell({ kind: "begins", index: begin, ...counts, processorMs: processorMs() });
    const end = Math.min(to, begin + block);
    const left = await watch(async () => {
      for (let index = begin; index < end; index++) {
        try {
          await readOne(index);
          counts.read++;
        } catch (error) {
          if (error instanceof InputError) counts.refused++;
          else tell({ kind: "crash", index, error: (error as Error).stack ?? String(error) });
        }
      }
    });
    if (left.length > 0 && end === begin + 1) for (const what of left) tell({ ...what, index: begin });
    else if (left.length > 0) await findAmong(begin, end, readOne);
  }
  tell({ kind: "done", index: to, ...counts, processorMs: processorMs() });
}

/** Reads files again, one by one, to tell which of them leave something open or take much memory. */
async function findAmong(
  begin: number,
  end: number,
  readOne: (index: number) => Promise<void>,
): Promise<void> {
  for (let index = begin; index < end; index++) {
    const left = await watch(() => readOne(index).catch(() => undefined));
    for (const what of left) tell({ ...what, index });
  }
}

/** What work leaves behind that it should not. */
async function watch(
  work: () => Promise<void>,
): Promise<{ readonly kind: "memory" | "leak"; readonly error: string }[]> {
  const filesBefore = await countOpenFiles();
  forgetPeak();
  const bytesBefore = peakBytes();
  await work();
  const numFiles = (await countOpenFiles(filesBefore)) - filesBefore;
  const taken = (peakBytes() - bytesBefore) / 2 ** 20;
  return [
    ...(numFiles > 0 ? [{ kind: "leak", error: `${numFiles} files left open` } as const] : []),
    ...(taken > MOST_MIB ? [{ kind: "memory", error: `${Math.round(taken)} MiB` } as const] : []),
  ];
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
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
