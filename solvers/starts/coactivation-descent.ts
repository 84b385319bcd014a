import { DUAL_ROUNDING } from "../../lib/placement/tolerance.js";
import type { Random } from "../../lib/random.js";

/**
 * Swaps experts for as long as that puts more co-activation inside chiplets; a cheap stand-in for C_T.
 *
 * The co-activation kept on one chiplet is within about a percent of the real metric and ten to fifty times cheaper
 * to search on, so it is where searches begin. Time O(numOccupants^2) a sweep, O(numOccupants) a swap.
 *
 * @param pairs Tokens that chose both experts. Shape [numExperts, numExperts], row-major, symmetric, diagonal 0.
 * @param occupants Occupants of each chiplet, reordered in place; ids from numExperts on fill empty slots.
 *   Shape [numChiplets, slots], row-major.
 */
export function descendOnPairs(pairs: Float64Array, occupants: Uint16Array, slots: number): void {
  const numOccupants = occupants.length;
  const numChiplets = numOccupants / slots;
  const numExperts = Math.sqrt(pairs.length);
  // Flat copies with room for empty slots keep the innermost loop free of branches.
  const weights = new Float64Array(numOccupants * numOccupants);
  for (let expert = 0; expert < numExperts; expert++) {
    weights.set(pairs.subarray(expert * numExperts, (expert + 1) * numExperts), expert * numOccupants);
  }
  const attraction = attractions(weights, occupants, slots);
  const changedIn = new Int32Array(numChiplets);
  /** The most that an occupant of each chiplet gains by coming to the one at hand, as of so many changes. */
  const mostOf = new Float64Array(numChiplets);
  const mostAsOf = new Int32Array(numChiplets);
  let changes = 0;
  for (let sweep = 1, improved = true; improved; sweep++) {
    improved = false;
    for (let slotA = 0; slotA < numOccupants; slotA++) {
      const a = Math.floor(slotA / slots);
      if (slotA % slots === 0) changes++;
      for (let b = a + 1; b < numChiplets; b++) {
        // The gain of a swap depends on its two chiplets alone: it is known unless a chiplet changed since the last sweep.
        if (Math.max(changedIn[a], changedIn[b]) < sweep - 1) continue;
        const rowA = a * numOccupants;
        const rowB = b * numOccupants;
        if (mostAsOf[b] !== changes) {
          mostAsOf[b] = changes;
          mostOf[b] = -Infinity;
          for (let slotB = b * slots; slotB < (b + 1) * slots; slotB++) {
            const f = occupants[slotB];
            mostOf[b] = Math.max(mostOf[b], attraction[rowA + f] - attraction[rowB + f]);
          }
        }
        // What two have in common only lowers a gain, and is looked up in a table too large for caches.
        const ofE = attraction[rowB + occupants[slotA]] - attraction[rowA + occupants[slotA]];
        if (ofE + mostOf[b] <= DUAL_ROUNDING) continue;
        for (let slotB = b * slots; slotB < (b + 1) * slots; slotB++) {
          const e = occupants[slotA];
          const f = occupants[slotB];
          const gain =
            attraction[rowB + e] -
            attraction[rowA + e] +
            attraction[rowA + f] -
            attraction[rowB + f] -
            2 * weights[e * numOccupants + f];
          if (gain <= DUAL_ROUNDING) continue;
          improved = true;
          changes++;
          changedIn[a] = sweep;
          changedIn[b] = sweep;
          occupants[slotA] = f;
          occupants[slotB] = e;
          for (let peer = 0; peer < numOccupants; peer++) {
            const shift = weights[f * numOccupants + peer] - weights[e * numOccupants + peer];
            attraction[rowA + peer] += shift;
            attraction[rowB + peer] -= shift;
          }
        }
      }
    }
  }
}

/**
 * Deals the experts to chiplets at random and descends on pairs.
 *
 * @returns Chiplet of every expert. Shape [numExperts].
 */
export function randomPairDescent(
  pairs: Float64Array,
  { numChiplets, slots, random }: { numChiplets: number; slots: number; random: Random },
): Uint16Array {
  const occupants = random.shuffle(
    Uint16Array.from({ length: numChiplets * slots }, (_, occupant) => occupant),
  );
  descendOnPairs(pairs, occupants, slots);
  const chipletOf = new Uint16Array(Math.sqrt(pairs.length));
  occupants.forEach((occupant, slot) => {
    if (occupant < chipletOf.length) chipletOf[occupant] = Math.floor(slot / slots);
  });
  return chipletOf;
}

/** Co-activation of every chiplet with every occupant. Shape [numChiplets, numOccupants], row-major. */
function attractions(weights: Float64Array, occupants: Uint16Array, slots: number): Float64Array {
  const numOccupants = occupants.length;
  const attraction = new Float64Array((numOccupants / slots) * numOccupants);
  for (let slot = 0; slot < numOccupants; slot++) {
    const row = Math.floor(slot / slots) * numOccupants;
    const weightsOf = occupants[slot] * numOccupants;
    for (let peer = 0; peer < numOccupants; peer++) {
      attraction[row + peer] += weights[weightsOf + peer];
    }
  }
  return attraction;
}
