import { indexPatterns, type PatternIndex, type TokenPatterns } from "../../lib/trace/token-patterns.js";

/**
 * What part of an expert's tokens each chiplet serves, and what a chiplet more or less would cost.
 *
 * A token misses chiplet c with chance P(t, c) = product over its experts e of 1 - share[c, e]. With
 *
 *   gain[c, e] = sum over the tokens of e of the chance that none of their other experts is served on c
 *
 * the token copies change by sum over c of (new share - share) * gain[c, e] when the shares of e alone change. Where those of two
 * experts change, tokens of both add -dShare(e) * dShare(f) * (chance that no third expert of theirs is on c).
 */
export class ShareGains {
  /** Part of an expert's tokens that a chiplet serves. Shape [numChiplets, numExperts], row-major. */
  readonly share: Float64Array;
  /** Shape [numChiplets, numExperts], row-major. */
  readonly gain: Float64Array;
  /** Patterns looked at so far. */
  work = 0;

  readonly #index: PatternIndex;

  constructor(
    readonly patterns: TokenPatterns,
    readonly numChiplets: number,
  ) {
    this.share = new Float64Array(numChiplets * patterns.numExperts);
    this.gain = new Float64Array(numChiplets * patterns.numExperts);
    this.#index = indexPatterns(patterns);
  }

  /** Counts gains from the shares, and tokens of every chiplet. Time O(numPatterns * numChiplets * topK). */
  count(chipletTokens: Float64Array): void {
    const { numExperts, numPatterns, offsets, experts, counts } = this.patterns;
    const { share, gain } = this;
    gain.fill(0);
    chipletTokens.fill(0);
    for (let chiplet = 0; chiplet < this.numChiplets; chiplet++) {
      const row = chiplet * numExperts;
      for (let pattern = 0; pattern < numPatterns; pattern++) {
        let missed = 1;
        let sure = -1;
        let numSure = 0;
        for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
          const part = share[row + experts[place]];
          if (part === 1) {
            sure = experts[place];
            numSure++;
          } else missed *= 1 - part;
        }
        chipletTokens[chiplet] += counts[pattern] * (numSure > 0 ? 1 : 1 - missed);
        if (numSure > 1) continue;
        if (numSure === 1) gain[row + sure] += counts[pattern] * missed;
        else
          for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
            const cell = row + experts[place];
            gain[cell] += (counts[pattern] * missed) / (1 - share[cell]);
          }
      }
    }
  }

  /** Gives a chiplet another share of an expert, and its tokens' other experts the gains that follow. */
  setShare(chiplet: number, expert: number, to: number): void {
    const { share, gain } = this;
    const row = chiplet * this.patterns.numExperts;
    const less = share[row + expert] - to;
    if (less === 0) return;
    const { offsets: starts, patterns } = this.#index;
    const { offsets, experts, counts } = this.patterns;
    this.work += starts[expert + 1] - starts[expert];
    // Left out of the products below as an expert that is not there.
    share[row + expert] = 0;
    for (let at = starts[expert]; at < starts[expert + 1]; at++) {
      const pattern = patterns[at];
      const begin = offsets[pattern];
      const end = offsets[pattern + 1];
      let missed = 1;
      let sure = -1;
      let numSure = 0;
      for (let place = begin; place < end; place++) {
        const part = share[row + experts[place]];
        if (part === 1) {
          sure = experts[place];
          numSure++;
        } else missed *= 1 - part;
      }
      if (numSure > 1) continue;
      const change = counts[pattern] * less * missed;
      if (numSure === 1) gain[row + sure] += change;
      else
        for (let place = begin; place < end; place++) {
          const peer = experts[place];
          if (peer !== expert) gain[row + peer] += change / (1 - share[row + peer]);
        }
    }
    share[row + expert] = to;
  }

  /** Tokens of two experts of which no third expert is served on a chiplet, on average. */
  missedByOthers(chiplet: number, one: number, other: number): number {
    const { offsets: starts, patterns } = this.#index;
    const { numExperts, offsets, experts, counts } = this.patterns;
    const { share } = this;
    const row = chiplet * numExperts;
    const patternsOf = (expert: number) => starts[expert + 1] - starts[expert];
    const [rarer, wanted] = patternsOf(one) < patternsOf(other) ? [one, other] : [other, one];
    this.work += patternsOf(rarer);
    let tokens = 0;
    for (let at = starts[rarer]; at < starts[rarer + 1]; at++) {
      const pattern = patterns[at];
      let missed = 1;
      let isOfBoth = false;
      for (let place = offsets[pattern]; place < offsets[pattern + 1]; place++) {
        const expert = experts[place];
        if (expert === wanted) isOfBoth = true;
        else if (expert !== rarer) missed *= 1 - share[row + expert];
      }
      if (isOfBoth) tokens += counts[pattern] * missed;
    }
    return tokens;
  }
}
