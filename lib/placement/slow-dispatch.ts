import { chooseBySource, ruleOf, type ReplicaChiplets, type DispatchModel } from "./dispatch.js";

/** One way in which a token can be served: which chiplet, or which of several evenly, serves each expert. */
export interface WayToServe {
  /** Share of the tokens that go this way; the ways of a token add up to 1. */
  readonly share: number;
  readonly servedOn: ReadonlyMap<number, readonly number[]>;
}

/**
 * Makes what lists the ways in which a token is served, straight from the definition of {@link DispatchModel}.
 *
 * For the verifier: it tries everything, and shares no code with the count that solvers use.
 *
 * @param shape Chiplets that tokens start on, in groups.
 * @returns From the experts of a token to its ways.
 */
export function waysToServe(
  chipletsOf: ReplicaChiplets,
  dispatch: DispatchModel,
  shape: { numChiplets: number; chipletsPerGroup: number },
): (members: readonly number[]) => WayToServe[] {
  const rule = ruleOf(dispatch);
  if (rule === "nearest") return (members) => nearestWays(members, chipletsOf);
  if (rule === "uniform") return (members) => uniformWays(members, chipletsOf);
  const choice = chooseBySource(dispatch, chipletsOf, shape);
  return (members) => waysBySource(members, choice, { ...shape, numExperts: chipletsOf.length });
}

/** Sources whose tokens are served alike go one way together. */
function waysBySource(
  members: readonly number[],
  choice: Int32Array,
  { numChiplets, numExperts }: { numChiplets: number; numExperts: number },
): WayToServe[] {
  const sourcesOf = new Map<string, number[]>();
  for (let source = 0; source < numChiplets; source++) {
    const key = members.map((expert) => choice[source * numExperts + expert]).join();
    sourcesOf.set(key, [...(sourcesOf.get(key) ?? []), source]);
  }
  return [...sourcesOf.values()].map((sources) => ({
    share: sources.length / numChiplets,
    servedOn: new Map(members.map((expert) => [expert, [choice[sources[0] * numExperts + expert]]])),
  }));
}

function uniformWays(members: readonly number[], chipletsOf: ReplicaChiplets): WayToServe[] {
  let ways: WayToServe[] = [{ share: 1, servedOn: new Map() }];
  for (const expert of members) {
    ways = ways.flatMap(({ share, servedOn }) =>
      chipletsOf[expert].map((chiplet) => ({
        share: share / chipletsOf[expert].length,
        servedOn: new Map(servedOn).set(expert, [chiplet]),
      })),
    );
  }
  return ways;
}

function nearestWays(members: readonly number[], chipletsOf: ReplicaChiplets): WayToServe[] {
  const singles = members.filter((expert) => chipletsOf[expert].length === 1);
  const visited = new Set(singles.map((expert) => chipletsOf[expert][0]));
  const servedOn = new Map<number, number[]>();
  const away: number[] = [];
  for (const expert of members) {
    const there = chipletsOf[expert].filter((chiplet) => visited.has(chiplet));
    if (there.length > 0) servedOn.set(expert, there);
    else away.push(expert);
  }
  const candidates = [...new Set(away.flatMap((expert) => chipletsOf[expert]))];
  const holdsAll = (set: readonly number[]) =>
    away.every((expert) => chipletsOf[expert].some((chiplet) => set.includes(chiplet)));
  for (let size = 0; ; size++) {
    const sets = subsets(candidates, size).filter(holdsAll);
    if (sets.length === 0) continue;
    return sets.map((set) => {
      const here = new Map<number, readonly number[]>(servedOn);
      for (const expert of away) {
        here.set(
          expert,
          chipletsOf[expert].filter((chiplet) => set.includes(chiplet)),
        );
      }
      return { share: 1 / sets.length, servedOn: here };
    });
  }
}

function subsets(items: readonly number[], size: number): number[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) =>
    subsets(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]),
  );
}
