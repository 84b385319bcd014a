import fc from "fast-check";
import type { Chiplets, Placement } from "../lib/placement/placement.js";

/** Which placements {@link placements} makes. */
export interface PlacementKind {
  /** Experts on several chiplets, or not. Default true. */
  replicas?: boolean;
  /** Every chiplet full. Default true. */
  equalSlots?: boolean;
  maxLayers?: number;
}

/** Sound placements of consecutive layers from `firstLayer` on, with lists in ascending order. */
export function placements({
  replicas = true,
  equalSlots = true,
  maxLayers = 4,
}: PlacementKind = {}): fc.Arbitrary<Placement> {
  const shapes = fc.record({
    numChiplets: fc.integer({ min: 1, max: 6 }),
    slots: fc.integer({ min: 1, max: 5 }),
    spare: replicas || !equalSlots ? fc.integer({ min: 0, max: 6 }) : fc.constant(0),
    firstLayer: fc.integer({ min: 0, max: 3 }),
    numLayers: fc.integer({ min: 1, max: maxLayers }),
  });
  return shapes.chain(({ numChiplets, slots, spare, firstLayer, numLayers }) => {
    const numSlots = numChiplets * slots;
    // A chiplet cannot hold more copies than there are experts; and no chiplet stays empty.
    const numExperts = Math.max(slots, numChiplets, numSlots - spare);
    const orders = fc.array(fc.array(fc.nat(), { minLength: numSlots, maxLength: numSlots }), {
      minLength: numLayers,
      maxLength: numLayers,
    });
    return orders.map((keys): Placement => ({
      model: undefined,
      numExperts,
      numChiplets,
      layers: keys.map((order, index) => ({
        layer: firstLayer + index,
        chiplets: dealByKeys(order, { numExperts, numChiplets, slots, replicas, equalSlots }),
      })),
    }));
  });
}

/** Two sound placements of the same experts on the same chiplets, as a migration leads from one to the other. */
export function placementPairs({
  replicas,
  numChiplets,
}: {
  replicas: boolean;
  numChiplets?: number;
}): fc.Arbitrary<{
  from: Chiplets;
  to: Chiplets;
  slotsPerChiplet: number;
}> {
  const shapes = fc.record({
    numChiplets: numChiplets === undefined ? fc.integer({ min: 1, max: 6 }) : fc.constant(numChiplets),
    slots: fc.integer({ min: 1, max: 4 }),
    spare: fc.integer({ min: 0, max: 3 }),
  });
  return shapes.chain(({ numChiplets: width, slots, spare }) => {
    const numExperts = Math.max(slots, width, width * slots - spare);
    const keys = fc.array(fc.nat(), { minLength: width * slots, maxLength: width * slots });
    const shape = { numExperts, numChiplets: width, slots, replicas, equalSlots: false };
    return fc.tuple(keys, keys).map(([fromKeys, toKeys]) => ({
      from: dealByKeys(fromKeys, shape),
      to: dealByKeys(toKeys, shape),
      slotsPerChiplet: slots,
    }));
  });
}

/** Deals the experts in the order of the keys, then replicas into the slots that are left. */
function dealByKeys(
  keys: number[],
  shape: { numExperts: number; numChiplets: number; slots: number; replicas: boolean; equalSlots: boolean },
): number[][] {
  const { numExperts, numChiplets, slots, replicas, equalSlots } = shape;
  const experts = Array.from({ length: numExperts }, (_, expert) => expert);
  experts.sort((a, b) => keys[a] - keys[b] || a - b);
  const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
  experts.forEach((expert, index) => chiplets[index % numChiplets].push(expert));
  if (replicas) {
    for (const chiplet of chiplets) {
      for (const expert of experts) {
        const isFull = chiplet.length === slots || (!equalSlots && keys[expert] % 3 === 0);
        if (!isFull && !chiplet.includes(expert)) chiplet.push(expert);
      }
    }
  }
  return chiplets.map((held) => held.sort((a, b) => a - b));
}
