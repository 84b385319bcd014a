import { SUM_ROUNDING } from "../../lib/placement/tolerance.js";

/** A replica to be packed: `load` is its share of the expert's tokens. */
export interface Replica {
  readonly expert: number;
  readonly load: number;
}

/**
 * Gives replicas to the expert of largest load a replica, one by one.
 *
 * @param loads Tokens of every expert. Shape [numExperts].
 * @param options.numPlaced Replicas of all experts together, at least one each; fewer where experts are on all chiplets.
 * @param options.mostReplicas Most replicas of an expert.
 *
 * @example
 * replicateBusiest([8, 3], { numPlaced: 3, mostReplicas: 2 }).map(({ load }) => load); // [4, 4, 3]
 */
export function replicateBusiest(
  loads: readonly number[],
  { numPlaced, mostReplicas }: { numPlaced: number; mostReplicas: number },
): Replica[] {
  const counts = new Uint16Array(loads.length).fill(1);
  for (let made = loads.length; made < numPlaced; made++) {
    let busiest = -1;
    for (let expert = 0; expert < loads.length; expert++) {
      if (counts[expert] === mostReplicas) continue;
      if (busiest < 0 || loads[expert] / counts[expert] > loads[busiest] / counts[busiest]) busiest = expert;
    }
    if (busiest < 0) break;
    counts[busiest]++;
  }
  return loads.flatMap((load, expert) =>
    Array.from({ length: counts[expert] }, () => ({ expert, load: load / counts[expert] })),
  );
}

/**
 * Packs replicas heaviest first on the lightest chiplet with room, then swaps those of the heaviest chiplet while that
 * lowers it. Never two of an expert on a chiplet.
 *
 * Source: longest processing time first, Graham, SIAM Journal on Applied Mathematics 17 (1969).
 *
 * @returns Experts of every chiplet. Shape [numChiplets][].
 */
export function packReplicas(replicas: readonly Replica[], numChiplets: number, slots: number): number[][] {
  const packs = Array.from({ length: numChiplets }, (): Replica[] => []);
  const packLoads = new Float64Array(numChiplets);
  const heaviestFirst = replicas.toSorted((a, b) => b.load - a.load || a.expert - b.expert);
  for (const replica of heaviestFirst) {
    let lightest = -1;
    for (let pack = 0; pack < numChiplets; pack++) {
      if (packs[pack].length === slots || holds(packs[pack], replica.expert)) continue;
      if (lightest < 0 || packLoads[pack] < packLoads[lightest]) lightest = pack;
    }
    if (lightest < 0) lightest = makeRoom(packs, packLoads, { replica, slots });
    packs[lightest].push(replica);
    packLoads[lightest] += replica.load;
  }
  while (lowerHeaviest(packs, packLoads));
  return packs.map((pack) => pack.map(({ expert }) => expert));
}

/** Moves a replica out of a pack that does not hold the expert, into a pack with room that does. */
function makeRoom(
  packs: Replica[][],
  packLoads: Float64Array,
  { replica, slots }: { replica: Replica; slots: number },
): number {
  const open = packs.findIndex((pack) => pack.length < slots);
  for (const [from, pack] of packs.entries()) {
    if (holds(pack, replica.expert)) continue;
    const place = pack.findIndex(({ expert }) => !holds(packs[open], expert));
    if (place < 0) continue;
    const [moved] = pack.splice(place, 1);
    packs[open].push(moved);
    packLoads[open] += moved.load;
    packLoads[from] -= moved.load;
    return from;
  }
  throw new Error("an expert with fewer replicas than packs finds room");
}

/** Makes the best swap of a replica of the heaviest pack with one of another; false if none lowers the heaviest. */
function lowerHeaviest(packs: Replica[][], packLoads: Float64Array): boolean {
  let heaviest = 0;
  packLoads.forEach((load, pack) => {
    if (load > packLoads[heaviest]) heaviest = pack;
  });
  const peak = packLoads[heaviest];
  // Below this, a gain may be rounding, and swaps could go round in circles.
  let best = { peak: peak * (1 - SUM_ROUNDING), pack: -1, placeOut: 0, placeIn: 0 };
  packs.forEach((pack, index) => {
    if (index === heaviest) return;
    packs[heaviest].forEach((replica, placeOut) => {
      if (holds(pack, replica.expert)) return;
      pack.forEach((guest, placeIn) => {
        const shift = replica.load - guest.load;
        const nextPeak = Math.max(peak - shift, packLoads[index] + shift);
        if (nextPeak < best.peak && !holds(packs[heaviest], guest.expert)) {
          best = { peak: nextPeak, pack: index, placeOut, placeIn };
        }
      });
    });
  });
  if (best.pack < 0) return false;
  const [replica, guest] = [packs[heaviest][best.placeOut], packs[best.pack][best.placeIn]];
  packs[heaviest][best.placeOut] = guest;
  packs[best.pack][best.placeIn] = replica;
  packLoads[heaviest] -= replica.load - guest.load;
  packLoads[best.pack] += replica.load - guest.load;
  return true;
}

function holds(pack: readonly Replica[], expert: number): boolean {
  return pack.some((replica) => replica.expert === expert);
}
