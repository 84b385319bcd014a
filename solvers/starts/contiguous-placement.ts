/** Deals the experts to the chiplets in the order of their ids. @returns Chiplet of every expert. Shape [numExperts]. */
export function contiguousPlacement({
  numExperts,
  numChiplets,
}: {
  readonly numExperts: number;
  readonly numChiplets: number;
}): Uint16Array {
  return Uint16Array.from({ length: numExperts }, (_, expert) =>
    Math.floor((expert * numChiplets) / numExperts),
  );
}
