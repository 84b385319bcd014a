import { InputError } from "../lib/errors.js";
import { NO_EXPERT, type RoutingTrace } from "../lib/trace/routing-trace.js";
import type { NumberingOptions } from "./numbering.js";
import { sharedExperts } from "./suspicions.js";

/** The chance that experts, drawn evenly, leave out those between the two largest ids. */
const UNLIKELY = 1e-6;
/** Share of the ids below the largest that were met, from which on the few behind it would have been met as well. */
const NEARLY_ALL = 0.9;
/** Numbers of experts are multiples of it. */
const MULTIPLE = 4;
const FEW_EXPERTS = 8;

/**
 * Refuses a trace whose number of experts nothing tells, where the largest id may be no routed expert: in every token, as
 * a shared expert is that an engine appends; far above all others, or one more than a number of experts there may be,
 * although nearly all below it were met. So padding looks that fills the last place of a few tokens, and ids that are
 * counted from 1.
 *
 * @throws InputError that names the options which decide.
 */
export function checkLargestId(trace: RoutingTrace, { firstExpert = 0 }: NumberingOptions): void {
  const counts = countIds(trace);
  const largest = counts.findLastIndex((count) => count > 0);
  if (trace.topK <= largest && sharedExperts(trace.layers, trace.topK).includes(largest)) {
    const id = largest + firstExpert;
    throw new InputError(
      `trace: found expert ${id} in every token of every layer, the largest of all ids, and no file tells how many experts there are`,
      `Maybe it is a shared expert, which is no routed one; pass dropExperts ${id}. Or, where it is routed, pass numExperts ${largest + 1}.`,
    );
  }
  const second = counts.findLastIndex((count, id) => count > 0 && id < largest);
  if (second < 0) return;
  const met = counts.reduce((sum, count) => sum + Number(count > 0), -1);
  const isApart = largest - second >= MULTIPLE && ((second + 1) / largest) ** met < UNLIKELY;
  const isAll = counts[0] === 0 && met === largest - 1;
  const isBeyond =
    largest % MULTIPLE === 0 && (isAll || (largest >= FEW_EXPERTS && met > NEARLY_ALL * largest));
  if (!isApart && !isBeyond) return;
  const isFromOne = counts[0] === 0 && firstExpert === 0 && !isApart;
  // Padding stands behind the experts of a token.
  if (!isFromOne && standsBeforeOthers(trace, largest)) return;
  const id = largest + firstExpert;
  const expert = `where it is an expert, pass numExperts ${largest + 1}`;
  throw new InputError(
    isApart
      ? `trace: found id ${id} in ${counts[largest]} places and no other above ${second + firstExpert}, expected experts without such a gap`
      : `trace: found all ids up to ${id}, one more than a number of experts, which no file tells`,
    isFromOne
      ? `Maybe the trace counts experts from 1; pass firstExpert 1. Or, ${expert}.`
      : `Maybe it is padding; pass padding ${id}. Or, ${expert}.`,
  );
}

/** How often each id was met. */
function countIds({ layers, numExperts }: RoutingTrace): Float64Array {
  const counts = new Float64Array(numExperts);
  for (const { experts } of layers) for (const expert of experts) if (expert !== NO_EXPERT) counts[expert]++;
  return counts;
}

/** Whether an id is followed by another one in a token. */
function standsBeforeOthers({ layers, topK }: RoutingTrace, id: number): boolean {
  return layers.some(({ experts }) =>
    experts.some((expert, at) => expert === id && (at + 1) % topK !== 0 && experts[at + 1] !== NO_EXPERT),
  );
}
