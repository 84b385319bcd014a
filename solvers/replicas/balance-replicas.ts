/** Options of {@link balanceReplicas}. */
export interface BalanceOptions {
  /** Copies of all experts together, at least one each. */
  readonly numReplicasOfAll: number;
  readonly numChiplets: number;
  /** Room on every chiplet; default the copies spread evenly. */
  readonly slotsPerChiplet?: number;
  /** Sets of consecutive experts that stay on one chiplet group; a multiple of it. Default 1. */
  readonly numExpertGroups?: number;
  /** Divides numChiplets. Default 1. */
  readonly numChipletGroups?: number;
}

/** An expert's copy to be seated: `load` is its share of the expert's tokens. */
interface Copy {
  readonly item: number;
  readonly load: number;
}

/**
 * Copies the busiest experts and spreads all copies so that the largest load of a chiplet is least.
 *
 * Tokens of an expert are spread evenly over its copies. Copies go to the expert of largest load a copy, one by one,
 * which is optimal for the largest load of a copy; copies are seated heaviest first on the lightest chiplet with room,
 * and then swapped with those of the heaviest chiplet while that lowers it. Never two copies on one chiplet.
 * Time O(copies * chiplets) and O(copies * slots) a swap.
 *
 * @param load Tokens of every expert. Shape [numExperts].
 * @returns Experts of every chiplet, ascending.
 *
 * @example
 * balanceReplicas([8, 4, 3, 1], { numReplicasOfAll: 6, numChiplets: 2 }); // [[0, 1, 2], [0, 1, 3]]
 */
export function balanceReplicas(load: ArrayLike<number>, options: BalanceOptions): number[][] {
  const { numReplicasOfAll, numChiplets, numExpertGroups = 1, numChipletGroups = 1 } = options;
  const perGroup = numChiplets / numChipletGroups;
  const slots = options.slotsPerChiplet ?? Math.ceil(numReplicasOfAll / numChiplets);
  const groups = expertsByChipletGroup(load, numExpertGroups, numChipletGroups);
  return groups.flatMap((experts, group) => {
    // Spare copies that do not divide go to the first groups.
    const spare = numReplicasOfAll - load.length;
    const ofGroup = Math.floor(spare / numChipletGroups) + (group < spare % numChipletGroups ? 1 : 0);
    const loads = experts.map((expert) => load[expert]);
    const copies = replicateBusiest(loads, { numReplicasOfAll: loads.length + ofGroup, maxCopies: perGroup });
    return spreadEvenly(copies, perGroup, slots).map((items) =>
      items.map((item) => experts[item]).sort((one, other) => one - other),
    );
  });
}

function expertsByChipletGroup(
  load: ArrayLike<number>,
  numExpertGroups: number,
  numChipletGroups: number,
): number[][] {
  const size = load.length / numExpertGroups;
  const expertGroups = Array.from({ length: numExpertGroups }, (_, group) =>
    Array.from({ length: size }, (__, index) => group * size + index),
  );
  const groupLoads = expertGroups.map((experts, item) => ({
    item,
    load: experts.reduce((sum, expert) => sum + load[expert], 0),
  }));
  return spreadEvenly(groupLoads, numChipletGroups, numExpertGroups / numChipletGroups).map((groups) =>
    groups.flatMap((group) => expertGroups[group]),
  );
}

function replicateBusiest(
  loads: readonly number[],
  { numReplicasOfAll, maxCopies }: { numReplicasOfAll: number; maxCopies: number },
): Copy[] {
  const copies = new Uint16Array(loads.length).fill(1);
  for (let made = loads.length; made < numReplicasOfAll; made++) {
    let busiest = -1;
    for (let item = 0; item < loads.length; item++) {
      if (copies[item] === maxCopies) continue;
      if (busiest < 0 || loads[item] / copies[item] > loads[busiest] / copies[busiest]) busiest = item;
    }
    if (busiest < 0) break;
    copies[busiest]++;
  }
  return loads.flatMap((load, item) =>
    Array.from({ length: copies[item] }, () => ({ item, load: load / copies[item] })),
  );
}

/** Spreads copies over packs of at most `room`, none twice in a pack. Shape [numPacks][]. */
function spreadEvenly(copies: readonly Copy[], numPacks: number, room: number): number[][] {
  const packs = Array.from({ length: numPacks }, (): Copy[] => []);
  const packLoads = new Float64Array(numPacks);
  const heaviestFirst = copies.toSorted((one, other) => other.load - one.load || one.item - other.item);
  for (const copy of heaviestFirst) {
    let lightest = -1;
    for (let pack = 0; pack < numPacks; pack++) {
      if (packs[pack].length === room || holds(packs[pack], copy.item)) continue;
      if (lightest < 0 || packLoads[pack] < packLoads[lightest]) lightest = pack;
    }
    if (lightest < 0) lightest = makeRoom(packs, packLoads, { copy, room });
    packs[lightest].push(copy);
    packLoads[lightest] += copy.load;
  }
  while (lowerHeaviest(packs, packLoads));
  return packs.map((pack) => pack.map(({ item }) => item));
}

/** Moves a copy out of a pack that does not hold the item, into a pack with room that does. */
function makeRoom(
  packs: Copy[][],
  packLoads: Float64Array,
  { copy, room }: { copy: Copy; room: number },
): number {
  const open = packs.findIndex((pack) => pack.length < room);
  for (const [from, pack] of packs.entries()) {
    if (holds(pack, copy.item)) continue;
    const place = pack.findIndex(({ item }) => !holds(packs[open], item));
    if (place < 0) continue;
    const [moved] = pack.splice(place, 1);
    packs[open].push(moved);
    packLoads[open] += moved.load;
    packLoads[from] -= moved.load;
    return from;
  }
  throw new Error("an item with fewer copies than packs finds room");
}

/** Makes the best swap of a copy of the heaviest pack with one of another; false if none lowers the heaviest. */
function lowerHeaviest(packs: Copy[][], packLoads: Float64Array): boolean {
  let heaviest = 0;
  packLoads.forEach((load, pack) => {
    if (load > packLoads[heaviest]) heaviest = pack;
  });
  const peak = packLoads[heaviest];
  // Below this, a gain may be rounding, and swaps could go round in circles.
  let best = { peak: peak * (1 - 1e-9), pack: -1, place: 0, other: 0 };
  packs.forEach((pack, index) => {
    if (index === heaviest) return;
    packs[heaviest].forEach((copy, place) => {
      if (holds(pack, copy.item)) return;
      pack.forEach((guest, other) => {
        const shift = copy.load - guest.load;
        const nextPeak = Math.max(peak - shift, packLoads[index] + shift);
        if (nextPeak < best.peak && !holds(packs[heaviest], guest.item)) {
          best = { peak: nextPeak, pack: index, place, other };
        }
      });
    });
  });
  if (best.pack < 0) return false;
  const [copy, guest] = [packs[heaviest][best.place], packs[best.pack][best.other]];
  packs[heaviest][best.place] = guest;
  packs[best.pack][best.other] = copy;
  packLoads[heaviest] -= copy.load - guest.load;
  packLoads[best.pack] += copy.load - guest.load;
  return true;
}

function holds(pack: readonly Copy[], item: number): boolean {
  return pack.some((copy) => copy.item === item);
}
