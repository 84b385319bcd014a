import { InputError } from "../errors.js";

/** Sizes of a Mixture-of-Experts model: all that bytes, operations and time depend on. */
export interface ModelShape {
  readonly name: string;
  readonly hiddenSize: number;
  /**
   * Numbers of a token on the way to its experts and in them, where it is not hiddenSize: a latent that every token is
   * projected to, and back.
   */
  readonly wireSize?: number;
  /** Inner width of one expert, which is three matrices of `expertInput` x expertWidth (gate, up, down). */
  readonly expertWidth: number;
  /** All transformer layers. */
  readonly numLayers: number;
  readonly numMoeLayers: number;
  /** The layers before it have a dense feed-forward network. */
  readonly firstMoeLayer: number;
  /** From one MoE layer to the next, where they follow one another evenly and it is not 1. */
  readonly moeLayerStep?: number;
  readonly numExperts: number;
  readonly topK: number;
  /** Inner width of the experts that every token visits, together; 0 if there are none. */
  readonly sharedWidth: number;
  /** Inner width of the feed-forward network of a dense layer; 0 if there are none. */
  readonly denseWidth: number;
  /** Words that the head tells apart. */
  readonly vocabularySize: number;
  readonly attention: AttentionShape;
  /** Bytes of one expert weight as the model is served; training at 16 bits takes 2. */
  readonly bytesPerWeight: number;
}

/** Sizes of the attention of one layer. */
export interface AttentionShape {
  readonly numHeads: number;
  /** Key and value heads; as many as numHeads where keys are not shared. */
  readonly numKvHeads: number;
  /** Length of a query or key of one head. */
  readonly keySize: number;
  /** Length of a value of one head. */
  readonly valueSize: number;
  /** Weights of all its projections. */
  readonly numWeights: number;
  /** Length of the latent that keys and values are made of, where there is one; all heads share it. */
  readonly latentSize?: number;
  /** Length of the rotary part of a key, kept beside the latent. */
  readonly rotarySize?: number;
}

/** Bytes of the weights of one expert in one layer. */
export function expertBytes(shape: ModelShape, bytesPerWeight = shape.bytesPerWeight): number {
  return 3 * expertInput(shape) * shape.expertWidth * bytesPerWeight;
}

/** Numbers of a token as its experts take it. */
export function expertInput({ hiddenSize, wireSize = hiddenSize }: ModelShape): number {
  return wireSize;
}

/**
 * The shape of a model of which some shared experts are placed like the others.
 *
 * @throws InputError if the model has fewer of the width of its experts.
 */
export function withSharedPlaced(shape: ModelShape, numShared: number): ModelShape {
  const { name, expertWidth, sharedWidth, numExperts, topK } = shape;
  const most = Math.floor(sharedWidth / expertWidth);
  if (numShared > most) {
    throw new InputError(
      `sharedExperts: found ${numShared}, expected at most ${most}: so many shared experts of the width of others has ${name}`,
    );
  }
  return {
    ...shape,
    numExperts: numExperts + numShared,
    topK: topK + numShared,
    sharedWidth: sharedWidth - numShared * expertWidth,
  };
}

/**
 * Finds the shape of a model from its name in a trace or from a preset's own name.
 *
 * @example
 * findModelShape("deepseek-ai/ESFT-vanilla-lite (DeepSeek-V2-Lite architecture)")?.name; // "deepseek-v2-lite"
 * findModelShape("my-model"); // undefined
 */
export function findModelShape(model: string): ModelShape | undefined {
  const found = known.find(({ matches }) => matches.test(model));
  return found?.shape;
}

/** Attention with plain or grouped key and value heads. */
export function groupedAttention(
  hiddenSize: number,
  numHeads: number,
  numKvHeads: number,
  headSize = 128,
): AttentionShape {
  return {
    numHeads,
    numKvHeads,
    keySize: headSize,
    valueSize: headSize,
    numWeights: 2 * hiddenSize * headSize * (numHeads + numKvHeads),
  };
}

