import { groupOfChiplet } from "./chiplet-group.js";
import { createRandom, type Random } from "../random.js";

/**
 * Which replica of an expert a token uses, where there are several.
 *
 * - `nearest`: the token visits as few chiplets as it can. Experts with one replica decide which chiplets it has to visit,
 *   and every expert with replicas there is served there, evenly. The experts left are served by the smallest set of
 *   further chiplets that holds them all; where several sets are smallest, tokens are spread over them evenly.
 *   For hardware that can look at all experts of a token; no serving engine does.
 * - `uniform`: every token draws one of the replicas of each of its experts, all equally likely. What EPLB balances for.
 * - `sglang-static`: fixed by the GPU a token starts on: the replica on that GPU, else one on its server where that
 *   narrows the choice, else a fair share of the GPUs for each replica, fixed.
 *   Source: SGLang, expert_location.py, `compute_logical_to_rank_dispatch_physical_map`. Deviation: which GPU of those
 *   left gets which replica is drawn by another generator than Python's.
 * - `vllm-ascend`: fixed by the GPU a token starts on: its rank modulo the number of replicas, replicas by rank.
 *   Source: vllm-ascend, eplb/core/eplb_utils.py, `generate_log2phy_map`.
 * - `sglang-dynamic`, `vllm`, `trtllm`: engines that deal replicas to tokens blindly: at random (SGLang), by the token's
 *   position modulo the number of replicas (vLLM), or in turn (TensorRT-LLM). On many tokens that is `uniform`.
 */
export type DispatchModel = (typeof DISPATCH_MODELS)[number];

export const DISPATCH_MODELS = [
  "nearest",
  "uniform",
  "sglang-static",
  "sglang-dynamic",
  "vllm",
  "vllm-ascend",
  "trtllm",
] as const;

/** How a dispatch model chooses: by the token's other experts, by chance, or by where the token starts. */
export type DispatchRule = "nearest" | "uniform" | "by-source";

const RULES: Record<DispatchModel, DispatchRule> = {
  nearest: "nearest",
  uniform: "uniform",
  "sglang-static": "by-source",
  "sglang-dynamic": "uniform",
  vllm: "uniform",
  "vllm-ascend": "by-source",
  trtllm: "uniform",
};

/**
 * How a model chooses among replicas.
 *
 * @example
 * ruleOf("trtllm"); // "uniform"
 */
export function ruleOf(model: DispatchModel): DispatchRule {
  return RULES[model];
}

/**
 * Part of an expert's tokens that each of its replicas serves at least, whichever chiplets hold them.
 *
 * @example
 * leastShareOf("uniform", 8); // 0.125, of eight replicas
 */
export function leastShareOf(model: DispatchModel, numChiplets: number): number {
  // By its source a token has to start on the chiplet at least, or be of its number; all have some that do.
  return ruleOf(model) === "nearest" ? 0 : 1 / numChiplets;
}

/** Chiplets that hold each expert, ascending. Shape [numExperts][]. */
export type ReplicaChiplets = readonly (readonly number[])[];

/**
 * Turns a placement, with or without replicas, into the chiplets that hold each expert.
 *
 * @example
 * chipletsWithExperts([[0, 2], [1, 2]], 3); // [[0], [1], [0, 1]]
 */
export function chipletsWithExperts(
  chiplets: readonly (readonly number[])[],
  numExperts: number,
): number[][] {
  const chipletsOf = Array.from({ length: numExperts }, (): number[] => []);
  chiplets.forEach((experts, chiplet) => {
    for (const expert of experts) chipletsOf[expert].push(chiplet);
  });
  return chipletsOf;
}

/**
 * Finds all the smallest sets of chiplets that hold a copy of every one of the experts.
 *
 * Tries sizes from 1 on, depth first over the replicas of the first expert not yet held: exponential in the experts at
 * worst, which are few, since experts of one copy never come here.
 *
 * @param experts At least one, each with at least one copy.
 * @returns Distinct sets, in no order.
 *
 * @example
 * smallestCovers([0, 1], [[0, 1], [1, 2]]); // [[1]]
 */
export function smallestCovers(experts: readonly number[], chipletsOf: ReplicaChiplets): number[][] {
  const covers: number[][] = [];
  const extend = (chosen: readonly number[], left: readonly number[], size: number): void => {
    for (const chiplet of chipletsOf[left[0]]) {
      if (size === 1) {
        const cover = [...chosen, chiplet];
        const holdsAll = left.every((expert) => chipletsOf[expert].includes(chiplet));
        if (holdsAll && !covers.some((known) => cover.every((held) => known.includes(held))))
          covers.push(cover);
      } else {
        // A set that holds all with a chiplet to spare is not among the smallest, and was found before.
        const rest = left.filter((expert) => !chipletsOf[expert].includes(chiplet));
        if (rest.length > 0) extend([...chosen, chiplet], rest, size - 1);
      }
    }
  };
  for (let size = 1; covers.length === 0; size++) extend([], experts, size);
  return covers;
}

