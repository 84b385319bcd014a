import { saveExperts } from "./expert-activations.js";
import type { LayerDurations } from "./layer-durations.js";
import { processChunks } from "./step-chunk.js";
import {
  arrive,
  bringWeights,
  computeNs,
  finished,
  releaseWeights,
  trainsOf,
  wavesOf,
  type Arrival,
  type Piece,
  type Step,
} from "./step-pass.js";
import { attend, moveActivations } from "./step-stages.js";
import { join } from "./step-state.js";

/**
 * Takes all pieces of a step through a layer forward.
 *
 * Where they go together, shared experts of a piece come after all experts, just before its attention of the next layer: so
 * they hide its combine, while its dispatch is hidden by what the other pieces do. A piece alone has them beside its dispatch.
 */
export function runForward(step: Step, layer: LayerDurations, index: number): void {
  const { state, plan } = step;
  const scope = `layer ${plan.layerNumbers?.[index] ?? index} forward`;
  state.builder.scope(scope);
  const weights = bringWeights(step, layer, 1);
  const expertsNs = computeNs(layer, 1);
  const experts: (readonly number[])[] = [];
  const saved: number[] = [];
  const savedByExperts: (readonly (readonly number[])[])[] = [];
  const arriving: Arrival[] = [];
  step.saved.push(saved);
  step.savedByExperts.push(savedByExperts);
  step.arrivals.push([]);
  const scopeOf = ({ microBatch }: Piece) => `${scope}, micro-batch ${microBatch},`;
  const share = (piece: Piece, attended: number) => {
    state.builder.scope(scopeOf(piece));
    return attend(state, "shared experts", {
      part: piece.part,
      durationNs: layer.sharedNs,
      after: [attended],
    });
  };
  for (const wave of wavesOf(step)) {
    const sharesLast = wave.length > 1;
    const attended = wave.map((piece) => {
      const after = arrive(step, piece);
      state.builder.scope(scopeOf(piece));
      const { part } = piece;
      const task = attend(state, "attention", { part, durationNs: layer.attentionNs, after });
      if (plan.training) {
        saved.push(moveActivations(state, "save", { part, durationNs: layer.saveNs, after: [task] }));
      }
      const shared = sharesLast ? undefined : share(piece, task);
      return { piece, task, shared };
    });
    const sent = attended.flatMap((from) => from.piece.chunks.map((part) => ({ from, part })));
    const returned = trainsOf(step, sent).flatMap((train) =>
      processChunks(
        state,
        train.map(({ from: { piece, task }, part }) => ({
          scope: scopeOf(piece),
          out: layer.dispatch,
          back: layer.combine,
          expertsNs,
          chunkBytes: layer.chunkBytes,
          part,
          after: [task],
          loaded: weights.loaded,
          ...(plan.training && { save: (tasks) => saveExperts(state, layer, { experts: tasks, part }) }),
        })),
      ),
    );
    for (const from of attended) {
      const own = returned.splice(0, from.piece.chunks.length);
      for (const chunk of own) experts.push(chunk.experts);
      savedByExperts.push(own.map((chunk) => chunk.saved));
      arriving.push(() => {
        const shared = from.shared ?? share(from.piece, from.task);
        return own.map(({ back }) => join(state, [back, shared]));
      });
    }
  }
  step.arriving = arriving;
  const done = finished(step, experts, weights);
  state.streamingSince = state.builder.nextTask;
  releaseWeights(step, layer, { weights, out: done.map((task) => [[task]]) });
}