/** Sizes of DeepSeek's latent attention, the same in V2, V3 and Kimi K2. */
const DEEPSEEK_LATENT = { latentSize: 512, rotarySize: 64, plainSize: 128, valueSize: 128 };

/** Multi-head latent attention: keys and values pass through one narrow latent vector. */
export function latentAttention(
  hiddenSize: number,
  numHeads: number,
  queryRank: number,
  { latentSize, rotarySize, plainSize, valueSize } = DEEPSEEK_LATENT,
): AttentionShape {
  const keySize = rotarySize + plainSize;
  const queryWeights =
    queryRank > 0 ? queryRank * (hiddenSize + numHeads * keySize) : hiddenSize * numHeads * keySize;
  return {
    numHeads,
    numKvHeads: numHeads,
    keySize,
    valueSize,
    latentSize,
    rotarySize,
    numWeights:
      queryWeights +
      hiddenSize * (latentSize + rotarySize) +
      latentSize * numHeads * (plainSize + valueSize) +
      numHeads * valueSize * hiddenSize,
  };
}

/** Source: the public model cards (config.json of each model on its hub). */
const known: readonly { matches: RegExp; shape: ModelShape }[] = [
  {
    matches: /qwen3-30b-a3b/i,
    shape: {
      name: "qwen3-30b-a3b",
      hiddenSize: 2048,
      expertWidth: 768,
      numLayers: 48,
      numMoeLayers: 48,
      firstMoeLayer: 0,
      numExperts: 128,
      topK: 8,
      sharedWidth: 0,
      denseWidth: 0,
      vocabularySize: 151936,
      attention: groupedAttention(2048, 32, 4),
      bytesPerWeight: 2,
    },
  },
  {
    matches: /olmoe-1b-7b/i,
    shape: {
      name: "olmoe-1b-7b",
      hiddenSize: 2048,
      expertWidth: 1024,
      numLayers: 16,
      numMoeLayers: 16,
      firstMoeLayer: 0,
      numExperts: 64,
      topK: 8,
      sharedWidth: 0,
      denseWidth: 0,
      vocabularySize: 50304,
      attention: groupedAttention(2048, 16, 16),
      bytesPerWeight: 2,
    },
  },
  {
    matches: /deepseek-moe-16b/i,
    shape: {
      name: "deepseek-moe-16b",
      hiddenSize: 2048,
      expertWidth: 1408,
      numLayers: 28,
      numMoeLayers: 27,
      firstMoeLayer: 1,
      numExperts: 64,
      topK: 6,
      sharedWidth: 2 * 1408,
      denseWidth: 10944,
      vocabularySize: 102400,
      attention: groupedAttention(2048, 16, 16),
      bytesPerWeight: 2,
    },
  },
  {
    matches: /deepseek-v2-lite|esft-(vanilla|token|gate)?-?.*lite/i,
    shape: {
      name: "deepseek-v2-lite",
      hiddenSize: 2048,
      expertWidth: 1408,
      numLayers: 27,
      numMoeLayers: 26,
      firstMoeLayer: 1,
      numExperts: 64,
      topK: 6,
      sharedWidth: 2 * 1408,
      denseWidth: 10944,
      vocabularySize: 102400,
      attention: latentAttention(2048, 16, 0),
      bytesPerWeight: 2,
    },
  },
  {
    matches: /gpt-oss-20b/i,
    shape: {
      name: "gpt-oss-20b",
      hiddenSize: 2880,
      expertWidth: 2880,
      numLayers: 24,
      numMoeLayers: 24,
      firstMoeLayer: 0,
      numExperts: 32,
      topK: 4,
      sharedWidth: 0,
      denseWidth: 0,
      vocabularySize: 201088,
      attention: groupedAttention(2880, 64, 8, 64),
      // MXFP4: 4 bits a weight and an 8-bit scale for every 32.
      bytesPerWeight: 17 / 32,
    },
  },
  {
    matches: /deepseek-(v3|r1)(?!.*distill)/i,
    shape: {
      name: "deepseek-v3",
      hiddenSize: 7168,
      expertWidth: 2048,
      numLayers: 61,
      numMoeLayers: 58,
      firstMoeLayer: 3,
      numExperts: 256,
      topK: 8,
      sharedWidth: 2048,
      denseWidth: 18432,
      vocabularySize: 129280,
      attention: latentAttention(7168, 128, 1536),
      bytesPerWeight: 1,
    },
  },
  {
    matches: /qwen1\.5-moe-a2\.7b/i,
    shape: {
      name: "qwen1.5-moe-a2.7b",
      hiddenSize: 2048,
      expertWidth: 1408,
      numLayers: 24,
      numMoeLayers: 24,
      firstMoeLayer: 0,
      numExperts: 60,
      topK: 4,
      sharedWidth: 5632,
      denseWidth: 0,
      vocabularySize: 151936,
      attention: groupedAttention(2048, 16, 16),
      bytesPerWeight: 2,
    },
  },
  {
    matches: /qwen3-235b-a22b/i,
    shape: {
      name: "qwen3-235b-a22b",
      hiddenSize: 4096,
      expertWidth: 1536,
      numLayers: 94,
      numMoeLayers: 94,
      firstMoeLayer: 0,
      numExperts: 128,
      topK: 8,
      sharedWidth: 0,
      denseWidth: 0,
      vocabularySize: 151936,
      attention: groupedAttention(4096, 64, 4),
      bytesPerWeight: 2,
    },
  },
  {
    matches: /kimi-k2/i,
    shape: {
      name: "kimi-k2",
      hiddenSize: 7168,
      expertWidth: 2048,
      numLayers: 61,
      numMoeLayers: 60,
      firstMoeLayer: 1,
      numExperts: 384,
      topK: 8,
      sharedWidth: 2048,
      denseWidth: 18432,
      vocabularySize: 163840,
      attention: latentAttention(7168, 64, 1536),
      bytesPerWeight: 1,
    },
  },
  {
    // 69 of its 93 layers have linear attention, of which only the sizes of the others are known here.
    matches: /kimi-k3/i,
    shape: {
      name: "kimi-k3",
      hiddenSize: 7168,
      wireSize: 3584,
      expertWidth: 3072,
      numLayers: 93,
      numMoeLayers: 92,
      firstMoeLayer: 1,
      numExperts: 896,
      topK: 16,
      sharedWidth: 2 * 3072,
      denseWidth: 33792,
      vocabularySize: 163840,
      attention: latentAttention(7168, 96, 1536),
      // MXFP4: 4 bits a weight and an 8-bit scale for every 32.
      bytesPerWeight: 17 / 32,
    },
  },
  {
    matches: /mixtral-8x7b/i,
    shape: {
      name: "mixtral-8x7b",
      hiddenSize: 4096,
      expertWidth: 14336,
      numLayers: 32,
      numMoeLayers: 32,
      firstMoeLayer: 0,
      numExperts: 8,
      topK: 2,
      sharedWidth: 0,
      denseWidth: 0,
      vocabularySize: 32000,
      attention: groupedAttention(4096, 32, 8),
      bytesPerWeight: 2,
    },
  },
  {
    matches: /deepseek-v2(?!-lite)/i,
    shape: {
      name: "deepseek-v2",
      hiddenSize: 5120,
      expertWidth: 1536,
      numLayers: 60,
      numMoeLayers: 59,
      firstMoeLayer: 1,
      numExperts: 160,
      topK: 6,
      sharedWidth: 2 * 1536,
      denseWidth: 12288,
      vocabularySize: 102400,
      attention: latentAttention(5120, 128, 1536),
      bytesPerWeight: 2,
    },
  },
];

/** Every model known by name. */
export const modelShapes: readonly ModelShape[] = known.map(({ shape }) => shape);