/**
 * Which chiplet serves each expert for tokens that start on each chiplet, by a model that fixes it by the source.
 *
 * @param options.chipletsPerGroup GPUs of a server.
 * @returns `choice[source * numExperts + expert]`. Shape [numChiplets, numExperts], row-major.
 *
 * @example
 * chooseBySource("vllm-ascend", [[0, 1]], { numChiplets: 3, chipletsPerGroup: 3 }); // Int32Array [0, 1, 0]
 */
export function chooseBySource(
  model: DispatchModel,
  chipletsOf: ReplicaChiplets,
  { numChiplets, chipletsPerGroup }: { numChiplets: number; chipletsPerGroup: number },
): Int32Array {
  const numExperts = chipletsOf.length;
  const choice = new Int32Array(numChiplets * numExperts);
  chipletsOf.forEach((chiplets, expert) => {
    const sources = sourcesTo(model, chiplets, { expert, numChiplets, chipletsPerGroup });
    for (let source = 0; source < numChiplets; source++)
      choice[source * numExperts + expert] = sources[source];
  });
  return choice;
}

/**
 * Which part of an expert's tokens each of its replicas serves, by a model that does not look at their other experts.
 *
 * @param chiplets Those that hold the expert, ascending.
 * @param shape.expert Its number, which a model may draw by.
 * @returns Parallel to `chiplets`; they add up to 1.
 *
 * @example
 * sharesOfReplicas("vllm-ascend", [0, 1], { expert: 0, numChiplets: 4, chipletsPerGroup: 4 }); // [0.5, 0.5]
 */
export function sharesOfReplicas(
  model: DispatchModel,
  chiplets: readonly number[],
  shape: { expert: number; numChiplets: number; chipletsPerGroup: number },
): number[] {
  const count = chiplets.length;
  if (count === 1) return [1];
  if (ruleOf(model) === "uniform") return new Array<number>(count).fill(1 / count);
  const { numChiplets, expert } = shape;
  const choice = nearBySource(model, chiplets, shape);
  const sources = new Array<number>(count).fill(0);
  let far = 0;
  for (let source = 0; source < numChiplets; source++) {
    if (choice[source] === FAR) far++;
    else sources[chiplets.indexOf(choice[source])]++;
  }
  const extra = far > 0 ? drawExtra(chiplets, far, createRandom(FAIR_SEED, expert)) : [];
  return sources.map((served, index) => {
    const drawn = Math.floor(far / count) + Number(extra.includes(chiplets[index]));
    return (served + drawn) / numChiplets;
  });
}

/** The replica of one expert for tokens that start on each chiplet. Shape [numChiplets]. */
function sourcesTo(
  model: DispatchModel,
  chiplets: readonly number[],
  shape: { expert: number; numChiplets: number; chipletsPerGroup: number },
): ArrayLike<number> {
  const choice = nearBySource(model, chiplets, shape);
  const far = [...choice.keys()].filter((source) => choice[source] === FAR);
  if (far.length > 0) {
    const shares = fairShares(chiplets, far.length, createRandom(FAIR_SEED, shape.expert));
    far.forEach((source, index) => (choice[source] = shares[index]));
  }
  return choice;
}

/** SGLang's own seed, of another generator. */
const FAIR_SEED = 42;
/** A source that no replica is nearer to than others. */
const FAR = -1;

/**
 * The replica for tokens that start on each chiplet, or FAR where none is nearer: by SGLang the one on the token's own GPU, or the
 * first on its server where others are elsewhere. Shape [numChiplets].
 */
function nearBySource(
  model: DispatchModel,
  chiplets: readonly number[],
  { numChiplets, chipletsPerGroup }: { numChiplets: number; chipletsPerGroup: number },
): Int32Array {
  const choice = new Int32Array(numChiplets).fill(chiplets.length === 1 ? chiplets[0] : FAR);
  if (model !== "sglang-static") return choice.map((_, source) => chiplets[source % chiplets.length]);
  for (const first of chiplets) {
    const server = groupOfChiplet(first, chipletsPerGroup) * chipletsPerGroup;
    const near = chiplets.filter((chiplet) => chiplet >= server && chiplet < server + chipletsPerGroup);
    if (near[0] === first && near.length < chiplets.length)
      choice.fill(first, server, server + chipletsPerGroup);
  }
  for (const own of chiplets) choice[own] = own;
  return choice;
}

/** Every chiplet equally often, what does not divide to some drawn, in random order. */
function fairShares(chiplets: readonly number[], count: number, random: Random): number[] {
  const extra = drawExtra(chiplets, count, random);
  const whole = Math.floor(count / chiplets.length);
  return random.shuffle([...chiplets.flatMap((chiplet) => new Array<number>(whole).fill(chiplet)), ...extra]);
}

/** The chiplets that get one more where some number does not divide evenly among them. */
function drawExtra(chiplets: readonly number[], count: number, random: Random): number[] {
  return random.shuffle([...chiplets]).slice(0, count % chiplets.length);
}
