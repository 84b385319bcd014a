import { InputError } from "../../lib/errors.js";
import { readLines } from "../bytes/lines.js";
import type { FileHead, OnBytes } from "../bytes/file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";

/** A line: the tokens of one layer at one step on one rank. */
interface TracedStep {
  readonly step: number;
  readonly stage: string;
  readonly block: string;
  readonly layer: number;
  readonly rows: readonly (readonly number[])[];
}

const STAGE = "pre_dispatch";
const BLOCK = "decoder";

/**
 * What Megatron-LM writes with `--moe-routing-trace-path`: JSON Lines for every rank, a line for every step and layer with
 * the experts of all its tokens.
 *
 * Layers keep Megatron's numbers. Ranks of a tensor-parallel group without sequence parallelism trace the same tokens.
 */
export const megatronRouterTrace: TraceFormat = {
  name: "Megatron router trace",
  sign: 'JSON Lines with "step", "layer" and "top_indices"',
  recognises({ text }: FileHead) {
    const [first] = text.trimStart().split("\n", 1);
    return ["{", '"step"', '"layer"', '"top_indices"'].every((part) => first.includes(part));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) await readRank(path, builder, onBytes);
  },
};

async function readRank(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const numSteps = new Map<string, number>();
  let numOthers = 0;
  for await (const { number, text, isTerminated } of readLines(path, onBytes)) {
    const where = `${path}:${number}`;
    if (text.trim() === "") continue;
    const traced = parseLine(text);
    if (!traced) {
      if (isTerminated) {
        throw new InputError(
          `${where}: found ${text.slice(0, 60)}, expected {"step":0,"layer":1,...,"top_indices":[[8,26]]}`,
        );
      }
      builder.warnings.push(`${where}: the last line is cut off and was left out`);
      return;
    }
    const { step, stage, block, layer, rows } = traced;
    if (stage !== STAGE || block !== BLOCK) {
      numOthers++;
      continue;
    }
    // Micro-batches of a step come one after the other.
    const name = `${step} ${layer}`;
    const index = numSteps.get(name) ?? 0;
    numSteps.set(name, index + 1);
    if (builder.sameBatch.isRepeat(path, `${name} ${index}`, [Buffer.from(JSON.stringify(rows))])) continue;
    for (const [token, row] of rows.entries()) {
      const fault = builder.append(layer, row);
      if (fault) throw new InputError(`${where}: token ${token}: ${fault.found}`, fault.advice);
    }
  }
  if (numOthers > 0) {
    builder.warnings.push(
      `${path}: ${numOthers} lines of other blocks or stages than ${BLOCK}, ${STAGE} were left out`,
    );
  }
}

function parseLine(text: string): TracedStep | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { step, stage = STAGE, block = BLOCK, layer, top_indices: rows } = value;
  const isSound =
    Number.isInteger(step) &&
    Number.isInteger(layer) &&
    Number(layer) >= 0 &&
    Array.isArray(rows) &&
    rows.every((row) => Array.isArray(row) && row.every(Number.isInteger));
  return isSound
    ? {
        step: Number(step),
        stage: String(stage),
        block: String(block),
        layer: Number(layer),
        rows: rows as number[][],
      }
    : undefined;
}
