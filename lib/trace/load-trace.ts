import { InputError } from "../errors.js";
import { NO_EXPERT, type LayerTrace, type RoutingTrace } from "./routing-trace.js";

/**
 * How often the experts of a model were chosen, without the tokens: what most engines record in production.
 *
 * Enough to balance and to replicate experts. Not enough for C_T, which needs to know what a token chose together.
 */
export interface LoadTrace {
  readonly model: string | undefined;
  readonly numExperts: number;
  /** Ascending by layer number, at least one, none without load. */
  readonly layers: readonly LayerLoad[];
}

/** The loads of one MoE layer. */
export interface LayerLoad {
  /** Number of the layer as the model counts it. */
  readonly layer: number;
  /** Times each expert was chosen. Shape [numExperts]. */
  readonly load: Float64Array;
}

/**
 * Checks the invariants of loads and hands them back; layers without load, which are dense, are left out.
 *
 * @throws InputError if nothing is left, or a load is negative, no number or more than can be counted.
 */
export function createLoadTrace(trace: LoadTrace): LoadTrace {
  for (const { layer, load } of trace.layers) {
    const wrong = load.findIndex((tokens) => !(tokens >= 0 && tokens <= Number.MAX_SAFE_INTEGER));
    if (wrong >= 0) {
      throw new InputError(
        `loads: layer ${layer}: found load ${load[wrong]} of expert ${wrong}, expected 0 to ${Number.MAX_SAFE_INTEGER}`,
      );
    }
  }
  const layers = trace.layers
    .filter(({ load }) => load.some((tokens) => tokens > 0))
    .sort((a, b) => a.layer - b.layer);
  if (layers.length === 0) throw new InputError("loads: found none above 0, expected at least one");
  return { ...trace, layers };
}

/** Forgets the tokens of a trace: the loads that are left. */
export function loadsOf({ model, numExperts, layers }: RoutingTrace): LoadTrace {
  return {
    model,
    numExperts,
    layers: layers.map((layer) => ({ layer: layer.layer, load: loadOf(layer, numExperts) })),
  };
}

/** Times each expert was chosen by the tokens of a layer. Shape [numExperts]. */
export function loadOf({ experts }: LayerTrace, numExperts: number): Float64Array {
  const load = new Float64Array(numExperts);
  for (let at = 0; at < experts.length; at++) if (experts[at] !== NO_EXPERT) load[experts[at]]++;
  return load;
}

/**
 * Adds up loads of one model, layer by layer.
 *
 * @throws InputError if the numbers of experts differ.
 */
export function addLoads(traces: readonly LoadTrace[]): LoadTrace {
  const [first] = traces;
  const sums = new Map<number, Float64Array>();
  for (const { numExperts, layers } of traces) {
    if (numExperts !== first.numExperts) {
      throw new InputError(
        `loads: found ${numExperts} experts, expected ${first.numExperts} as in the first file`,
      );
    }
    for (const { layer, load } of layers) {
      const sum = sums.get(layer);
      sums.set(layer, sum ? sum.map((tokens, expert) => tokens + load[expert]) : load);
    }
  }
  return createLoadTrace({ ...first, layers: [...sums].map(([layer, load]) => ({ layer, load })) });
}
