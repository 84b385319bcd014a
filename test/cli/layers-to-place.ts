import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

/** Places `trace.jsonl` of {@link openLayers} with a solver that proves, which takes long enough to be caught in the act. */
export const placing: readonly string[] = [
  ...["place", "trace.jsonl", "--chiplets", "4", "--groups", "2"],
  ...["--solver", "exact", "--threads", "1"],
];

/** A workplace with `trace.jsonl`: layers of 16 experts, a job each. */
export function openLayers(numLayers: number): Workplace {
  const place = openWorkplace();
  place.write("trace.jsonl", layersText(numLayers));
  return place;
}

/** What `trace.jsonl` of {@link openLayers} holds; with another number of tokens, another trace of the same shape. */
export function layersText(numLayers: number, numTokens = 600): string {
  const layers = Array.from({ length: numLayers }, (_, layer) => layer);
  return traceText(sampleTrace({ numExperts: 16, layers, numTokens }));
}
