/** What a pass through a layer is made of, forward and backward. */
import type { SramPlan } from "../performance/memory.js";
import type { LayerDurations } from "./layer-durations.js";
import type { StepPlan } from "./step-plan.js";
import { streamWeights, type ExpertArrival } from "./step-stages.js";
import { join, NOTHING, type StepState } from "./step-state.js";

/** A step under construction, and what its next pass through a layer waits for. */
export interface Step {
  readonly state: StepState;
  readonly plan: StepPlan;
  /** All that is attended to at a time, in their order. */
  readonly pieces: readonly Piece[];
  /** Of every chiplet. */
  readonly srams: readonly SramPlan[];
  /** How the experts of every chiplet leave it, one entry a pass so far. Indexed [pass][chiplet]. */
  readonly released: (readonly Departure[])[];
  /** What brings every piece to the next pass. */
  arriving: readonly Arrival[];
  /** When the chunks of every piece reached a pass. Indexed [pass][piece][chunk]. */
  readonly arrivals: (readonly number[])[][];
  /** When every piece's activations are saved. Indexed [layer][piece]. */
  readonly saved: number[][];
  /** When what the experts keep is saved. Indexed [layer][piece][chunk][chiplet]. */
  readonly savedByExperts: (readonly (readonly number[])[])[][];
}

/** A part of a micro-batch, with the chunks cut from it. */
export interface Piece {
  /** Among all pieces. */
  readonly index: number;
  readonly microBatch: number;
  readonly part: number;
  /** Their numbers in the micro-batch. */
  readonly chunks: readonly number[];
}

/** Adds what a piece has yet to do before its next pass, and says when each of its chunks gets there; asked once. */
export type Arrival = () => readonly number[];

/** Cuts the micro-batches of a step. */
export function piecesOf({ numMicroBatches, overlap: { parts, chunks } }: StepPlan): Piece[] {
  const size = chunks / parts;
  return Array.from({ length: numMicroBatches * parts }, (_, index) => {
    const part = index % parts;
    return {
      index,
      microBatch: Math.floor(index / parts),
      part,
      chunks: Array.from({ length: size }, (_, place) => part * size + place),
    };
  });
}

/**
 * Which pieces go through the stages of a pass together: all attention first, then all experts. Where kernels start in order a stage of one piece
 * hides the transfers of another so; where whatever is ready starts, each piece goes through on its own.
 */
export function wavesOf({ pieces, state }: Step): (readonly Piece[])[] {
  return areTogether(state) ? [pieces] : pieces.map((piece) => [piece]);
}

/** Which chunks of a wave are sent before any of them comes back: all, or one at a time. */
export function trainsOf<Chunk>({ state }: Step, chunks: readonly Chunk[]): (readonly Chunk[])[] {
  return areTogether(state) ? [chunks] : chunks.map((chunk) => [chunk]);
}

function areTogether({ site, overlap }: StepState): boolean {
  return site.kernelsInOrder && overlap.apart === "none";
}

/** Brings a piece to the pass that is being added. */
export function arrive({ arriving, arrivals }: Step, piece: Piece): readonly number[] {
  const chunks = arriving[piece.index]();
  arrivals[arrivals.length - 1].push(chunks);
  return chunks;
}

/** Work of every chiplet on a chunk: its experts, and what dispatch and combine of others take of its compute meanwhile. */
export function computeNs(
  { expertsNs, dispatch, combine, unitShare }: LayerDurations,
  factor: number,
): Float64Array {
  return expertsNs.map(
    (ns, chiplet) => factor * ns + unitShare * (dispatch.chipletNs[chiplet] + combine.chipletNs[chiplet]),
  );
}

/** The experts of a layer on the chiplets. */
export interface Weights {
  /** Indexed [chiplet][expert]. */
  readonly arriving: readonly (readonly ExpertArrival[])[];
  /** When every chiplet has all of them, or NOTHING. Shape [numChiplets]. */
  readonly loaded: readonly number[];
}

/** When the experts of one pass have left a chiplet. */
interface Departure {
  /** When one has, when two have, and so on; fewer entries where several leave at once. */
  readonly after: readonly number[];
  readonly expertBytes: number;
}

/** Streams in the experts of the next pass: those that fit ahead after the pass before the last, others as those before leave. */
export function bringWeights(
  { state, srams, released }: Step,
  layer: LayerDurations,
  factor: number,
): Weights {
  const pass = released.length;
  const roomFor = (chiplet: number, place: number) => {
    const ahead = srams[chiplet].prefetched[pass];
    if (place < ahead) return pass < 2 ? NOTHING : (released[pass - 2][chiplet].after.at(-1) ?? NOTHING);
    if (pass < 1) return NOTHING;
    const { after, expertBytes } = released[pass - 1][chiplet];
    const number = Math.ceil(((place + 1 - ahead) * layer.expertBytes) / expertBytes);
    return after[Math.min(number, after.length) - 1];
  };
  const arriving = streamWeights(state, layer, { factor, roomFor });
  const loaded = arriving.map((experts) =>
    experts.length === 0
      ? NOTHING
      : join(
          state,
          experts.flatMap(({ read, link }) => [read, link]),
        ),
  );
  return { arriving, loaded };
}

/** When every chiplet has no more work in a pass. Shape [numChiplets]. */
export function finished(
  { state }: Step,
  experts: readonly (readonly number[])[],
  { loaded }: Weights,
): number[] {
  return loaded.map((last, chiplet) => join(state, [last, ...experts.map((tasks) => tasks[chiplet])]));
}

/**
 * Ends a pass: the SRAM of every chiplet held its experts from their arrival until they were done with.
 *
 * A pass is not over before the one before it, so that room for experts ahead is room indeed: a chiplet without experts
 * in a pass has no work that would tell, and what is written back may come late.
 *
 * @param pass.out The tasks after which each expert of every chiplet has left, or all of them at once. Indexed [chiplet][number].
 */
export function releaseWeights(
  { state, released }: Step,
  { expertBytes }: LayerDurations,
  { weights, out }: { weights: Weights; out: readonly (readonly (readonly number[])[])[] },
): void {
  const before = released.at(-1);
  const departures = out.map((experts, chiplet) => {
    const after: number[] = [];
    let last = before?.[chiplet].after.at(-1) ?? NOTHING;
    // Where stages run apart, room for a layer is made when all of the one before is done.
    const leaving = state.overlap.apart === "none" ? experts : [experts.flat()];
    for (const tasks of leaving) after.push((last = join(state, [last, ...tasks])));
    return { after, expertBytes };
  });
  released.push(departures);
  if (state.resources.sram.length === 0) return;
  weights.arriving.forEach((experts, chiplet) => {
    const memory = state.resources.sram[chiplet];
    const { after } = departures[chiplet];
    experts.forEach(({ link }, place) => {
      const until = after[Math.min(place, after.length - 1)];
      state.builder.hold({ memory, bytes: expertBytes, from: link, until });
    });
  });
}
