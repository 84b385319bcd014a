import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { TransferDurations } from "./layer-durations.js";
import { endStage, inTurn, join, NOTHING, waitFor, type StepState } from "./step-state.js";

/** One chunk on its way through the experts. */
export interface Chunk {
  /** What its tasks belong to, for people. */
  readonly scope: string;
  readonly out: TransferDurations;
  readonly back: TransferDurations;
  /** Compute of each chiplet. Shape [numChiplets]. */
  readonly expertsNs: Float64Array;
  /** What the chunk occupies on each chiplet. Shape [numChiplets]. */
  readonly chunkBytes: Float64Array;
  readonly part: number;
  /** Where its tokens come from. */
  readonly after: readonly number[];
  /** When each chiplet has its experts. Shape [numChiplets]. */
  readonly loaded: readonly number[];
  /** When each chiplet has what its experts kept of the chunk, or NOTHING; nothing was kept without it. */
  readonly reloaded?: readonly number[];
  /** Saves what the experts keep, given their work; nothing is kept without it. */
  readonly save?: (experts: readonly number[]) => readonly number[];
}

/** What has become of a chunk. */
export interface ReturnedChunk {
  /** When its results are back where tokens start. */
  readonly back: number;
  /** The work of every chiplet's experts, or NOTHING. Shape [numChiplets]. */
  readonly experts: readonly number[];
  /** When what they keep is saved, or NOTHING. Shape [numChiplets]. */
  readonly saved: readonly number[];
}

/** Takes chunks through dispatch, experts and combine: all are dispatched before the first comes back. */
export function processChunks(state: StepState, chunks: readonly Chunk[]): ReturnedChunk[] {
  const sent = chunks.map((chunk) => {
    state.builder.scope(chunk.scope);
    return dispatch(state, chunk);
  });
  return chunks.map((chunk, index) => {
    state.builder.scope(chunk.scope);
    return computeAndCombine(state, chunk, sent[index]);
  });
}

function computeAndCombine(state: StepState, chunk: Chunk, sent: LinkTasks): ReturnedChunk {
  const { builder, resources, site } = state;
  const outLatencyNs = latency(chunk.out);
  // Where every chiplet hears from every other, what each waits for is the slowest of all links.
  const everything =
    site.tokensStart === "everywhere"
      ? join(state, [...sent.groups, ...sent.chiplets], outLatencyNs)
      : NOTHING;
  const experts = resources.compute.map((resource, chiplet) => {
    if (!visits(chunk, chiplet)) return NOTHING;
    const task = builder.task({
      kind: "experts",
      resource,
      durationNs: chunk.expertsNs[chiplet],
      part: chunk.part,
    });
    inTurn(state, resource, task);
    waitFor(state, task, chunk.loaded[chiplet]);
    waitFor(state, task, chunk.reloaded?.[chiplet] ?? NOTHING);
    if (everything !== NOTHING) waitFor(state, task, everything);
    else {
      waitFor(state, task, sent.groups[groupOf(state, chiplet)], outLatencyNs);
      waitFor(state, task, sent.chiplets[chiplet], outLatencyNs);
    }
    return task;
  });
  // Weights stream beside the stages before, and so may hold experts up for longer than a stage.
  endStage(state, "main", { tasks: experts, since: state.streamingSince });
  const saved = chunk.save?.(experts) ?? experts.map(() => NOTHING);
  const returned = combine(state, chunk, experts);
  experts.forEach((task, chiplet) => {
    if (task === NOTHING) return;
    const until =
      saved[chiplet] === NOTHING
        ? returned.chiplets[chiplet]
        : join(state, [returned.chiplets[chiplet], saved[chiplet]]);
    holdTokens(state, chunk, { chiplet, from: sent.chiplets[chiplet], until });
  });
  const back = join(state, [...returned.groups, ...returned.chiplets], latency(chunk.back));
  return { back, experts, saved };
}

/** Tasks of the links of a transfer: all of them for the chiplet groups, NOTHING for chiplets without tokens. */
interface LinkTasks {
  readonly groups: readonly number[];
  readonly chiplets: readonly number[];
}

