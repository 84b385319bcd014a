/** What the numbers of experts and chiplets have to keep, because an engine or a router goes by them. */
export interface Numbering {
  /** Groups of consecutive experts among which the router chooses first, to be kept whole side by side; 1 for none. */
  readonly routerGroups: number;
  /** Whether the first chiplets hold one expert more than the others where experts do not divide, and no other numbers. */
  readonly evenSlots: boolean;
}

/** A {@link Numbering} as it is asked for; what is left out keeps nothing. */
export type AskedNumbering = { readonly [Field in keyof Numbering]?: Numbering[Field] | undefined };

/** The numbering among what is asked; 1 router group and no even slots by default. */
export function numberingOf({ routerGroups = 1, evenSlots = false }: AskedNumbering): Numbering {
  return { routerGroups, evenSlots };
}

/** The numbering among what is asked, what keeps nothing left out. */
export function requestedNumbering(asked: AskedNumbering): Partial<Numbering> {
  const { routerGroups, evenSlots } = numberingOf(asked);
  return { ...(routerGroups > 1 && { routerGroups }), ...(evenSlots && { evenSlots }) };
}

/**
 * Whether chiplets of the same contents under other numbers would be another placement.
 *
 * @example
 * fixesNumbers({ routerGroups: 1, evenSlots: true, numExperts: 60, numChiplets: 16 }); // true: the first 12 hold 4, the others 3
 */
export function fixesNumbers({
  routerGroups,
  evenSlots,
  numExperts,
  numChiplets,
}: Numbering & { readonly numExperts: number; readonly numChiplets: number }): boolean {
  return routerGroups > 1 || (evenSlots && numExperts % numChiplets > 0);
}
