import { InputError } from "../index.js";
import { layerCosts, replicaCounts, replicaRoom, spendReplicas, type LayerCurve } from "../doors/flows.js";
import { formatLayers } from "../doors/placement.js";
import { requireSolver } from "../doors/solvers.js";
import { splitParts } from "../doors/traces.js";
import { aimAt, type AimOptions } from "./engine-option.js";
import type { LoadedRouting } from "./load-trace.js";
import { openPlacer } from "./placer.js";
import { withoutCheckpoint } from "./solve-options.js";
import type { Terminal } from "./terminal.js";

/** Tells what replicas are worth to a layer without the search that places it at last. */
const QUICK_SOLVER = "eplb-global";

/** A budget of replicas, and what layers got of it. */
export interface SpentBudget {
  readonly budget: number;
  /** What costs are: time, or the largest load of a chiplet where no time is known. */
  readonly costIn: "ns" | "load";
  readonly layers: readonly (LayerCurve & { readonly numReplicas: number })[];
}

/** How a budget was spent, or why there is no room for it. */
export type BudgetOutcome = SpentBudget | { readonly reason: string };

/**
 * Gives replicas to the layers where they gain most, by placing every layer quickly with every number of them worth trying.
 *
 * @throws InputError if replicas or slots are asked for, too, or an engine has as many slots in every layer.
 */
export async function spendBudget(
  routing: LoadedRouting,
  asked: AimOptions & { readonly replicaBudget: number },
  terminal: Terminal,
): Promise<BudgetOutcome> {
  const { replicaBudget: budget, replicas, slots, slotsPerChiplet } = asked;
  if (replicas !== undefined || slots !== undefined || slotsPerChiplet !== undefined) {
    throw new InputError("--replica-budget: found replicas or slots too, expected the budget alone");
  }
  const parts = routing.kind === "loads" ? [routing.loads] : routing.parts;
  const learn = routing.kind === "loads" ? routing.loads : splitParts(routing.parts, asked.holdout).learn;
  const silent: Terminal = { ...terminal, note: () => undefined, noteOnce: () => undefined };
  const { machine } = await aimAt(learn, { ...asked, layerReplicas: new Map() }, silent);
  const { hardware, shape } = machine;
  const room = shape ? replicaRoom({ ...machine, shape }) : Infinity;
  if (budget > room) {
    return {
      reason: `${budget} replicas over all layers are more than the ${room} that the memories have room for`,
    };
  }
  const costsOf = new Map(learn.layers.map(({ layer }) => [layer, new Map<number, number>()]));
  for (const count of replicaCounts(learn.numExperts, { hardware })) {
    // An engine may need more, to fill the slots of every rank.
    const { options } = await aimAt(learn, { ...asked, replicas: count }, silent);
    const { replicas: numReplicas, dispatch } = options;
    const layerReplicas = new Map(learn.layers.map(({ layer }) => [layer, numReplicas]));
    const solver = requireSolver(QUICK_SOLVER);
    const quick = { ...withoutCheckpoint(asked), ...(dispatch && { dispatch }), layerReplicas };
    const placer = await openPlacer(machine, quick, { parts, solvers: [solver], terminal: silent });
    const outcome = await placer.place(learn, solver).finally(() => placer.close());
    if (outcome.status !== "placed") continue;
    for (const [layer, cost] of layerCosts(learn, outcome.placement, machine)) {
      costsOf.get(layer)?.set(numReplicas, cost);
    }
  }
  const curves = Array.from(costsOf, ([layer, costs]) => ({
    layer,
    points: Array.from(costs, ([numReplicas, cost]) => ({ numReplicas, cost })),
  }));
  const replicasOf = spendReplicas(curves, budget);
  if (replicasOf === undefined) {
    const least = curves.reduce((sum, { points }) => sum + points[0].numReplicas, 0);
    return {
      reason: `${budget} replicas over all layers are fewer than the ${least} that fill the slots of every rank`,
    };
  }
  return {
    budget,
    costIn: shape && routing.kind !== "loads" ? "ns" : "load",
    layers: curves.map((curve) => ({ ...curve, numReplicas: replicasOf.get(curve.layer) ?? 0 })),
  };
}

/** Replicas by layer, as placing takes them. */
export function replicasOfLayers({ layers }: SpentBudget): ReadonlyMap<number, number> {
  return new Map(layers.map(({ layer, numReplicas }) => [layer, numReplicas]));
}

/** The budget for people: how much of it was given, and to which layers. */
export function describeBudget({ budget, layers }: SpentBudget): string {
  const spent = layers.reduce((sum, { numReplicas }) => sum + numReplicas, 0);
  const counts = [...new Set(layers.map(({ numReplicas }) => numReplicas))].sort((a, b) => b - a);
  const shares = counts.map((count) => {
    const given = layers.filter(({ numReplicas }) => numReplicas === count).map(({ layer }) => layer);
    return `${count} each to layers ${formatLayers(given)}`;
  });
  return `replica budget: ${spent} of ${budget} given, ${shares.join("; ")}`;
}
