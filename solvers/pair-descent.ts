import type { Random } from "../lib/random.js";

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
  for (let improved = true; improved;) {
    improved = false;
    for (let seatA = 0; seatA < numOccupants; seatA++) {
      const a = Math.floor(seatA / slots);
      for (let seatB = (a + 1) * slots; seatB < numOccupants; seatB++) {
        const b = Math.floor(seatB / slots);
        const e = seats[seatA];
        const f = seats[seatB];
        const rowE = e * numChiplets;
        const rowF = f * numChiplets;
        const gain =
          attraction[rowE + b] -
          attraction[rowE + a] +
          attraction[rowF + a] -
          attraction[rowF + b] -
          2 * weights[e * numOccupants + f];
        if (gain <= 1e-9) continue;
        improved = true;
        seats[seatA] = f;
        seats[seatB] = e;
        for (let other = 0; other < numOccupants; other++) {
          const shift = weights[other * numOccupants + f] - weights[other * numOccupants + e];
          attraction[other * numChiplets + a] += shift;
          attraction[other * numChiplets + b] -= shift;
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

/** Co-activation of every occupant with every chiplet. Shape [numOccupants, numChiplets], row-major. */
function attractions(weights: Float64Array, seats: Uint16Array, slots: number): Float64Array {
  const numOccupants = seats.length;
  const numChiplets = numOccupants / slots;
  const attraction = new Float64Array(numOccupants * numChiplets);
  for (let occupant = 0; occupant < numOccupants; occupant++) {
    seats.forEach((other, seat) => {
      attraction[occupant * numChiplets + Math.floor(seat / slots)] +=
        weights[occupant * numOccupants + other];
    });
  }
  return attraction;
}
