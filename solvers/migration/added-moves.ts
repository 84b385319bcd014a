/**
 * Tells how many more experts a swap of two occupants takes away from where they run, -2 to 2.
 *
 * @param runningOn Chiplet of every expert in a running placement; occupants beyond are empty slots, which never move.
 *   Shape [numExperts].
 * @param chipletOf Chiplet of every occupant at hand. Shape [numOccupants].
 */
export function createAddedMoves(
  runningOn: Uint16Array,
  chipletOf: Uint16Array,
): (e: number, f: number) => number {
  const added = (occupant: number, to: number) =>
    occupant >= runningOn.length
      ? 0
      : Number(to !== runningOn[occupant]) - Number(chipletOf[occupant] !== runningOn[occupant]);
  return (e, f) => added(e, chipletOf[f]) + added(f, chipletOf[e]);
}