/** Sends a chunk out: the link of a chiplet forwards what arrives over the link of its chiplet group. */
function dispatch(state: StepState, chunk: Chunk): LinkTasks {
  const { builder, resources } = state;
  const { out, part } = chunk;
  const groups = resources.rootOut.map((resource, group) => {
    const task = builder.task({ kind: "dispatch", resource, durationNs: out.rootNs[group], part });
    inTurn(state, resource, task);
    for (const before of chunk.after) waitFor(state, task, before);
    return task;
  });
  const chiplets = resources.chipletOut.map((resource, chiplet) => {
    if (!visits(chunk, chiplet)) return NOTHING;
    const task = builder.task({ kind: "dispatch", resource, durationNs: out.chipletNs[chiplet], part });
    inTurn(state, resource, task);
    builder.alongside(task, groups[groupOf(state, chiplet)]);
    makeRoom(state, chunk, { chiplet, task });
    return task;
  });
  endStage(state, "main", { tasks: [...groups, ...chiplets], latencyNs: latency(out) });
  return { groups, chiplets };
}

/** Brings a chunk's results back: the link of a chiplet group begins when its last chiplet does. */
function combine(state: StepState, chunk: Chunk, experts: readonly number[]): LinkTasks {
  const { builder, resources } = state;
  const { back, part } = chunk;
  const chiplets = resources.chipletBack.map((resource, chiplet) => {
    if (!visits(chunk, chiplet)) return NOTHING;
    const task = builder.task({ kind: "combine", resource, durationNs: back.chipletNs[chiplet], part });
    inTurn(state, resource, task);
    builder.after(task, experts[chiplet]);
    return task;
  });
  const groups = resources.rootBack.map((resource, group) => {
    const task = builder.task({ kind: "combine", resource, durationNs: back.rootNs[group], part });
    inTurn(state, resource, task);
    return task;
  });
  chiplets.forEach((task, chiplet) => {
    if (task !== NOTHING) builder.alongside(groups[groupOf(state, chiplet)], task);
  });
  endStage(state, "main", { tasks: [...chiplets, ...groups], latencyNs: latency(back) });
  return { groups, chiplets };
}

/**
 * Lets a chunk wait until so many of those before it have left a chiplet that it fits.
 *
 * Chunks come to each chiplet in one order, so that of those of which nobody waited for the end all are counted: a chunk that overtook
 * others could find the room taken. They may go in any.
 */
function makeRoom(
  state: StepState,
  chunk: Chunk,
  { chiplet, task }: { chiplet: number; task: number },
): void {
  const tokens = state.tokens[chiplet];
  const bytes = chunk.chunkBytes[chiplet];
  const last = tokens.present.at(-1);
  if (last !== undefined) state.builder.alongside(task, last.from);
  while (tokens.heldBytes + bytes > tokens.roomBytes && tokens.present.length > 0) {
    const oldest = tokens.present.shift();
    if (oldest === undefined) return;
    tokens.heldBytes -= oldest.bytes;
    state.builder.after(task, oldest.until);
  }
}

function holdTokens(
  state: StepState,
  chunk: Chunk,
  { chiplet, from, until }: { chiplet: number; from: number; until: number },
): void {
  if (state.resources.sram.length === 0) return;
  const bytes = chunk.chunkBytes[chiplet];
  const tokens = state.tokens[chiplet];
  const last = tokens.present.at(-1);
  // Where stages run apart chunks leave in order, too.
  if (last !== undefined && state.overlap.apart !== "none") state.builder.alongside(until, last.until);
  state.builder.hold({ memory: state.resources.sram[chiplet], bytes, from, until });
  tokens.present.push({ bytes, from, until });
  tokens.heldBytes += bytes;
}

function visits(chunk: Chunk, chiplet: number): boolean {
  return (
    chunk.expertsNs[chiplet] > 0 || chunk.out.chipletNs[chiplet] > 0 || chunk.back.chipletNs[chiplet] > 0
  );
}

function groupOf({ site }: StepState, chiplet: number): number {
  return groupOfChiplet(chiplet, site.chipletsPerGroup);
}

/** Latency of a transfer: none where nothing moves. */
function latency({ rootNs, chipletNs, latencyNs }: TransferDurations): number {
  const moves = (durations: Float64Array) => durations.some((duration) => duration > 0);
  return moves(rootNs) || moves(chipletNs) ? latencyNs : 0;
}
