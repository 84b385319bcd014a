import { countSubsets } from "../columns/subset-costs.js";
import { sharePolynomials } from "./share-polynomials.js";
import type { Completions, TokenSubsets } from "./token-subsets.js";

/**
 * A function of the experts on a chiplet that is nowhere above the tokens that visit it: the sum of the weights of all
 * subsets of up to four of them. Of triples and quadruples, those that no token chose weigh nothing.
 *
 * Weights are multiples of {@link GRAIN}, so that sums of them are exact in whatever order they are summed.
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

/** In tokens. A power of two: of numbers of tokens below 2^40, sums of its multiples are exact. */
export const GRAIN = 2 ** -10;

/** The largest multiple of {@link GRAIN} that is not above. */
export function floorToGrain(tokens: number): number {
  return Math.floor(tokens / GRAIN) * GRAIN;
}

/** Experts that are thought to share a chiplet, or part of one, and how much that counts. */
export interface ObservedSet {
  /** Four to `slots`, or all experts of a column. */
  readonly experts: readonly number[];
  readonly weight: number;
  /** Experts of the set, those included that are idle; by default a full chiplet. */
  readonly size?: number;
}

/** Finds the weights that come nearest to the tokens of some sets, from below. */
export type WeightFitter = (observed: readonly ObservedSet[]) => SubsetWeights;

/** Experts in the largest sets that have weights. */
export const LARGEST = 4;

/** How much chance counts against the sets observed. */
const CHANCE = 0.05;

/**
 * Makes a fitter of weights.
 *
 * The copy of a token on a chiplet is shared as cost among the experts that the token has there, 1 / (1 + n) for an expert with
 * n partners. Below that lie many polynomials of third degree in n (see {@link sharePolynomials}); for every token and
 * expert the one is taken that is largest for the numbers of partners, pairs and triples of partners that the expert
 * has in the sets observed. Whatever is taken, the function is below the cost of every column; at those observed it comes close.
 * Of part of a chiplet, subsets of j experts count for all that a full chiplet has (see `enumerateColumns`).
 *
 * Time of a fit O(pins of the experts of all sets + numPatterns * (topK * numPolynomials + comb(topK, 4))).
 *
 * @param options.slots Experts on every chiplet, idle ones included.
 */
export function createWeightFitter(subsets: TokenSubsets, { slots }: { slots: number }): WeightFitter {
  const { patterns, numExperts: n, triplesOfPatterns, quadruplesOfPatterns } = subsets;
  const { numPatterns, offsets, experts: all, counts } = patterns;
  const pins = pinsOfExperts(subsets);
  const choices = new Map<number, PolynomialChoice>();
  const moments = new Float64Array(all.length * LARGEST);
  const pinCount = new Uint8Array(numPatterns);

  /** Adds to the moments of every pin what a set has of partners, pairs and triples of partners. Hot. */
  const observe = ({ experts, weight, size = slots }: ObservedSet) => {
    const [f1, f2, f3, f4] = [1, 2, 3, 4].map(
      (j) => (weight * countSubsets(slots, j)) / countSubsets(size, j),
    );
    for (const expert of experts)
      for (let at = pins.starts[expert]; at < pins.starts[expert + 1]; at++) pinCount[pins.patterns[at]]++;
    for (const expert of experts) {
      for (let at = pins.starts[expert]; at < pins.starts[expert + 1]; at++) {
        const partners = pinCount[pins.patterns[at]] - 1;
        const first = LARGEST * pins.places[at];
        moments[first] += f1;
        if (partners === 0) continue;
        moments[first + 1] += f2 * partners;
        moments[first + 2] += (f3 * partners * (partners - 1)) / 2;
        moments[first + 3] += (f4 * partners * (partners - 1) * (partners - 2)) / 6;
      }
    }
    for (const expert of experts)
      for (let at = pins.starts[expert]; at < pins.starts[expert + 1]; at++) pinCount[pins.patterns[at]] = 0;
  };

  return (observed) => {
    moments.fill(0);
    for (const set of observed) observe(set);
    const ofExperts = new Float64Array(n);
    const ofPairs = new Float64Array(n * n);
    const triples = new Float64Array(subsets.numTriples);
    const quadruples = new Float64Array(subsets.numQuadruples);
    let triple = 0;
    let quadruple = 0;
    for (let pattern = 0; pattern < numPatterns; pattern++) {
      const start = offsets[pattern];
      const width = offsets[pattern + 1] - start;
      const choice = choices.get(width) ?? preparePolynomials(width, { slots, numExperts: n });
      choices.set(width, choice);
      const { chosen } = choice;
      choose(choice, moments, { start, width });
      const count = counts[pattern];
      for (let a = 0; a < width; a++) {
        const A = a * LARGEST;
        const expertA = all[start + a];
        ofExperts[expertA] += count * chosen[A];
        for (let b = a + 1; b < width; b++) {
          const B = b * LARGEST;
          ofPairs[expertA * n + all[start + b]] += count * (chosen[A + 1] + chosen[B + 1]);
          for (let c = b + 1; c < width; c++) {
            const C = c * LARGEST;
            triples[triplesOfPatterns[triple++]] += count * (chosen[A + 2] + chosen[B + 2] + chosen[C + 2]);
            const three = chosen[A + 3] + chosen[B + 3] + chosen[C + 3];
            for (let d = c + 1; d < width; d++)
              quadruples[quadruplesOfPatterns[quadruple++]] += count * (three + chosen[d * LARGEST + 3]);
          }
        }
      }
    }
    for (const weights of [ofExperts, ofPairs, triples, quadruples]) roundDown(weights);
    for (let a = 0; a < n; a++) for (let b = 0; b < a; b++) ofPairs[a * n + b] = ofPairs[b * n + a];
    return {
      subsets,
      ofExperts,
      ofPairs,
      ofTriples: alongRows(subsets.ofPairs, triples),
      ofQuadruples: alongRows(subsets.ofTriples, quadruples),
    };
  };
}

