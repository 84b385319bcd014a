import type { Chiplets } from "../../lib/placement/placement.js";
import { meanChipletLoad } from "../../lib/placement/problem.js";
import { SHARE_ROUNDING } from "../../lib/placement/tolerance.js";

/** What is known where replicas are added. */
export interface ReplicaShape {
  readonly numExperts: number;
  readonly numChiplets: number;
  readonly slotsPerChiplet: number;
  /** Replicas asked for beyond one of every expert. */
  readonly numReplicas: number;
  /** Tokens that chose each expert. Shape [numExperts]. */
  readonly load: Float64Array;
}

/**
 * Gives a placement the replicas that it lacks of those asked for: always one more of the expert whose replicas are
 * busiest, on the least busy chiplet that has room and lacks it.
 *
 * @param isSound Whether a placement breaks no constraint.
 * @returns The placement as it was where it lacks none, or what would be filled breaks a constraint.
 */
export function fillReplicas(
  shape: ReplicaShape,
  chiplets: Chiplets,
  isSound: (chiplets: Chiplets) => boolean,
): Chiplets {
  const { numExperts, numReplicas, slotsPerChiplet, load } = shape;
  const counts = new Uint32Array(numExperts);
  for (const experts of chiplets) for (const expert of experts) counts[expert]++;
  let missing = numExperts + numReplicas - chiplets.flat().length;
  if (missing <= 0) return chiplets;
  const filled = chiplets.map((experts) => [...experts]);
  // An idle expert may be replicated too, where all that are busy are everywhere.
  const least = meanChipletLoad(shape) * SHARE_ROUNDING;
  const share = (expert: number) => (load[expert] + least) / counts[expert];
  const busyness = (experts: readonly number[]) => experts.reduce((sum, expert) => sum + share(expert), 0);
  const tried = new Set<number>();
  while (missing > 0 && tried.size < numExperts) {
    let busiest = -1;
    for (let expert = 0; expert < numExperts; expert++) {
      if (!tried.has(expert) && (busiest < 0 || share(expert) > share(busiest))) busiest = expert;
    }
    const open = filled
      .filter((experts) => experts.length < slotsPerChiplet && !experts.includes(busiest))
      .sort((a, b) => busyness(a) - busyness(b));
    const taker = open.find((experts) => {
      experts.push(busiest);
      const isKept = isSound(filled);
      if (!isKept) experts.pop();
      return isKept;
    });
    if (taker) {
      counts[busiest]++;
      missing--;
    } else tried.add(busiest);
  }
  return filled.map((experts) => experts.sort((a, b) => a - b));
}
