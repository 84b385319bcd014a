import fc from "fast-check";
import type { LayerTrace } from "../lib/trace/routing-trace.js";

/** One layer of tokens, with what a trace would say of it. */
export interface LayerCase {
  readonly numExperts: number;
  readonly topK: number;
  readonly tokens: readonly (readonly number[])[];
  readonly layer: LayerTrace;
}

/** Makes a layer of a list of tokens, each a list of experts. */
export function layerOf(tokens: readonly (readonly number[])[], layer = 0): LayerTrace {
  return { layer, numTokens: tokens.length, experts: Uint16Array.from(tokens.flat()) };
}

/** Layers of 1 to 40 tokens, few enough experts that patterns recur. */
export const layerCases: fc.Arbitrary<LayerCase> = fc.integer({ min: 1, max: 9 }).chain((numExperts) =>
  fc.integer({ min: 1, max: Math.min(4, numExperts) }).chain((topK) => {
    const token = fc.shuffledSubarray(
      Array.from({ length: numExperts }, (_, expert) => expert),
      { minLength: topK, maxLength: topK },
    );
    return fc
      .array(token, { minLength: 1, maxLength: 40 })
      .map((tokens) => ({ numExperts, topK, tokens, layer: layerOf(tokens) }));
  }),
);

/** A layer with a block for every expert: where each expert sits. */
export const placedCases: fc.Arbitrary<LayerCase & { numBlocks: number; blockOf: number[] }> =
  layerCases.chain((layerCase) =>
    fc
      .integer({ min: 1, max: 4 })
      .chain((numBlocks) =>
        fc
          .array(fc.nat(numBlocks - 1), { minLength: layerCase.numExperts, maxLength: layerCase.numExperts })
          .map((blockOf) => ({ ...layerCase, numBlocks, blockOf })),
      ),
  );
