import { DEFAULT_LIMITS } from "../lib/plausible-size.js";
import { NO_EXPERT } from "../lib/trace/routing-trace.js";
import { BYTE_PADDING } from "./padding.js";

/** What is wrong with a row, in the words of an {@link InputError} that knows where. */
export interface RowFault {
  readonly found: string;
  readonly advice?: string;
}

/** An id that is none of the experts `first` to `first + limit - 1`; whether it is the last of its row says what it may be. */
export function outOfRange(expert: number, first: number, limit: number, isLast = false): RowFault {
  const found = `expert ${expert} is out of range [${first}, ${first + limit})`;
  if (expert === limit && first === 0) {
    const shared = `${expert} is a shared expert, which is no routed one; pass dropExperts ${expert}. Or the trace`;
    return {
      found,
      advice: `Maybe ${isLast ? shared : "the trace"} counts experts from 1; pass firstExpert 1.`,
    };
  }
  if (expert > limit && expert < NO_EXPERT) {
    return {
      found,
      advice: `Maybe raise numExperts or, above ${DEFAULT_LIMITS.maxExperts} of them, maxExperts.`,
    };
  }
  if (expert === 0 && first === 1) {
    return { found, advice: "Maybe the trace counts experts from 0; pass firstExpert 0." };
  }
  return { found };
}

/** A fraction, or no number at all. */
export function noNumber(id: number): RowFault {
  return {
    found: `found ${id}, expected the number of an expert`,
    ...(id < 1 && {
      advice: "Maybe these are scores of a router: save the ids of the experts that it chose.",
    }),
  };
}

/** An id that may be the last of 256 experts as well as padding. */
export function doubtfulByte(): Required<RowFault> {
  return {
    found: `found id ${BYTE_PADDING} in numbers of 8 bits, which may be an expert or padding`,
    advice: `Maybe pass padding ${BYTE_PADDING} or, where it is an expert, pass padding none.`,
  };
}
