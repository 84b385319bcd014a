import { countSubsets } from "../columns/subset-costs.js";
import { sharePolynomials } from "./share-polynomials.js";
import type { Completions, TokenSubsets } from "./token-subsets.js";

/**
 * A function of the experts on a chiplet that is nowhere above the tokens that visit it: the sum of the weights of all
 * subsets of up to four of them. Of triples and quadruples, those that no token chose weigh nothing.
 */
export interface SubsetWeights {
  readonly subsets: TokenSubsets;
  /** Shape [numExperts]. */
  readonly ofExperts: Float64Array;
  /** Symmetric, 0 on the diagonal. Shape [numExperts, numExperts], row-major. */
  readonly ofPairs: Float64Array;
  /** Of the triples in `subsets.ofPairs`, row by row. */
  readonly ofTriples: Float64Array;
  /** Of the quadruples in `subsets.ofTriples`, row by row. */
  readonly ofQuadruples: Float64Array;
}

/** Experts that are thought to share a chiplet, and how much that counts. */
export interface ObservedColumn {
  readonly experts: readonly number[];
  readonly weight: number;
}

/** Experts in the largest subsets. */
const LARGEST = 4;
/** How much chance counts against the columns observed. */
const CHANCE = 0.05;

/**
 * Fits the weights that come nearest to the tokens of some columns, from below.
 *
 * The copy of a token on a chiplet is shared as cost among the experts that the token has there, 1 / (1 + n) for an expert with
 * n partners. Below that lie many polynomials of third degree (see {@link sharePolynomials}); for every token and
 * expert the one is taken that is largest for the numbers of partners that the expert has in the columns observed.
 * Whatever is taken, the function is below the cost of every column; at those observed it comes close.
 *
 * Time O(numPatterns * topK * (numPolynomials + columns of an expert * topK) + numPatterns * comb(topK, 4)).
 *
 * @param options.slots Experts on every chiplet, idle ones included.
 */
export function fitSubsetWeights(
  subsets: TokenSubsets,
  { slots, columns }: { slots: number; columns: readonly ObservedColumn[] },
): SubsetWeights {
  const { patterns, numExperts: n, triplesOfPatterns, quadruplesOfPatterns } = subsets;
  const { numPatterns, offsets, experts: all, counts } = patterns;
  const ofExperts = new Float64Array(n);
  const ofPairs = new Float64Array(n * n);
  const triples = new Float64Array(subsets.numTriples);
  const quadruples = new Float64Array(subsets.numQuadruples);
  const polynomials = new Map<number, PolynomialChoice>();
  const columnsOf = listColumnsOf(columns, n);
  let triple = 0;
  let quadruple = 0;
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const experts = all.subarray(offsets[pattern], offsets[pattern + 1]);
    const width = experts.length;
    const choice = polynomials.get(width) ?? preparePolynomials(width, { slots, numExperts: n });
    polynomials.set(width, choice);
    const chosen = choice.chosen;
    for (let at = 0; at < width; at++) {
      choice.choose(at, columnsOf[experts[at]], experts);
    }
    const count = counts[pattern];
    for (let a = 0; a < width; a++) {
      const A = a * LARGEST;
      ofExperts[experts[a]] += count * chosen[A];
      for (let b = a + 1; b < width; b++) {
        const B = b * LARGEST;
        const pair = count * (chosen[A + 1] + chosen[B + 1]);
        ofPairs[experts[a] * n + experts[b]] += pair;
        ofPairs[experts[b] * n + experts[a]] += pair;
        for (let c = b + 1; c < width; c++) {
          const C = c * LARGEST;
          triples[triplesOfPatterns[triple++]] += count * (chosen[A + 2] + chosen[B + 2] + chosen[C + 2]);
          const three = chosen[A + 3] + chosen[B + 3] + chosen[C + 3];
          for (let d = c + 1; d < width; d++) {
            quadruples[quadruplesOfPatterns[quadruple++]] += count * (three + chosen[d * LARGEST + 3]);
          }
        }
      }
    }
  }
  return {
    subsets,
    ofExperts,
    ofPairs,
    ofTriples: alongRows(subsets.ofPairs, triples),
    ofQuadruples: alongRows(subsets.ofTriples, quadruples),
  };
}

interface Membership {
  readonly weight: number;
  /** 1 for its experts. Shape [numExperts]. */
  readonly has: Uint8Array;
}

function listColumnsOf(columns: readonly ObservedColumn[], numExperts: number): readonly Membership[][] {
  const columnsOf = Array.from({ length: numExperts }, (): Membership[] => []);
  for (const { experts, weight } of columns) {
    const has = new Uint8Array(numExperts);
    for (const expert of experts) has[expert] = 1;
    for (const expert of experts) columnsOf[expert].push({ weight, has });
  }
  return columnsOf;
}

interface PolynomialChoice {
  /** Coefficients of the polynomial chosen at each position. Shape [width, LARGEST]. */
  readonly chosen: Float64Array;
  /** Chooses for the expert at a position, which is in `columns`. */
  readonly choose: (position: number, columns: readonly Membership[], experts: Uint16Array) => void;
}

/** Prepares the choice among all polynomials for patterns of a width. */
function preparePolynomials(
  width: number,
  { slots, numExperts }: { slots: number; numExperts: number },
): PolynomialChoice {
  const most = Math.min(width, slots) - 1;
  const list = sharePolynomials(Math.min(LARGEST, most + 1), most);
  // Value of every polynomial at every number of partners. Shape [numPolynomials, width].
  const values = Float64Array.from(list.flatMap((coefficients) => valuesOf(coefficients, width)));
  const byChance = Array.from({ length: width }, (_, partners) =>
    partners > most
      ? 0
      : (countSubsets(width - 1, partners) * countSubsets(numExperts - width, slots - 1 - partners)) /
        countSubsets(numExperts - 1, slots - 1),
  );
  const times = new Float64Array(width);
  const chosen = new Float64Array(width * LARGEST);
  return {
    chosen,
    choose(position, columns, experts) {
      for (let partners = 0; partners < width; partners++) times[partners] = CHANCE * byChance[partners];
      for (const { weight, has } of columns) {
        let together = 0;
        for (const expert of experts) together += has[expert];
        times[together - 1] += (1 - CHANCE) * weight;
      }
      let best = 0;
      let largest = -Infinity;
      for (let polynomial = 0; polynomial < list.length; polynomial++) {
        let value = 0;
        for (let partners = 0; partners < width; partners++) {
          value += times[partners] * values[polynomial * width + partners];
        }
        if (value <= largest) continue;
        largest = value;
        best = polynomial;
      }
      for (let order = 0; order < LARGEST; order++) {
        chosen[position * LARGEST + order] = list[best][order] ?? 0;
      }
    },
  };
}

function valuesOf(coefficients: Float64Array, width: number): number[] {
  return Array.from({ length: width }, (_, partners) =>
    coefficients.reduce((sum, coefficient, order) => sum + coefficient * countSubsets(partners, order), 0),
  );
}

function alongRows({ subsets }: Completions, weights: Float64Array): Float64Array {
  return Float64Array.from(subsets, (subset) => weights[subset]);
}
