import type { Phase, Transport } from "../hardware/workload.js";
import type { DispatchModel } from "../placement/dispatch.js";
import type { Placement } from "../placement/placement.js";

/** Whether a release loads the file: it does, it has no option for it, or it loads it and computes wrong results. */
export type Loading = "loads" | "does not load" | "goes wrong";

/** What a range of an engine's versions makes of the file. */
export interface EngineRelease {
  /** First version of the range, as people write it; absent where it begins with the first release. */
  readonly from?: string;
  /** First version after the range; absent where it goes on. */
  readonly before?: string;
  readonly loading: Loading;
  /** Why, or how it was checked: one sentence without a full stop. */
  readonly why: string;
}

/** Models that an engine serves with its own order of the experts, whatever the file says. */
export interface DeafModels {
  readonly matches: RegExp;
  readonly name: string;
}

/** That layers may have unequal numbers of slots. */
export interface UnequalLayers {
  /** First version that takes them; absent where all do. */
  readonly from?: string;
  /** How it is known. */
  readonly why: string;
}

/** What a command line is made of; its `model` is one that can be loaded by that name, if any. */
export interface LaunchFacts extends Placement {
  /** Name of the model as the placement has it. */
  readonly named?: string | undefined;
  readonly slotsPerChiplet: number;
  /** Name of the file written. */
  readonly file: string;
  /** The range of versions that was asked about, where one was. */
  readonly release?: EngineRelease | undefined;
}

/** What an engine, trainer or partitioner does with a file of one format. */
export interface Engine {
  /** Short name by which people place for it, the same for all files of one engine; absent where it runs no models. */
  readonly key?: string;
  /** Name of the file format. */
  readonly format: string;
  readonly name: string;
  /** What of its code was run or read, and how new it was. */
  readonly checked: string;
  /** Ascending, without overlap. */
  readonly releases: readonly EngineRelease[];
  /** How the name of the file has to end, where the engine looks at it. */
  readonly fileEnding?: string;
  readonly deafModels?: readonly DeafModels[];
  /** Which models obey, in words. */
  readonly obeyingModels?: string;
  /** Dispatch models by which it chooses replicas; absent where it has none. */
  readonly dispatch?: readonly DispatchModel[];
  /** How it sends tokens in a step of each kind; absent where that is not known. */
  readonly transport?: Readonly<Record<Phase, Transport>>;
  /** What a placement for a step of one kind asks of its servers, where they are launched for that kind. */
  readonly deployment?: Readonly<Partial<Record<Phase, string>>>;
  /** Where its layers may have unequal numbers of slots; absent where all have as many. */
  readonly unequalLayers?: UnequalLayers;
  /** How it takes shared experts that are placed like the others; absent where every rank has them anyway. */
  readonly sharedExperts?: string;
  /** The whole command line or configuration. */
  launch(facts: LaunchFacts): string;
  /** How to see that the file was loaded. */
  readonly seeLoaded: string;
  /** What goes wrong without a word, each with the way out. */
  readonly silentlyWrong: readonly string[];
}

/** Engines on DeepEP: normal kernels send a copy to a server, low-latency ones, for decode, one to every expert. */
export const DEEP_EP: Readonly<Record<Phase, Transport>> = {
  train: "per-group",
  prefill: "per-group",
  decode: "per-expert",
};

/** One way of sending tokens, whatever the step. */
export function always(transport: Transport): Readonly<Record<Phase, Transport>> {
  return { train: transport, prefill: transport, decode: transport };
}

/** What the engine serves with the experts in their own order, of which the model is one; undefined where it obeys. */
export function deafModel({ deafModels = [] }: Engine, model: string | undefined): DeafModels | undefined {
  return deafModels.find(({ matches }) => model !== undefined && matches.test(model));
}

/**
 * A word of a command line, quoted where a shell would take it apart.
 *
 * @example
 * shellWord("deepseek-ai/DeepSeek-V3"); // "deepseek-ai/DeepSeek-V3"
 * shellWord("my model (new)"); // "'my model (new)'"
 */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Replicas beyond one of each expert. */
export function countRedundant({
  numExperts,
  numChiplets,
  slotsPerChiplet,
}: Omit<LaunchFacts, "file">): number {
  return numChiplets * slotsPerChiplet - numExperts;
}

/**
 * The range of versions that a version is in.
 *
 * @param version Such as `0.23.0`, `v0.24.0rc1`.
 * @returns Undefined where no range holds it, or it is no version.
 *
 * @example
 * releaseOf({ name: "E", releases: [{ before: "0.24", loading: "loads" }] }, "v0.23.1")?.loading; // "loads"
 */
export function releaseOf({ releases }: Engine, version: string): EngineRelease | undefined {
  const parts = versionParts(version);
  if (parts === undefined) return undefined;
  const isBefore = (limit: string) => compareParts(parts, versionParts(limit) ?? []) < 0;
  return releases.find(
    ({ from, before }) =>
      (from === undefined || !isBefore(from)) && (before === undefined || isBefore(before)),
  );
}

/**
 * Whether layers may have unequal numbers of slots.
 *
 * @param version Of which it is asked; without one, whether any version takes them.
 */
export function takesUnequalLayers({ unequalLayers }: Engine, version?: string): boolean {
  if (unequalLayers === undefined) return false;
  const { from } = unequalLayers;
  const parts = version === undefined ? undefined : versionParts(version);
  return from === undefined || parts === undefined || compareParts(parts, versionParts(from) ?? []) >= 0;
}

/** Whose layers may have unequal numbers of slots, for people: `vllm-ascend from 0.13 on`. */
export function formatUnequal(name: string, { from }: UnequalLayers): string {
  return from === undefined ? name : `${name} ${formatRange({ from })}`;
}

/** `from 0.13 to before 0.24`: a range for people. */
export function formatRange({ from, before }: Pick<EngineRelease, "from" | "before">): string {
  if (from === undefined && before === undefined) return "every release";
  if (from === undefined) return `before ${before}`;
  return before === undefined ? `from ${from} on` : `from ${from} to before ${before}`;
}

/** Numbers of a version; what follows them (rc1, .post2, +cu128) counts as the version itself. */
function versionParts(version: string): number[] | undefined {
  const match = /^v?(\d{1,6}(?:\.\d{1,6}){0,3})/.exec(version.trim());
  return match?.[1].split(".").map(Number);
}

function compareParts(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
