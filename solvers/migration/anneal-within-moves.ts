import type { MigrationBudget } from "../../lib/placement/migration.js";
import { chipletOfExperts, type Chiplets } from "../../lib/placement/placement.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import type { Random } from "../../lib/random.js";
import { annealTime, TIME_ANNEALING } from "../objectives/anneal-time.js";
import type { createAdmissibility, Swap, SwapTraffic } from "../objectives/swap-traffic.js";

/** Options of {@link annealWithinMoves}. */
export interface AnnealWithinMovesOptions extends MigrationBudget {
  /** Time of a layer with such traffic, in ns; called for every move that is tried. */
  readonly estimate: (traffic: LayerTraffic) => number;
  /** Whether the placement at hand keeps pins and limits after some swaps, as starts do; undefined where there are none. */
  readonly respects: ReturnType<typeof createAdmissibility>;
  readonly random: Random;
  /** When to stop, on the clock of `performance.now()`. */
  readonly deadline: number;
}

/** Moves tried from each start, at each temperature. */
const ANNEALING_MOVES = 1000;
/**
 * Temperatures to begin at, as parts of the time at hand: few moves leave small valleys, out of which only a hot search
 * finds, and many leave wide ones, in which only a cool one comes to the ground.
 */
const HOT = [2e-2, TIME_ANNEALING.hot];
/** Placements that are handed on: the estimate may mistake which of them is the fastest. */
const MOST_KEPT = 12;
/** Share of the moves that take an expert back to where it runs and another one away instead, where moves are left. */
const EXCHANGES = 0.3;

/**
 * Lowers the estimated time of placements within some moves of a running one by simulated annealing.
 *
 * Where the moves allowed are used up, no swap takes another expert away: it is drawn together with one that takes an expert back.
 *
 * @param starts Within the moves allowed, without replicas.
 * @returns Those of least estimated time that were met, all different, the best first.
 */
export function annealWithinMoves(
  state: SwapTraffic,
  starts: readonly Chiplets[],
  { running, maxMoves, estimate, respects, random, deadline }: AnnealWithinMovesOptions,
): Chiplets[] {
  const { expertOf, slots } = state;
  const runningOn = chipletOfExperts(running, running.flat().length);
  const isAway = (slot: number) =>
    expertOf[slot] >= 0 && runningOn[expertOf[slot]] !== Math.floor(slot / slots);
  const away = () => [...expertOf.keys()].filter(isAway);
  const isAllowed = (swaps: readonly Swap[]) => away().length <= maxMoves && respects?.(swaps) !== false;
  const kept = keepBest(MOST_KEPT);
  const draw = (): Swap[] | undefined => {
    const first = drawSwap(state, random);
    const room = maxMoves - away().length;
    if (room > 1 && random.next() >= EXCHANGES) return first && [first];
    const back = drawReturn(state, { away: away(), runningOn, random });
    if (!back || !first) return first ? [first] : undefined;
    return [back, first];
  };
  const anneal = (start: Chiplets, hot: number) => {
    annealTime(state, start, {
      estimate(traffic) {
        const ns = estimate(traffic);
        kept.offer(ns, () => state.chiplets());
        return ns;
      },
      isAllowed,
      draw,
      maxMoves: ANNEALING_MOVES,
      random,
      deadline,
      annealing: { ...TIME_ANNEALING, hot },
    });
  };
  for (const start of starts) for (const hot of HOT) anneal(start, hot);
  return kept.list();
}

function drawSwap({ expertOf, slots }: SwapTraffic, random: Random): Swap | undefined {
  const [a, b] = [random.below(expertOf.length), random.below(expertOf.length)];
  return Math.floor(a / slots) === Math.floor(b / slots) || expertOf[a] === expertOf[b]
    ? undefined
    : { of: "slots", a, b };
}

/** A swap that takes an expert back to where it runs, and no other one away; undefined where none is away. */
function drawReturn(
  { expertOf, slots }: SwapTraffic,
  {
    away,
    runningOn,
    random,
  }: { readonly away: readonly number[]; readonly runningOn: Uint16Array; readonly random: Random },
): Swap | undefined {
  if (away.length === 0) return undefined;
  const slot = away[random.below(away.length)];
  const origin = runningOn[expertOf[slot]];
  const open = Array.from({ length: slots }, (_, place) => origin * slots + place).filter(
    (other) => expertOf[other] < 0 || away.includes(other),
  );
  return open.length > 0 ? { of: "slots", a: slot, b: open[random.below(open.length)] } : undefined;
}

/** Keeps the different placements of least time. */
function keepBest(most: number) {
  const best: { readonly ns: number; readonly key: string; readonly chiplets: Chiplets }[] = [];
  return {
    offer(ns: number, read: () => Chiplets) {
      if (best.length === most && ns >= best[most - 1].ns) return;
      const chiplets = read();
      const key = chiplets.join(";");
      if (best.some((known) => known.key === key)) return;
      best.push({ ns, key, chiplets });
      best.sort((a, b) => a.ns - b.ns);
      best.splice(most);
    },
    list: () => best.map(({ chiplets }) => chiplets),
  };
}