/** Where the patterns have each expert. */
interface Pins {
  /** Shape [numExperts + 1]. */
  readonly starts: Int32Array;
  /** Expert by expert: the patterns, and the places of the expert in them. */
  readonly patterns: Int32Array;
  readonly places: Int32Array;
}

function pinsOfExperts({ patterns, numExperts }: TokenSubsets): Pins {
  const { numPatterns, offsets, experts } = patterns;
  const starts = new Int32Array(numExperts + 1);
  for (const expert of experts) starts[expert + 1]++;
  for (let expert = 0; expert < numExperts; expert++) starts[expert + 1] += starts[expert];
  const next = starts.slice();
  const pins = { starts, patterns: new Int32Array(experts.length), places: new Int32Array(experts.length) };
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
      const at = next[experts[place]]++;
      pins.patterns[at] = pattern;
      pins.places[at] = place;
    }
  }
  return pins;
}

/** What there is to choose from for patterns of a width. */
interface PolynomialChoice {
  /** Coefficients, 0 where a polynomial has none. Shape [numPolynomials, LARGEST]. */
  readonly polynomials: Float64Array;
  /** Moments of an expert that is placed at random. Shape [LARGEST]. */
  readonly chance: Float64Array;
  /** Coefficients of the polynomial chosen at each position. Shape [width, LARGEST]. */
  readonly chosen: Float64Array;
}

function preparePolynomials(
  width: number,
  { slots, numExperts }: { slots: number; numExperts: number },
): PolynomialChoice {
  const most = Math.min(width, slots) - 1;
  const list = sharePolynomials(Math.min(LARGEST, most + 1), most);
  const chance = new Float64Array(LARGEST);
  for (let partners = 0; partners <= most; partners++) {
    const part =
      (countSubsets(width - 1, partners) * countSubsets(numExperts - width, slots - 1 - partners)) /
      countSubsets(numExperts - 1, slots - 1);
    for (let order = 0; order < LARGEST; order++)
      chance[order] += CHANCE * part * countSubsets(partners, order);
  }
  return {
    polynomials: Float64Array.from(
      list.flatMap((coefficients) => Array.from({ length: LARGEST }, (_, order) => coefficients[order] ?? 0)),
    ),
    chance,
    chosen: new Float64Array(width * LARGEST),
  };
}

/** Chooses, for each pin of a pattern, the polynomial that is largest for its moments. Hot. */
function choose(
  { polynomials, chance, chosen }: PolynomialChoice,
  moments: Float64Array,
  { start, width }: { start: number; width: number },
): void {
  for (let position = 0; position < width; position++) {
    const first = LARGEST * (start + position);
    const m0 = moments[first] + chance[0];
    const m1 = moments[first + 1] + chance[1];
    const m2 = moments[first + 2] + chance[2];
    const m3 = moments[first + 3] + chance[3];
    let best = 0;
    let largest = -Infinity;
    for (let at = 0; at < polynomials.length; at += LARGEST) {
      const value =
        polynomials[at] * m0 + polynomials[at + 1] * m1 + polynomials[at + 2] * m2 + polynomials[at + 3] * m3;
      if (value <= largest) continue;
      largest = value;
      best = at;
    }
    for (let order = 0; order < LARGEST; order++)
      chosen[LARGEST * position + order] = polynomials[best + order];
  }
}

/** Rounding in the sums, of numbers below 2^30 and far more coarsely kept, is never as large: down stays down. */
const SUM_ERROR = GRAIN / 64;

function roundDown(weights: Float64Array): void {
  for (let at = 0; at < weights.length; at++) {
    if (weights[at] !== 0) weights[at] = floorToGrain(weights[at] - SUM_ERROR);
  }
}

function alongRows({ subsets }: Completions, weights: Float64Array): Float64Array {
  const along = new Float64Array(subsets.length);
  for (let at = 0; at < along.length; at++) along[at] = weights[subsets[at]];
  return along;
}
