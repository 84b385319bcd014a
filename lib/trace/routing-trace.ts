import { InputError } from "../errors.js";
import { factsOfRows, largestId, rowWithRepeat } from "./id-rows.js";

/**
 * Stands in the last places of a token that chose fewer experts than top-k: routers that may choose an expert that does
 * nothing, or drop those of little weight. No model has an expert of this number.
 */
export const NO_EXPERT = 65535;

/** The routing of one MoE layer: for every token, the experts its router chose. */
export interface LayerTrace {
  /** Number of the layer as the model counts it; dense layers leave holes. */
  readonly layer: number;
  readonly numTokens: number;
  /**
   * Expert ids in [0, numExperts), in the router's order, `NO_EXPERT` behind them where a token chose fewer.
   * Shape [numTokens, topK], row-major.
   */
  readonly experts: Uint16Array;
  /** Token at which each sequence begins, ascending from 0, where the source tells. Shape [numSequences]. */
  readonly sequenceStarts?: Uint32Array;
}

/** Which experts a model used, token by token. Immutable, checked once by {@link createRoutingTrace}. */
export interface RoutingTrace {
  /** The model's name as the trace gives it. */
  readonly model: string | undefined;
  readonly numExperts: number;
  /** Experts of the token that chose most. */
  readonly topK: number;
  /** The last so many experts are shared ones, which every token chooses; absent where all are routed. */
  readonly sharedExperts?: number;
  /** One token in so many, a power of two, was kept of a trace too large to keep; absent where all were. */
  readonly sampledOneIn?: number;
  /** Ascending by layer number, at least one, each with at least one token. */
  readonly layers: readonly LayerTrace[];
}

/**
 * Checks the invariants of a routing trace and hands it back; every reader ends here.
 *
 * @throws InputError if there are no tokens, a layer comes twice, an id is out of range or twice in a token.
 *
 * @example
 * createRoutingTrace({ model: undefined, numExperts: 4, topK: 2,
 *   layers: [{ layer: 0, numTokens: 2, experts: Uint16Array.of(0, 1, 2, 3) }] });
 */
export function createRoutingTrace(trace: RoutingTrace): RoutingTrace {
  const checked = assembleTrace(trace);
  for (const layer of checked.layers) checkTokens(layer, checked);
  return checked;
}

/**
 * Checks a trace as {@link createRoutingTrace} does, but for its ids: for readers, which look at every id anyway, while it is
 * in a cache.
 *
 * @throws InputError if there are no tokens or a layer comes twice.
 */
export function assembleTrace(trace: RoutingTrace): RoutingTrace {
  const { numExperts, topK } = trace;
  if (trace.layers.every(({ numTokens }) => numTokens === 0)) {
    throw new InputError("trace: found no tokens, expected at least one");
  }
  if (topK < 1 || topK > numExperts) {
    throw new InputError(`trace: found top-k ${topK}, expected 1 to the number of experts (${numExperts})`);
  }
  const layers = trace.layers.filter(({ numTokens }) => numTokens > 0).sort((a, b) => a.layer - b.layer);
  const twice = layers.find(({ layer }, index) => index > 0 && layers[index - 1].layer === layer);
  if (twice) throw new InputError(`trace: layer ${twice.layer} comes twice, expected every layer once`);
  return { ...trace, layers };
}

/** The experts that a token chose, in the router's order. Shape [at most topK]. */
export function expertsOfToken({ experts }: LayerTrace, token: number, topK: number): Uint16Array {
  let end = (token + 1) * topK;
  while (end > token * topK && experts[end - 1] === NO_EXPERT) end--;
  return experts.subarray(token * topK, end);
}

/** How often experts were chosen by all tokens of a layer: tokens x top-k, or less where some chose fewer. */
export function countChoices({ experts }: LayerTrace): number {
  // Whether any place is empty is told many times faster than which.
  if (largestId(experts) !== NO_EXPERT) return experts.length;
  return experts.reduce((sum, expert) => sum + Number(expert !== NO_EXPERT), 0);
}

/**
 * Splits a trace in time: all but the last `fraction` of the tokens to learn from, the rest to judge on.
 *
 * Nothing is sampled, so neighbouring tokens, which are alike, do not leak from one side to the other. Where
 * the trace knows its sequences, the one that straddles the cut gives up its tokens on the learning side.
 *
 * @param fraction Share of the tokens of every layer to hold out, in (0, 1).
 * @throws InputError if a side would be empty.
 */
