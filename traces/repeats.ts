import { NO_EXPERT, type LayerTrace, type RoutingTrace } from "../lib/trace/routing-trace.js";

/** Tokens of a stretch that is looked for again. */
const STRETCH = 32;
/** Different rows of a stretch, below which it may come again by chance. */
const MANY_ROWS = 8;
/** Share of the tokens, and their number, from which on repeats are worth a line. */
const [REPEATED_SHARE, REPEATED_TOKENS] = [0.1, 2 * STRETCH];
const [FILLED_SHARE, FILLED_TOKENS] = [0.05, 10];

/**
 * Tells of tokens that were recorded before: dumps that hold the earlier ones again, requests recorded twice, prompts that
 * begin alike. The longest layer is looked at, the last one where several are, which depends on most of the text.
 *
 * @returns A line, or none.
 */
export function repeatWarnings({ layers, topK }: RoutingTrace): string[] {
  const longest = layers.reduce((most, layer) => (layer.numTokens >= most.numTokens ? layer : most));
  const repeated = countRepeated(longest, topK);
  if (repeated < REPEATED_TOKENS || repeated < REPEATED_SHARE * longest.numTokens) return [];
  return [
    `${repeated} of ${longest.numTokens} tokens of layer ${longest.layer} repeat, row by row, stretches that came before: maybe ` +
      "later dumps, or turns of a conversation, hold the earlier tokens again (pass the last one alone), requests were recorded " +
      "twice, or prompts begin alike",
  ];
}

/**
 * Tells of tokens that are the one before in every layer, as engines fill batches up with their last token. Runs long enough
 * for warm-up are not among them.
 *
 * @returns A line, or none.
 */
export function fillWarnings({ layers, topK }: RoutingTrace): string[] {
  const { numTokens } = layers[0];
  if (topK < 2 || layers.some((layer) => layer.numTokens !== numTokens)) return [];
  if (layers.length < 2 && topK < 4) return [];
  let same = 0;
  for (let token = 1; token < numTokens; token++) {
    if (layers.every(({ experts }) => rowsEqual(experts, token - 1, token, topK))) same++;
  }
  if (same < FILLED_TOKENS || same < FILLED_SHARE * numTokens) return [];
  return [
    `${same} of ${numTokens} tokens have the experts of the one before in every layer, as an engine fills up batches with its last ` +
      "token: they are counted here, but may be padding and no tokens",
  ];
}

/** Tokens in stretches that came before, whole ones of {@link STRETCH} tokens. */
function countRepeated({ experts, numTokens }: LayerTrace, topK: number): number {
  if (numTokens < 2 * STRETCH) return 0;
  const hashes = new Int32Array(numTokens);
  for (let token = 0; token < numTokens; token++) {
    let hash = 0;
    for (let at = token * topK; at < (token + 1) * topK; at++)
      hash = Math.imul(hash ^ experts[at], 0x9e3779b1) + 1;
    hashes[token] = hash;
  }
  // The hash of a stretch is a polynomial in a number, which moves on by a token at a time.
  const base = 0x01000193;
  let power = 1;
  for (let step = 0; step < STRETCH; step++) power = Math.imul(power, base);
  const firstOf = new Map<number, number>();
  // Nearly all stretches are new, and this tells so faster than the map.
  const mayBeKnown = new Uint8Array(2 ** Math.ceil(Math.log2(numTokens)));
  let rolling = 0;
  let repeated = 0;
  let free = 0;
  for (let end = 0; end < numTokens; end++) {
    rolling = (Math.imul(rolling, base) + hashes[end]) | 0;
    if (end >= STRETCH) rolling = (rolling - Math.imul(power, hashes[end - STRETCH])) | 0;
    const start = end - STRETCH + 1;
    if (start < 0) continue;
    const slot = (rolling ^ (rolling >>> 16)) & (mayBeKnown.length - 1);
    const first = mayBeKnown[slot] === 0 ? undefined : firstOf.get(rolling);
    if (
      first !== undefined &&
      start >= free &&
      first + STRETCH <= start &&
      isRepeat(experts, first, start, topK)
    ) {
      repeated += STRETCH;
      free = start + STRETCH;
    } else if (first === undefined && start % STRETCH === 0) {
      firstOf.set(rolling, start);
      mayBeKnown[slot] = 1;
    }
  }
  return repeated;
}

/** Whether a stretch is one that came before, of rows that differ. */
function isRepeat(experts: Uint16Array, first: number, start: number, topK: number): boolean {
  const rows = new Set<string>();
  for (let token = 0; token < STRETCH; token++) {
    if (!rowsEqual(experts, first + token, start + token, topK)) return false;
    rows.add(experts.subarray((start + token) * topK, (start + token + 1) * topK).join());
  }
  return rows.size >= MANY_ROWS;
}

function rowsEqual(experts: Uint16Array, a: number, b: number, topK: number): boolean {
  for (let place = 0; place < topK; place++) {
    const expert = experts[a * topK + place];
    if (expert !== experts[b * topK + place]) return false;
    if (expert === NO_EXPERT) return true;
  }
  return true;
}
