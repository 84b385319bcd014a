import { Option } from "commander";
import { ASKED_LIMITS, type RequestedLimits } from "../doors/problem.js";
import { integerOption, numberOption } from "./options.js";

/** How limits are asked for on the command line: an option each, by the field that programs give. */
const LIMIT_OPTIONS: Readonly<Record<keyof RequestedLimits, Option>> = {
  maxLoad: numberOption("--max-load <ratio>", "largest load of a chiplet over the mean load", { above: 1 }),
  chipletTokenShare: numberOption(
    "--chiplet-link-budget <share>",
    "largest share of tokens on a chiplet's link",
    { above: 0 },
  ),
  groupTokenShare: numberOption(
    "--group-link-budget <share>",
    "largest share of tokens on a chiplet group's link",
    { above: 0 },
  ),
  groupExperts: integerOption("--group-experts <n>", "most experts in a chiplet group, replicas included", 1),
  groupsPerExpert: new Option(
    "--resilient",
    "keep every expert in two chiplet groups: the loss of one loses no expert",
  ).preset(2),
};

export const limitOptions: readonly Option[] = ASKED_LIMITS.map(({ field }) => LIMIT_OPTIONS[field]);

/** The flag of every limit, by the field that programs give. */
export const limitFlags: Readonly<Record<string, string>> = Object.fromEntries(
  ASKED_LIMITS.map(({ field }) => [field, flagOf(field)]),
);

/** The limits that parsed options ask for. */
export function limitsOf(options: object): RequestedLimits {
  return Object.fromEntries(
    ASKED_LIMITS.map(({ field }) => [field, (options as Record<string, unknown>)[nameOf(field)]]),
  );
}

/** Parsed options that ask for such limits and for no others: the inverse of {@link limitsOf}. */
export function optionsOfLimits(limits: RequestedLimits): object {
  return Object.fromEntries(ASKED_LIMITS.map(({ field }) => [nameOf(field), limits[field]]));
}

/** Flags of the limits among the options that nothing is known of without tokens. */
export function flagsOfTokenLimits(options: object): string[] {
  const limits = limitsOf(options);
  return ASKED_LIMITS.filter(
    ({ field, inPartsOf }) => inPartsOf === "tokens" && limits[field] !== undefined,
  ).map(({ field }) => flagOf(field));
}

function nameOf(field: keyof RequestedLimits): string {
  return LIMIT_OPTIONS[field].attributeName();
}

function flagOf(field: keyof RequestedLimits): string {
  return LIMIT_OPTIONS[field].long ?? field;
}
