import {
  chipletsWithExperts,
  ruleOf,
  smallestCovers,
  type ReplicaChiplets,
} from "../../lib/placement/dispatch.js";
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
  const { expertOf, replicasOf } = numberReplicas(problem, chiplets);
  return dealtBy(problem, { expertOf, replicasOf, deal: () => inTurn(replicasOf, random) });
}

/**
 * The same with the tokens dealt as those of a placement are dispatched: to the nearest replica where that serves, and else in turn.
 *
 * @param chiplets Has every expert.
 * @returns With the placement as one of the replicas.
 */
export function dealAsServed(
  problem: PlacementProblem,
  chiplets: Chiplets,
  random: Random,
): DealtProblem & { readonly placed: number[][] } {
  const { expertOf, replicasOf } = numberReplicas(problem, chiplets);
  const chipletsOf = chipletsWithExperts(chiplets, problem.numExperts);
  const placed = chiplets.map((experts, chiplet) =>
    experts.map((expert) => replicasOf[expert][chipletsOf[expert].indexOf(chiplet)]),
  );
  const deal = () =>
    ruleOf(problem.dispatch) === "nearest" ? toNearest(replicasOf, chipletsOf) : inTurn(replicasOf, random);
  return { ...dealtBy(problem, { expertOf, replicasOf, deal }), placed };
}

/** The placement of experts that a placement of their replicas is. */
export function mergeReplicas({ expertOf }: DealtProblem, chiplets: Chiplets): number[][] {
  return chiplets.map((replicas) => replicas.map((replica) => expertOf[replica]).sort((a, b) => a - b));
}

/** Says which replicas a token of these experts uses, in their order; asked token by token. */
type Dealer = (members: Uint16Array) => readonly number[];

/** Replicas numbered by their experts. */
function numberReplicas({ numExperts }: PlacementProblem, chiplets: Chiplets) {
  const expertOf = Uint16Array.from(chiplets.flat()).sort();
  const replicasOf = Array.from({ length: numExperts }, (): number[] => []);
  expertOf.forEach((expert, replica) => replicasOf[expert].push(replica));
  return { expertOf, replicasOf };
}

function dealtBy(
  problem: PlacementProblem,
  {
    expertOf,
    replicasOf,
    deal,
  }: { expertOf: Uint16Array; replicasOf: readonly (readonly number[])[]; deal: () => Dealer },
): DealtProblem {
  const { numChiplets, chipletsPerGroup, slotsPerChiplet, layer, limits, objective, expertBytes } = problem;
  const apart = replicasOf.filter(({ length }) => length > 1);
  const numPlaced = expertOf.length;
  const patterns = dealPatterns(problem.patterns, numPlaced, deal());
  const batches = problem.batches.map((batch) => dealPatterns(batch, numPlaced, deal()));
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

/** Each of an expert's replicas once before any comes again. */
function inTurn(replicasOf: readonly (readonly number[])[], random: Random): Dealer {
  const decks = replicasOf.map((replicas) => [...replicas]);
  const drawn = new Uint32Array(decks.length);
  const draw = (expert: number) => {
    const deck = decks[expert];
    const turn = drawn[expert]++ % deck.length;
    if (turn === 0 && deck.length > 1) random.shuffle(deck);
    return deck[turn];
  };
  return (members) => Array.from(members, draw);
}

/** The fewest chiplets, those that are as few in turn. */
function toNearest(replicasOf: readonly (readonly number[])[], chipletsOf: ReplicaChiplets): Dealer {
  let token = 0;
  return (members) => {
    token++;
    const visited = new Set<number>();
    for (const expert of members) if (chipletsOf[expert].length === 1) visited.add(chipletsOf[expert][0]);
    const away = [...members].filter((expert) => !chipletsOf[expert].some((chiplet) => visited.has(chiplet)));
    if (away.length > 0) {
      const covers = smallestCovers(away, chipletsOf);
      for (const chiplet of covers[token % covers.length]) visited.add(chiplet);
    }
    return Array.from(members, (expert) => {
      const near = chipletsOf[expert].filter((chiplet) => visited.has(chiplet));
      return replicasOf[expert][chipletsOf[expert].indexOf(near[token % near.length])];
    });
  };
}

function dealPatterns(
  { numPatterns, numTokens, offsets, experts, counts }: TokenPatterns,
  numExperts: number,
  deal: Dealer,
): TokenPatterns {
  let topK = 1;
  for (let pattern = 0; pattern < numPatterns; pattern++)
    topK = Math.max(topK, offsets[pattern + 1] - offsets[pattern]);
  const rows = new Uint16Array(numTokens * topK).fill(NO_EXPERT);
  let row = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const members = experts.subarray(offsets[pattern], offsets[pattern + 1]);
    for (let token = 0; token < counts[pattern]; token++, row += topK) rows.set(deal(members), row);
  }
  return collectPatterns({ layer: 0, numTokens, experts: rows }, { topK, numExperts });
}
