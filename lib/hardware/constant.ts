/**
 * How far a number can be believed: `printed` in the paper it models, `measured` or derived from measurements,
 * `data sheet` of a product, `spec target` of a standard, `derived` from other numbers by the arithmetic its source
 * states, `assumed` here, `fitted` to a published result, or `given` by the user.
 */
export type Trust =
  "printed" | "measured" | "data sheet" | "spec target" | "derived" | "assumed" | "fitted" | "given";

/** A number of a machine, with where it comes from. */
export interface Constant {
  readonly value: number;
  readonly source: string;
  readonly trust: Trust;
}

/** The same with a source for every number. */
export type Sourced<T> = {
  readonly [K in keyof T]: T[K] extends number | undefined ? Constant : Sourced<T[K]>;
};

export function isConstant(value: unknown): value is Constant {
  return typeof value === "object" && value !== null && "value" in value && "trust" in value;
}

/** Marks numbers of a data sheet. */
export const sheet = (value: number, source: string): Constant => ({ value, source, trust: "data sheet" });

/** Marks numbers that nobody measured. */
export const assumed = (value: number, source: string): Constant => ({ value, source, trust: "assumed" });

/**
 * Gives every number the same source and trust, to any depth.
 *
 * @example
 * sourced({ floorNs: 5 }, "a bench", "fitted").floorNs; // { value: 5, source: "a bench", trust: "fitted" }
 */
export function sourced<T extends object>(numbers: T, source: string, trust: Trust): Sourced<T> {
  const constants = Object.entries(numbers).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === "number" ? { value, source, trust } : sourced(value as object, source, trust),
  ]);
  return Object.fromEntries(constants) as Sourced<T>;
}

/**
 * The numbers without their sources, as the functions that make times take them.
 *
 * @example
 * plainNumbers({ floorNs: { value: 5, source: "a bench", trust: "fitted" } }); // { floorNs: 5 }
 */
export function plainNumbers<T extends object>(constants: Sourced<T>): T {
  const plain = Object.entries(constants as unknown as Record<string, unknown>).map(([name, value]) => [
    name,
    isConstant(value) ? value.value : plainNumbers<object>(value as Sourced<object>),
  ]);
  return Object.fromEntries(plain) as T;
}
