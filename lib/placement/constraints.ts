import { ROUNDING } from "./tolerance.js";

/**
 * What one layer's placement must respect besides the slots; `Infinity` where there is no limit.
 *
 * Bytes are of this layer's expert weights. Loads are tokens times experts. Link tokens are tokens whose copy
 * crosses a link, one copy a token: the network-on-package bandwidth budget in units of the trace.
 */
export interface PlacementLimits {
  /** Most load on one chiplet. */
  readonly chipletLoad: number;
  /** Most load on one chiplet group. */
  readonly groupLoad: number;
  /** Most bytes of expert weights behind one chiplet group's memory. */
  readonly groupBytes: number;
  /** Most experts in one chiplet group, replicas included. */
  readonly groupExperts: number;
  /** Most tokens over the link of one chiplet. */
  readonly chipletTokens: number;
  /** Most tokens over the link of one chiplet group. */
  readonly groupTokens: number;
  /** Fewest chiplet groups in which each expert has a replica: with 2, the loss of a group loses no expert. */
  readonly groupsPerExpert: number;
}

/** Limits as they are asked for, of all layers alike: in parts of a layer's load or tokens. */
export interface RequestedLimits {
  /** Largest load of a chiplet over the mean load, at least 1; no cap by default. */
  readonly maxLoad?: number | undefined;
  /** Most tokens over a chiplet's link, as a share of a layer's tokens; no limit by default. */
  readonly chipletTokenShare?: number | undefined;
  /** Most tokens over a chiplet group's link, as a share of a layer's tokens; no limit by default. */
  readonly groupTokenShare?: number | undefined;
  /** Most experts in a chiplet group, replicas included; no limit by default. */
  readonly groupExperts?: number | undefined;
  /** Fewest chiplet groups in which each expert has a replica; 1 by default. */
  readonly groupsPerExpert?: number | undefined;
}

/** The limits that are caps on a chiplet or a chiplet group. */
type CapName = Exclude<keyof PlacementLimits, "groupsPerExpert">;

export const NO_LIMITS: PlacementLimits = {
  chipletLoad: Infinity,
  groupLoad: Infinity,
  groupBytes: Infinity,
  groupExperts: Infinity,
  chipletTokens: Infinity,
  groupTokens: Infinity,
  groupsPerExpert: 1,
};

/** For what a cap holds: every chiplet, or all chiplets of a chiplet group together. */
export type Scope = "chiplet" | "group";

/**
 * How the experts of a chiplet, or of a chiplet group, are measured.
 *
 * - `held`: their weights add up, and so do those of replicas, whichever of them tokens use.
 * - `load`: their weights add up; replicas share the weight of their expert as the dispatch model says.
 * - `tokens`: the tokens that chose at least one of them; replicas share those of their expert.
 */
export type Measure = "held" | "load" | "tokens";

/** One row of the table of constraints: a cap on what a chiplet or a chiplet group may hold or serve. */
export interface Constraint {
  readonly name: CapName | "antiAffinity";
  readonly scope: Scope;
  readonly measure: Measure;
  /** Of every expert by itself; where tokens are measured, its tokens. Shape [numExperts]. */
  readonly weight: Float64Array;
  readonly cap: number;
  /** What is capped, and where, for people: "load" and "of a chiplet". */
  readonly quantity: string;
  readonly place: string;
  /** The experts of which no two may share a chiplet, where that is the constraint. */
  readonly apart?: readonly number[];
}

/** What constraints are about. A placement problem has it all. */
export interface Constrained {
  /** Shape [numExperts]. */
  readonly load: Float64Array;
  /** Shape [numExperts]. */
  readonly expertBytes: Float64Array;
  readonly limits: PlacementLimits;
  readonly antiAffinity: readonly (readonly number[])[];
}

/** What a layer has of everything in whose parts limits are asked for; what is unknown leaves its limits out. */
export interface LayerScale {
  /** Load of a chiplet if all had the same. */
  readonly meanLoad: number;
  readonly tokens: number | undefined;
}

type LimitRow = Pick<Constraint, "scope" | "measure" | "quantity" | "place"> & {
  readonly weightOf: (problem: Constrained) => Float64Array;
  /** How it is asked for; absent where nobody asks, because it follows from something else. */
  readonly asked?: AskedLimit;
};

/** How a limit is asked for. */
interface AskedLimit {
  readonly field: keyof RequestedLimits;
  /** Absent where it is a count. */
  readonly inPartsOf?: keyof LayerScale;
  /** One line, for files that hold it. */
  readonly summary: string;
}

const loadOf = ({ load }: Constrained) => load;

/** The limits, each once. */
const LIMITS: Readonly<Record<CapName, LimitRow>> = {
  chipletLoad: {
    scope: "chiplet",
    measure: "load",
    quantity: "load",
    place: "of a chiplet",
    weightOf: loadOf,
    asked: { field: "maxLoad", inPartsOf: "meanLoad", summary: "Largest load of a chiplet over the mean." },
  },
  groupLoad: {
    scope: "group",
    measure: "load",
    quantity: "load",
    place: "of a chiplet group",
    weightOf: loadOf,
  },
  groupBytes: {
    scope: "group",
    measure: "held",
    quantity: "bytes",
    place: "of a chiplet group",
    weightOf: ({ expertBytes }) => expertBytes,
  },
  groupExperts: {
    scope: "group",
    measure: "held",
    quantity: "number of experts",
    place: "in a chiplet group",
    weightOf: ({ load }) => new Float64Array(load.length).fill(1),
    asked: { field: "groupExperts", summary: "Most experts in a chiplet group, replicas included." },
  },
  chipletTokens: {
    scope: "chiplet",
    measure: "tokens",
    quantity: "tokens",
    place: "on the link of a chiplet",
    weightOf: loadOf,
    asked: {
      field: "chipletTokenShare",
      inPartsOf: "tokens",
      summary: "Largest share of tokens on a chiplet's link.",
    },
  },
  groupTokens: {
    scope: "group",
    measure: "tokens",
    quantity: "tokens",
    place: "on the link of a chiplet group",
    weightOf: loadOf,
    asked: {
      field: "groupTokenShare",
      inPartsOf: "tokens",
      summary: "Largest share of tokens on a chiplet group's link.",
    },
  },
};

