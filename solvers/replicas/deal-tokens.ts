import type { Chiplets } from "../../lib/placement/placement.js";
import { createProblem, type PlacementProblem } from "../../lib/placement/problem.js";
import type { Random } from "../../lib/random.js";
import { NO_EXPERT } from "../../lib/trace/routing-trace.js";
import { collectPatterns, type TokenPatterns } from "../../lib/trace/token-patterns.js";

/** A problem with replicas as one without: every replica is an expert of its own. */
export interface DealtProblem {
  readonly problem: PlacementProblem;
  /** The expert of every replica. Shape [numPlaced]. */
  readonly expertOf: Uint16Array;
}

/**
 * Makes replicas experts of their own, to each of which as many of the tokens of its expert are dealt as to the others.
 *
 * Stands for dispatch that looks neither at a token's other experts nor at loads: by chance, or by where a token starts. Loads are
 * what they will be but for a token; token copies are those of one draw.
 *
 * @param chiplets Tells how many replicas each expert has; at least one.
 * @param random Deals.
 *
 * @example
 * const roomy = { ...problem, slotsPerChiplet: 3 };
 * dealTokens(roomy, [[0, 1, 2], [0, 3]], createRandom(1)).problem.numExperts; // 5, of 4 experts
 */
export function dealTokens(problem: PlacementProblem, chiplets: Chiplets, random: Random): DealtProblem {
  const { numChiplets, chipletsPerGroup, slotsPerChiplet, layer, limits, objective, expertBytes } = problem;
  const expertOf = Uint16Array.from(chiplets.flat()).sort();
  const replicasOf = Array.from({ length: problem.numExperts }, (): number[] => []);
  expertOf.forEach((expert, replica) => replicasOf[expert].push(replica));
  const apart = replicasOf.filter(({ length }) => length > 1);
  const patterns = dealPatterns(problem.patterns, { replicasOf, random });
  const batches = problem.batches.map((batch) => dealPatterns(batch, { replicasOf, random }));
  return {
    expertOf,
    problem: createProblem(patterns, {
      layer,
      batches,
      numChiplets,
      numGroups: numChiplets / chipletsPerGroup,
      slotsPerChiplet,
      expertBytes: Float64Array.from(expertOf, (expert) => expertBytes[expert]),
      limits,
      objective,
      pins: problem.pins.map(({ expert, chiplet }) => ({ expert: replicasOf[expert][0], chiplet })),
      antiAffinity: [
        ...apart,
        ...problem.antiAffinity.map((experts) => experts.flatMap((expert) => replicasOf[expert])),
      ],
    }),
  };
}

/** The placement of experts that a placement of their replicas is. */
export function mergeReplicas({ expertOf }: DealtProblem, chiplets: Chiplets): number[][] {
  return chiplets.map((replicas) => replicas.map((replica) => expertOf[replica]).sort((a, b) => a - b));
}

function dealPatterns(
  { numPatterns, numTokens, offsets, experts, counts }: TokenPatterns,
  { replicasOf, random }: { replicasOf: readonly (readonly number[])[]; random: Random },
): TokenPatterns {
  let topK = 1;
  for (let pattern = 0; pattern < numPatterns; pattern++)
    topK = Math.max(topK, offsets[pattern + 1] - offsets[pattern]);
  const rows = new Uint16Array(numTokens * topK).fill(NO_EXPERT);
  // Each of an expert's replicas once before any comes again.
  const decks = replicasOf.map((replicas) => [...replicas]);
  const drawn = new Uint32Array(decks.length);
  const draw = (expert: number) => {
    const deck = decks[expert];
    const turn = drawn[expert]++ % deck.length;
    if (turn === 0 && deck.length > 1) random.shuffle(deck);
    return deck[turn];
  };
  let row = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const members = experts.subarray(offsets[pattern], offsets[pattern + 1]);
    for (let token = 0; token < counts[pattern]; token++, row += topK)
      members.forEach((expert, place) => (rows[row + place] = draw(expert)));
  }
  const numExperts = replicasOf.reduce((sum, { length }) => sum + length, 0);
  return collectPatterns({ layer: 0, numTokens, experts: rows }, { topK, numExperts });
}
