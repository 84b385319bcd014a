import { gunzipSync, gzipSync } from "node:zlib";
import type { SolveJob } from "../jobs/solve-job.js";
import { fromWire, toWire } from "../jobs/wire.js";

/** A job as it lies in the queue. */
export interface PackedJob {
  /** Whose job it is. */
  readonly submitter: string;
  /** gzip of the job's wire text, in Base64. */
  readonly job: string;
}

/** A job may be so large, unpacked. */
const MOST_BYTES = 2 ** 29;

export function packJob(job: SolveJob): string {
  return gzipSync(toWire(job), { level: 4 }).toString("base64");
}

/** @throws Error if the text holds no job. */
export function unpackJob(packed: unknown): SolveJob {
  if (typeof packed !== "string") throw new Error("found no packed job");
  const job = fromWire(gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: MOST_BYTES }).toString());
  const { solver, problem, options } = job as Partial<SolveJob>;
  if (typeof solver !== "string" || typeof problem !== "object" || typeof options !== "object") {
    throw new Error("found a job without solver, problem or options");
  }
  return { solver, problem, options };
}
