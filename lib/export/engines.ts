import { formatUnequal, type Engine } from "./engine.js";
import { ascendEngines } from "./engines/ascend.js";
import { nvidiaEngines } from "./engines/nvidia.js";
import { otherEngines } from "./engines/others.js";
import { sglangEngines } from "./engines/sglang.js";
import { vllmEngines } from "./engines/vllm.js";

/**
 * What engines do with the files written for them: one source for the notes of an export, for docs/engines.md,
 * and for what a placement has to be. Of the rows of one engine the first that some release loads is what it is placed for.
 *
 * Source: the engines' own loading code, run or read as `checked` says.
 */
export const engines: readonly Engine[] = [
  ...sglangEngines,
  ...vllmEngines,
  ...ascendEngines,
  ...nvidiaEngines,
  ...otherEngines,
];

/** Names of the formats in which layers may have unequal numbers of slots, for people. */
export function unequalFormats(): string {
  return engines
    .flatMap(({ format, unequalLayers }) => (unequalLayers ? [formatUnequal(format, unequalLayers)] : []))
    .join(" or ");
}

/** Names of the formats that may hold shared experts, for people. */
export function sharingFormats(): string {
  return engines
    .flatMap(({ format, sharedExperts }) => (sharedExperts === undefined ? [] : [format]))
    .join(" or ");
}

/**
 * The engine that a file format was made for; undefined where none is known.
 *
 * @param key Engine that is meant, where several take the format; default the first.
 */
export function engineOf(format: string, key?: string): Engine | undefined {
  const rows = engines.filter((engine) => engine.format === format);
  return rows.find((engine) => engine.key === key) ?? rows.at(0);
}
