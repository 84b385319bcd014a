import type { OnLayer } from "../lib/trace/layer-progress.js";
import { InputError } from "../lib/errors.js";
import { modelShapes } from "../lib/hardware/model-shapes.js";
import { createRandom, type Random } from "../lib/random.js";
import { createRoutingTrace, type LayerTrace, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { weightedChoice } from "./weighted-choice.js";

/** Options of {@link synthesizeTrace}. */
export interface SyntheticOptions {
  /** One of {@link syntheticPresets}. */
  preset: string;
  /** Any 32-bit integer. Default 1. */
  seed?: number | undefined;
  /** Tokens in every layer. Default 8192. */
  tokens?: number | undefined;
  /** Make the first so many MoE layers. Default all of the model's. */
  layers?: number | undefined;
  /** Told before every layer. */
  onLayer?: OnLayer | undefined;
}

/**
 * How much of a token's routing stays inside one community, preset by preset.
 *
 * Chosen so that search gains over the contiguous layout what it gains on a real trace of the model; qwen3-30b-a3b,
 * deepseek-v3, kimi-k2 and kimi-k3, of which no trace was at hand, gain as much as olmoe-1b-7b.
 */
const COHESION: Readonly<Record<string, number>> = {
  "qwen3-30b-a3b": 0.62,
  "olmoe-1b-7b": 0.62,
  "deepseek-moe-16b": 0.82,
  "deepseek-v2-lite": 0.82,
  "gpt-oss-20b": 0.9,
  "deepseek-v3": 0.62,
  "kimi-k2": 0.62,
  "kimi-k3": 0.62,
};

/** Names that {@link synthesizeTrace} knows. */
export const syntheticPresets: readonly string[] = Object.keys(COHESION);

/** Words of the language the synthetic tokens are drawn from. */
const NUM_WORDS = 3000;
const NUM_TOPICS = 12;
const COMMUNITIES_PER_TOPIC = 3;
/** Word frequencies fall with rank ^ -ZIPF, as in natural language. */
const ZIPF = 1.15;
/** Share of tokens that are common words rather than words of the sequence's topic. */
const COMMON_WORDS = 0.5;
/** Spread of the logarithm of the experts' popularity. */
const POPULARITY_SPREAD = 0.65;
const COMMUNITY_SIZE = 6;
/** Chance of an expert to belong to a second community. */
const OVERLAP = 0.5;
/** Chance of a pick to come from the word's second community. */
const SECOND_COMMUNITY = 0.1;
/** Chance of each of a word's usual experts to give way, at one token, to one that the context suggests. */
const CONTEXT = 0.12;
const MIN_SEQUENCE = 60;
const MAX_SEQUENCE = 400;

/**
 * Makes a routing trace that resembles real ones, from a seed.
 *
 * Sequences have topics, topics have words, and every word has its usual experts in every layer, most of them from
 * one of many overlapping communities; context replaces some. Members of a community are scattered over the ids, so
 * the contiguous layout gains nothing and a search gains what it gains on real traces. Time O(layers * (tokens +
 * words) * topK).
 *
 * @throws InputError if the preset is unknown or a count is not a positive whole number.
 *
 * @example
 * const trace = synthesizeTrace({ preset: "deepseek-v2-lite", seed: 1 });
 * trace.layers.length; // 26, numbered 1 to 26
 */
export function synthesizeTrace(options: SyntheticOptions): RoutingTrace {
  const { preset } = options;
  const shape = modelShapes.find(({ name }) => name === preset);
  if (!shape || !syntheticPresets.includes(preset)) {
    throw new InputError(`preset: found ${preset}, expected ${syntheticPresets.join(", ")}`);
  }
  return synthesizeModel({ ...shape, cohesion: COHESION[preset] }, options);
}

/** A model to synthesize tokens of, which need not be a known one. */
export interface SyntheticModel {
  readonly name: string;
  readonly numExperts: number;
  readonly topK: number;
  readonly numMoeLayers: number;
  readonly firstMoeLayer: number;
  /** Share of a token's experts that are of its community. */
  readonly cohesion: number;
}

/**
 * Makes a routing trace as {@link synthesizeTrace} does, of a model of any size.
 *
 * @throws InputError if a count is not a positive whole number.
 */
export function synthesizeModel(
  { name: model, numExperts, topK, numMoeLayers, firstMoeLayer, cohesion }: SyntheticModel,
  { seed = 1, tokens = 8192, layers: numLayers = numMoeLayers, onLayer }: Omit<SyntheticOptions, "preset">,
): RoutingTrace {
  for (const [name, count] of Object.entries({ tokens, layers: numLayers })) {
    if (!Number.isInteger(count) || count < 1) {
      throw new InputError(`${name}: found ${count}, expected a whole number above 0`);
    }
  }
  const text = writeText(tokens, createRandom(seed, 0));
  const routed = { numExperts, topK, cohesion };
  const layers = Array.from({ length: numLayers }, (_, index) => {
    onLayer?.(index, numLayers);
    return routeLayer(firstMoeLayer + index, { text, model: routed, random: createRandom(seed, 1, index) });
  });
  return createRoutingTrace({ model, numExperts, topK, layers });
}

/** What the tokens of all layers have in common. */
interface Text {
  readonly numTokens: number;
  /** Shape [numTokens]. */
  readonly words: Uint16Array;
  /** Shape [numTokens]. */
  readonly topics: Uint8Array;
  readonly sequenceStarts: Uint32Array;
}

function writeText(numTokens: number, random: Random): Text {
  const words = new Uint16Array(numTokens);
  const topics = new Uint8Array(numTokens);
  const starts: number[] = [];
  // The 2.7 is Mandelbrot's: it keeps the very first words from being everywhere.
  const pickRank = weightedChoice(Array.from({ length: NUM_WORDS }, (_, rank) => (rank + 2.7) ** -ZIPF));
  const wordsOf = Array.from({ length: NUM_TOPICS }, () => random.shuffle(range(NUM_WORDS)));
  for (let token = 0, end = 0, topic = 0; token < numTokens; token++) {
    if (token === end) {
      starts.push(token);
      topic = random.below(NUM_TOPICS);
      end = token + MIN_SEQUENCE + random.below(MAX_SEQUENCE - MIN_SEQUENCE + 1);
    }
    const rank = pickRank(random);
    words[token] = random.next() < COMMON_WORDS ? rank : wordsOf[topic][rank];
    topics[token] = topic;
  }
  return { numTokens, words, topics, sequenceStarts: Uint32Array.from(starts) };
}

interface RoutedModel {
  readonly numExperts: number;
  readonly topK: number;
  readonly cohesion: number;
}

function routeLayer(
  layer: number,
  { text, model, random }: { text: Text; model: RoutedModel; random: Random },
): LayerTrace {
  const { topK } = model;
  const router = createRouter(model, random);
  const first = new Uint16Array(NUM_WORDS);
  const second = new Uint16Array(NUM_WORDS);
  const usual = new Uint16Array(NUM_WORDS * topK);
  for (let word = 0; word < NUM_WORDS; word++) {
    router.clear();
    first[word] = router.pickCommunity();
    second[word] = router.pickCommunity();
    for (let place = 0; place < topK; place++) {
      usual[word * topK + place] = router.pick(first[word], second[word]);
    }
  }
  const suggested = Array.from({ length: NUM_TOPICS }, () =>
    Array.from({ length: COMMUNITIES_PER_TOPIC }, () => router.pickCommunity()),
  );
  const experts = new Uint16Array(text.numTokens * topK);
  for (let token = 0; token < text.numTokens; token++) {
    const word = text.words[token];
    let end = token * topK;
    router.clear();
    for (let place = word * topK; place < (word + 1) * topK; place++) {
      if (random.next() < CONTEXT) continue;
      router.take(usual[place]);
      experts[end++] = usual[place];
    }
    const communities = suggested[text.topics[token]];
    while (end < (token + 1) * topK) {
      experts[end++] = router.pick(first[word], communities[random.below(COMMUNITIES_PER_TOPIC)]);
    }
  }
  return { layer, numTokens: text.numTokens, experts, sequenceStarts: text.sequenceStarts };
}

/** Picks distinct experts for one token after the other. */
interface Router {
  /** Begins a token. */
  clear(): void;
  /** Marks an expert as chosen. */
  take(expert: number): void;
  /** Chooses one more expert. */
  pick(community: number, secondCommunity: number): number;
  pickCommunity(): number;
}

function createRouter({ numExperts, cohesion }: RoutedModel, random: Random): Router {
  const popularity = Float64Array.from({ length: numExperts }, () =>
    Math.exp(POPULARITY_SPREAD * random.normal()),
  );
  const members = plantCommunities(numExperts, random);
  const pickAny = weightedChoice(popularity);
  const pickMember = members.map((experts) => weightedChoice(experts.map((expert) => popularity[expert])));
  const pickCommunity = weightedChoice(
    members.map((experts) => experts.reduce((sum, expert) => sum + popularity[expert], 0)),
  );
  const takenAt = new Int32Array(numExperts);
  let token = 0;
  return {
    clear() {
      token++;
    },
    take(expert) {
      takenAt[expert] = token;
    },
    pickCommunity: () => pickCommunity(random),
    pick(community, secondCommunity) {
      for (let attempt = 0; ; attempt++) {
        // A community may have fewer experts than a token needs.
        const chance = attempt < 12 ? random.next() : 1;
        const from = chance < cohesion ? community : secondCommunity;
        const expert =
          chance < cohesion + SECOND_COMMUNITY ? members[from][pickMember[from](random)] : pickAny(random);
        if (takenAt[expert] === token) continue;
        takenAt[expert] = token;
        return expert;
      }
    },
  };
}

/** Deals all experts to communities, in an order that has nothing to do with their ids, and some of them twice. */
function plantCommunities(numExperts: number, random: Random): number[][] {
  const numCommunities = Math.round(numExperts / COMMUNITY_SIZE);
  const members = Array.from({ length: numCommunities }, () => new Set<number>());
  random.shuffle(range(numExperts)).forEach((expert, index) => {
    members[index % numCommunities].add(expert);
    if (random.next() < OVERLAP) members[random.below(numCommunities)].add(expert);
  });
  return members.map((experts) => [...experts]);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
