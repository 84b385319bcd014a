import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import { NUMBER_FORMATS } from "./number-format.js";
import { MOST_MICRO_BATCHES, PHASES, TRANSPORTS, type Formats, type Workload } from "./workload.js";

/** What of a workload is not as by default. */
export type WorkloadChoice = Partial<Omit<Workload, "formats">> & { readonly formats?: Partial<Formats> };

/** More tokens, and a longer time, than any step has: what is computed from them stays far from where numbers end. */
const MOST_TOKENS = 1e12;
const MOST_LAUNCH_NS = 1e12;

/**
 * Checks what is told of a step.
 *
 * @throws InputError if a number is none of a step, such as one of more micro-batches than `MOST_MICRO_BATCHES`, or a name is not known.
 */
export function checkWorkload({ phase, transport, formats = {}, ...choice }: WorkloadChoice): void {
  const names: [string, string | undefined, readonly string[]][] = [
    ["phase", phase, PHASES],
    ["transport", transport, TRANSPORTS],
    ...Object.entries(formats).map(([name, format]): (typeof names)[number] => [
      `formats.${name}`,
      format,
      NUMBER_FORMATS,
    ]),
  ];
  for (const [field, found, known] of names) {
    if (found === undefined || known.includes(found)) continue;
    throw new InputError(`${field}: found ${describeValue(found)}, expected one of ${known.join(", ")}`);
  }
  const { tokensPerChiplet, promptLength, kvLength, microBatches, otherComputeShare, launchNs } = choice;
  const isTokens = (value: number) => value > 0 && value <= MOST_TOKENS;
  const tokens = `a number above 0, at most ${MOST_TOKENS}`;
  const numbers: [string, number | undefined, (value: number) => boolean, string][] = [
    ["tokensPerChiplet", tokensPerChiplet, isTokens, tokens],
    ["promptLength", promptLength, isTokens, tokens],
    ["kvLength", kvLength, (value) => value === 0 || isTokens(value), `0 to ${MOST_TOKENS}`],
    [
      "microBatches",
      microBatches,
      (value) => Number.isInteger(value) && value >= 1 && value <= MOST_MICRO_BATCHES,
      `a whole number, 1 to ${MOST_MICRO_BATCHES}`,
    ],
    ["otherComputeShare", otherComputeShare, (value) => value >= 0 && value < 1, "a share in [0, 1)"],
    ["launchNs", launchNs, (value) => value >= 0 && value <= MOST_LAUNCH_NS, `0 to ${MOST_LAUNCH_NS}`],
  ];
  for (const [field, found, isSound, expected] of numbers) {
    if (found === undefined || isSound(found)) continue;
    throw new InputError(`${field}: found ${describeValue(found)}, expected ${expected}`);
  }
}
