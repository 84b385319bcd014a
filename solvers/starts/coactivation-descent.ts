import type { Random } from "../../lib/random.js";

/**
 * Swaps experts for as long as that puts more co-activation inside chiplets; a cheap stand-in for C_T.
 *
 * The co-activation kept on one chiplet is within about a percent of the real metric and ten to fifty times cheaper
 * to search on, so it is where searches begin. Time O(numOccupants^2) a sweep, O(numOccupants) a swap.
 *
 * @param pairs Tokens that chose both experts. Shape [numExperts, numExperts], row-major, symmetric, diagonal 0.
 * @param seats Occupants of each chiplet, reordered in place; ids from numExperts on are empty seats.
 *   Shape [numChiplets, slots], row-major.
 */
export function descendOnPairs(pairs: Float64Array, seats: Uint16Array, slots: number): void {
  const numOccupants = seats.length;
  const numChiplets = numOccupants / slots;
  const numExperts = Math.sqrt(pairs.length);
  // Flat copies with room for the empty seats keep the innermost loop free of branches.
  const weights = new Float64Array(numOccupants * numOccupants);
  for (let one = 0; one < numExperts; one++) {
    weights.set(pairs.subarray(one * numExperts, (one + 1) * numExperts), one * numOccupants);
  }
  const attraction = attractions(weights, seats, slots);
  const changedIn = new Int32Array(numChiplets);
  for (let sweep = 1, improved = true; improved; sweep++) {
    improved = false;
    for (let slotA = 0; slotA < numOccupants; slotA++) {
      const a = Math.floor(slotA / slots);
      for (let b = a + 1; b < numChiplets; b++) {
        // The gain of a swap depends on its two chiplets alone: it is known unless one changed since the last look.
        if (Math.max(changedIn[a], changedIn[b]) < sweep - 1) continue;
        const rowA = a * numOccupants;
        const rowB = b * numOccupants;
        for (let slotB = b * slots; slotB < (b + 1) * slots; slotB++) {
          const e = seats[slotA];
          const f = seats[slotB];
          const gain =
            attraction[rowB + e] -
            attraction[rowA + e] +
            attraction[rowA + f] -
            attraction[rowB + f] -
            2 * weights[e * numOccupants + f];
          if (gain <= 1e-9) continue;
          improved = true;
          changedIn[a] = sweep;
          changedIn[b] = sweep;
          seats[slotA] = f;
          seats[slotB] = e;
          for (let other = 0; other < numOccupants; other++) {
            const shift = weights[f * numOccupants + other] - weights[e * numOccupants + other];
            attraction[rowA + other] += shift;
            attraction[rowB + other] -= shift;
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
  const seats = random.shuffle(Uint16Array.from({ length: numChiplets * slots }, (_, occupant) => occupant));
  descendOnPairs(pairs, seats, slots);
  const chipletOf = new Uint16Array(Math.sqrt(pairs.length));
  seats.forEach((occupant, seat) => {
    if (occupant < chipletOf.length) chipletOf[occupant] = Math.floor(seat / slots);
  });
  return chipletOf;
}

/** Co-activation of every chiplet with every occupant. Shape [numChiplets, numOccupants], row-major. */
function attractions(weights: Float64Array, seats: Uint16Array, slots: number): Float64Array {
  const numOccupants = seats.length;
  const attraction = new Float64Array((numOccupants / slots) * numOccupants);
  for (let seat = 0; seat < numOccupants; seat++) {
    const row = Math.floor(seat / slots) * numOccupants;
    const seated = seats[seat] * numOccupants;
    for (let occupant = 0; occupant < numOccupants; occupant++) {
      attraction[row + occupant] += weights[seated + occupant];
    }
  }
  return attraction;
}