const LIMIT_NAMES = Object.keys(LIMITS) as CapName[];

/** Limits that are asked for, those of the table first. */
export const ASKED_LIMITS: readonly AskedLimit[] = [
  ...LIMIT_NAMES.flatMap((name) => LIMITS[name].asked ?? []),
  { field: "groupsPerExpert", summary: "Fewest chiplet groups with a replica of each expert." },
];

/** The limits among what is asked, those that say nothing left out. */
export function requestedLimits(asked: RequestedLimits): { [Field in keyof RequestedLimits]?: number } {
  const given = ASKED_LIMITS.flatMap(({ field }) => {
    const value = asked[field];
    const isSilent =
      value === undefined || (field === "groupsPerExpert" && value === NO_LIMITS.groupsPerExpert);
    return isSilent ? [] : [[field, value] as const];
  });
  return Object.fromEntries(given);
}

/**
 * The limits of a layer that are asked for.
 *
 * @example
 * limitsOfLayer({ maxLoad: 1.3 }, { meanLoad: 100, tokens: 400 }); // { groupsPerExpert: 1, chipletLoad: 130 }
 */
export function limitsOfLayer(asked: RequestedLimits, scale: LayerScale): Partial<PlacementLimits> {
  const caps = LIMIT_NAMES.flatMap((name) => {
    const { field, inPartsOf } = LIMITS[name].asked ?? {};
    const part = field && asked[field];
    const whole = inPartsOf === undefined ? 1 : scale[inPartsOf];
    return part === undefined || whole === undefined ? [] : [[name, part * whole] as const];
  });
  return { groupsPerExpert: asked.groupsPerExpert ?? NO_LIMITS.groupsPerExpert, ...Object.fromEntries(caps) };
}

/**
 * The table of constraints of a problem: a row for every set of experts kept apart and for every limit that there is.
 *
 * Whoever searches, prices, models, repairs or explains loops over it, so that a new row is known to all of them. Slots and
 * pins are no rows: they are the shape of a placement. The verifier does not use it, on purpose.
 *
 * @example
 * const problem = createProblem(patterns, { numChiplets: 2, antiAffinity: [[0, 2]], limits: { chipletLoad: 6 } });
 * constraintsOf(problem).map(({ name, cap }) => `${name} <= ${cap}`); // ["antiAffinity <= 1", "chipletLoad <= 6"]
 */
export function constraintsOf(problem: Constrained): readonly Constraint[] {
  const apart = problem.antiAffinity.map((experts): Constraint => {
    const weight = new Float64Array(problem.load.length);
    for (const expert of experts) weight[expert] = 1;
    const what = { quantity: `experts of ${experts.join(", ")}`, place: "of a chiplet", apart: experts };
    return { name: "antiAffinity", scope: "chiplet", measure: "held", weight, cap: 1, ...what };
  });
  const limits = LIMIT_NAMES.filter((name) => problem.limits[name] < Infinity).map((name): Constraint => {
    const { scope, measure, quantity, place, weightOf } = LIMITS[name];
    return { name, scope, measure, quantity, place, weight: weightOf(problem), cap: problem.limits[name] };
  });
  return [...apart, ...limits];
}

/** Those of the caps that replicas cannot lower, because they are about what is held; no other limits. */
export function heldLimits(limits: PlacementLimits): PlacementLimits {
  return limitsWhere(limits, (row) => row.measure === "held");
}

/**
 * Why experts cannot each be in `limits.groupsPerExpert` chiplet groups, by counting alone; undefined proves nothing.
 *
 * @example
 * const resilient = createProblem(patterns, { numChiplets: 2, numGroups: 2, limits: { groupsPerExpert: 2 } });
 * separationConflict({ ...resilient, groupsPerExpert: 2 }); // "every expert must be in 2 chiplet groups, which takes 4 replicas, 0 are allowed: 4 too few"
 */
export function separationConflict({
  groupsPerExpert,
  numExperts,
  numReplicas,
  numChiplets,
  chipletsPerGroup,
}: {
  readonly groupsPerExpert: number;
  readonly numExperts: number;
  readonly numReplicas: number;
  readonly numChiplets: number;
  readonly chipletsPerGroup: number;
}): string | undefined {
  const numGroups = numChiplets / chipletsPerGroup;
  const needed = numExperts * (groupsPerExpert - 1);
  const must = `every expert must be in ${groupsPerExpert} chiplet groups`;
  if (numGroups < groupsPerExpert)
    return `${must}, there are ${numGroups}: ${groupsPerExpert - numGroups} too few`;
  if (numReplicas >= needed) return undefined;
  return `${must}, which takes ${needed} replicas, ${numReplicas} are allowed: ${needed - numReplicas} too few`;
}

/** Whether a measured value is above a cap by more than rounding. */
export function isAbove(found: number, cap: number): boolean {
  return found > cap * (1 + ROUNDING);
}

function limitsWhere(limits: PlacementLimits, applies: (row: LimitRow) => boolean): PlacementLimits {
  const kept = { ...NO_LIMITS };
  for (const name of LIMIT_NAMES) if (applies(LIMITS[name])) kept[name] = limits[name];
  return kept;
}
