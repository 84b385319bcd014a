import type { TokenPatterns } from "../../lib/trace/token-patterns.js";

/**
 * For every set of `size` experts, the tokens that chose at least one of them: the cost of every chiplet column.
 *
 * Exact integers, in colexicographic order of the sets: the set {a < b < c < d} is at
 * comb(a, 1) + comb(b, 2) + comb(c, 3) + comb(d, 4). So the sets whose largest expert is d lie together, and
 *
 *   cost(S + d) = cost(S) + load(d) - cost of S among the tokens of d alone,
 *
 * which is the same table one size smaller over fewer tokens. Time O(comb(numExperts, size)) and a little more for the
 * tokens, memory 4 bytes a set: 635,376 sets of 4 out of 64 take some hundredths of a second.
 *
 * @param size In [1, numExperts].
 * @returns Shape [comb(numExperts, size)].
 *
 * @example
 * tabulateSubsetCosts(patterns, 2)[0]; // tokens with expert 0 or 1
 */
export function tabulateSubsetCosts(patterns: TokenPatterns, size: number): Int32Array {
  const { numExperts, numPatterns, offsets } = patterns;
  const table = new Int32Array(countSubsets(numExperts, size));
  const all = Uint32Array.from({ length: numPatterns }, (_, pattern) => pattern);
  tabulate(patterns, { ids: all, ends: offsets.slice(1) }, { out: table, numExperts, size });
  return table;
}

/** comb(n, k), exact up to 2^53. */
export function countSubsets(n: number, k: number): number {
  if (k > n) return 0;
  let count = 1;
  for (let step = 1; step <= k; step++) count = (count * (n - k + step)) / step;
  return Math.round(count);
}

/** Patterns cut short: of pattern `ids[i]` the experts before place `ends[i]`. */
interface Prefixes {
  readonly ids: Uint32Array;
  readonly ends: Uint32Array;
}

/** Fills `out` with the costs of all sets of `size` out of the first `numExperts`. */
function tabulate(
  patterns: TokenPatterns,
  prefixes: Prefixes,
  { out, numExperts, size }: { out: Int32Array; numExperts: number; size: number },
): void {
  const { offsets, experts, counts } = patterns;
  const { ids, ends } = prefixes;
  // Without this, sets larger than tokens are wide would be split up to the last, for nothing.
  if (!ids.some((id, at) => ends[at] > offsets[id])) {
    out.fill(0);
    return;
  }
  if (size === 1) {
    out.fill(0);
    for (let at = 0; at < ids.length; at++) {
      for (let place = offsets[ids[at]]; place < ends[at]; place++) out[experts[place]] += counts[ids[at]];
    }
    return;
  }
  const smaller = new Int32Array(countSubsets(numExperts, size - 1));
  tabulate(patterns, prefixes, { out: smaller, numExperts, size: size - 1 });
  const { starts, withExpert } = splitByExpert(patterns, prefixes, numExperts);
  for (let largest = size - 1; largest < numExperts; largest++) {
    const start = countSubsets(largest, size);
    const sets = out.subarray(start, start + countSubsets(largest, size - 1));
    const of = {
      ids: withExpert.ids.subarray(starts[largest], starts[largest + 1]),
      ends: withExpert.ends.subarray(starts[largest], starts[largest + 1]),
    };
    let load = 0;
    for (const pattern of of.ids) load += counts[pattern];
    tabulate(patterns, of, { out: sets, numExperts: largest, size: size - 1 });
    for (let set = 0; set < sets.length; set++) sets[set] = smaller[set] + load - sets[set];
  }
}

/** For each expert, the prefixes that contain it, cut before it: `withExpert` from `starts[e]` to `starts[e + 1]`. */
function splitByExpert(
  { offsets, experts }: TokenPatterns,
  { ids, ends }: Prefixes,
  numExperts: number,
): { starts: Uint32Array; withExpert: Prefixes } {
  const starts = new Uint32Array(numExperts + 1);
  for (let at = 0; at < ids.length; at++) {
    for (let place = offsets[ids[at]]; place < ends[at]; place++) starts[experts[place] + 1]++;
  }
  for (let expert = 0; expert < numExperts; expert++) starts[expert + 1] += starts[expert];
  const next = starts.slice();
  const withExpert = { ids: new Uint32Array(starts[numExperts]), ends: new Uint32Array(starts[numExperts]) };
  for (let at = 0; at < ids.length; at++) {
    for (let place = offsets[ids[at]]; place < ends[at]; place++) {
      const slot = next[experts[place]]++;
      withExpert.ids[slot] = ids[at];
      withExpert.ends[slot] = place;
    }
  }
  return { starts, withExpert };
}
