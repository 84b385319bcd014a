import { createRandom } from "../lib/random.js";

/**
 * Draws the experts of a layer's tokens at random, those of low ids more often; seeded by the layer.
 *
 * @returns Shape [numTokens, topK], row-major.
 */
export function drawSkewedTokens(
  layer: number,
  { numTokens, numExperts, topK }: { numTokens: number; numExperts: number; topK: number },
): Uint16Array<ArrayBuffer> {
  const random = createRandom(1, layer);
  const experts = new Uint16Array(numTokens * topK);
  for (let token = 0; token < numTokens; token++) {
    const chosen = new Set<number>();
    while (chosen.size < topK) chosen.add(Math.floor(random.next() ** 1.5 * numExperts));
    experts.set([...chosen], token * topK);
  }
  return experts;
}