export function splitHoldout(
  trace: RoutingTrace,
  fraction: number,
): { learn: RoutingTrace; heldOut: RoutingTrace } {
  const learn: LayerTrace[] = [];
  const heldOut: LayerTrace[] = [];
  for (const layer of trace.layers) {
    const cut = Math.floor(layer.numTokens * (1 - fraction));
    if (cut === 0 || cut === layer.numTokens) {
      throw new InputError(
        `trace: layer ${layer.layer} has ${layer.numTokens} tokens, too few to hold out ${fraction} of them`,
        "Maybe pass holdout 0 to judge on the tokens learned from.",
      );
    }
    // A first sequence longer than the learning side has to be cut: there is nothing else to learn from.
    const end = layer.sequenceStarts?.findLast((start) => start > 0 && start <= cut) ?? cut;
    learn.push(sliceLayer(layer, trace.topK, { from: 0, to: end }));
    heldOut.push(sliceLayer(layer, trace.topK, { from: cut, to: layer.numTokens }));
  }
  return { learn: { ...trace, layers: learn }, heldOut: { ...trace, layers: heldOut } };
}

/**
 * Joins traces of one model into one, layer by layer, in the order given.
 *
 * @throws InputError if the traces differ in experts or top-k.
 */
export function concatTraces(traces: readonly RoutingTrace[]): RoutingTrace {
  const [first] = traces;
  if (traces.length === 1) return first;
  for (const trace of traces) {
    if (trace.numExperts !== first.numExperts || trace.topK !== first.topK) {
      throw new InputError(
        `traces: found ${trace.numExperts} experts top-${trace.topK}, expected ${first.numExperts} experts ` +
          `top-${first.topK} as in the first trace`,
      );
    }
  }
  const ids = [...new Set(traces.flatMap(({ layers }) => layers.map(({ layer }) => layer)))];
  const layers = ids.map((id) => {
    const parts = traces.flatMap((trace) => trace.layers.filter(({ layer }) => layer === id));
    return concatLayers(id, parts, first.topK);
  });
  return createRoutingTrace({ ...first, layers });
}

function checkTokens(
  current: LayerTrace,
  { numExperts, topK }: Pick<RoutingTrace, "numExperts" | "topK">,
): void {
  const { layer, experts, numTokens } = current;
  if (experts.length !== numTokens * topK) {
    throw new InputError(`trace: layer ${layer} has ${experts.length} ids, expected ${numTokens} x ${topK}`);
  }
  const { largest, hasRepeat } = factsOfRows(experts, topK);
  if (largest === NO_EXPERT && numExperts <= NO_EXPERT) {
    for (let token = 0; token < numTokens; token++) {
      checkIds(expertsOfToken(current, token, topK), { layer, token, numExperts });
    }
    return;
  }
  if (largest >= numExperts) {
    const place = experts.findIndex((expert) => expert >= numExperts);
    const token = Math.floor(place / topK);
    checkIds(experts.subarray(token * topK, (token + 1) * topK), { layer, token, numExperts });
  }
  if (hasRepeat) {
    const token = rowWithRepeat(experts, topK);
    checkIds(experts.subarray(token * topK, (token + 1) * topK), { layer, token, numExperts });
  }
}

/** Checks the experts of one token, in a way that can say what is wrong. */
function checkIds(
  ids: Uint16Array,
  { layer, token, numExperts }: { layer: number; token: number; numExperts: number },
): void {
  const outside = ids.find((expert) => expert >= numExperts);
  if (outside !== undefined) {
    throw new InputError(
      `trace: layer ${layer}, token ${token}: expert ${outside} is out of range [0, ${numExperts})`,
    );
  }
  const repeated = ids.find((expert, place) => ids.indexOf(expert) < place);
  if (repeated !== undefined) {
    throw new InputError(
      `trace: layer ${layer}, token ${token}: expert ${repeated} comes twice`,
      whyTwice(repeated),
    );
  }
}

/** What numbers may be where an expert seems to come twice in a token. */
export function whyTwice(expert: number): string {
  return `Maybe ${expert} stands for no expert; pass padding ${expert}. Or, where an array or a table holds loads, pass as loads.`;
}

function sliceLayer(layer: LayerTrace, topK: number, { from, to }: { from: number; to: number }): LayerTrace {
  const starts = layer.sequenceStarts
    ?.filter((start) => start > from && start < to)
    .map((start) => start - from);
  return {
    layer: layer.layer,
    numTokens: to - from,
    experts: layer.experts.subarray(from * topK, to * topK),
    ...(starts && { sequenceStarts: Uint32Array.from([0, ...starts]) }),
  };
}

function concatLayers(layer: number, parts: readonly LayerTrace[], topK: number): LayerTrace {
  const numTokens = parts.reduce((sum, part) => sum + part.numTokens, 0);
  const experts = new Uint16Array(numTokens * topK);
  const starts: number[] = [];
  let offset = 0;
  for (const part of parts) {
    experts.set(part.experts, offset * topK);
    for (const start of part.sequenceStarts ?? [0]) starts.push(start + offset);
    offset += part.numTokens;
  }
  const known = parts.every((part) => part.sequenceStarts);
  return { layer, numTokens, experts, ...(known && { sequenceStarts: Uint32Array.from(starts) }) };
}
