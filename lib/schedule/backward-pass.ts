import { reloadExperts } from "./expert-activations.js";
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
import { attend, moveActivations, writeBack } from "./step-stages.js";

/** Takes the gradients of all pieces of a step back through a layer; shared experts hide their way out. */
export function runBackward(step: Step, layer: LayerDurations, index: number): void {
  const { state } = step;
  const pass = step.released.length;
  const scope = `layer ${step.plan.layerNumbers?.[index] ?? index} backward`;
  state.builder.scope(scope);
  const weights = bringWeights(step, layer, layer.updateFactor);
  const scaled = (durationNs: number) => durationNs * layer.backwardFactor;
  const expertsNs = computeNs(layer, layer.backwardFactor);
  const experts: (readonly number[])[] = [];
  const arriving: Arrival[] = [];
  step.arrivals.push([]);
  const scopeOf = ({ microBatch }: Piece) => `${scope}, micro-batch ${microBatch},`;
  for (const wave of wavesOf(step)) {
    const arrived = wave.map((piece) => {
      const gradients = arrive(step, piece);
      state.builder.scope(scopeOf(piece));
      // Reloading begins with the pass before, so the root holds the activations of two layers at most.
      const ahead = step.arrivals[pass - 1][piece.index];
      const after = [step.saved[index][piece.index], ...ahead];
      const { part } = piece;
      const reloaded = moveActivations(state, "reload", { part, durationNs: layer.saveNs, after });
      return { piece, gradients, ahead, reloaded };
    });
    const shared = arrived.map(({ piece, gradients, reloaded }) => {
      state.builder.scope(scopeOf(piece));
      return attend(state, "shared experts", {
        part: piece.part,
        durationNs: scaled(layer.sharedNs),
        after: [...gradients, reloaded],
      });
    });
    const sent = arrived.flatMap((from) => from.piece.chunks.map((part, place) => ({ from, part, place })));
    const returned = trainsOf(step, sent).flatMap((train) =>
      processChunks(
        state,
        train.map(({ from: { piece, gradients, ahead, reloaded }, part, place }) => {
          state.builder.scope(scopeOf(piece));
          const kept = { saved: step.savedByExperts[index][piece.index][place], after: ahead, part };
          return {
            scope: scopeOf(piece),
            out: layer.combine,
            back: layer.dispatch,
            expertsNs,
            chunkBytes: layer.chunkBytes,
            part,
            after: [gradients[place], reloaded],
            loaded: weights.loaded,
            reloaded: reloadExperts(state, layer, kept),
          };
        }),
      ),
    );
    arrived.forEach(({ piece }, at) => {
      const own = returned.splice(0, piece.chunks.length);
      for (const chunk of own) experts.push(chunk.experts);
      state.builder.scope(scopeOf(piece));
      const attended = attend(state, "attention", {
        part: piece.part,
        durationNs: scaled(layer.attentionNs),
        after: [...own.map(({ back }) => back), shared[at]],
      });
      arriving.push(() => piece.chunks.map(() => attended));
    });
  }
  step.arriving = arriving;
  const updated = finished(step, experts, weights);
  state.streamingSince = state.builder.nextTask;
  // Experts are written back once for all micro-batches.
  state.builder.scope(scope);
  releaseWeights(step, layer, { weights, out: writeBack(state, layer, updated) });
}
