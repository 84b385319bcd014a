import { serveLeastLoaded } from "../lib/placement/least-loaded.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../lib/placement/solver.js";
import { placeTrace } from "../lib/flows/place.js";
import { poseLayer, type PosingOptions } from "../lib/flows/pose.js";
import { splitHoldout, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { realTrace } from "./real-traces.js";
import { fixedMeans, maxOverMean, measure } from "./replica-measures.js";
import { solverOf } from "./solver-of.js";
import { row } from "./table.js";

/** Token copies that a dispatcher with detours gives for one copy less on a chiplet of twice the mean load. */
const DETOUR = 4;

/** Options of {@link frontierTable}. */
interface FrontierOptions {
  /** Caps on the load, in parts of the mean. */
  readonly caps: readonly number[];
  /** Runs a solver in another thread. */
  readonly inThread: (solver: Solver) => Solver;
}

/**
 * gpt-oss with 8 replicas: C_T against load, learned and held out, by nearest dispatch, and by a dispatcher that watches
 * loads: among copies as near it takes the least loaded, and with detours it goes further to spare an overloaded one.
 */
export async function frontierTable({ caps, inThread }: FrontierOptions): Promise<void> {
  console.log("\n## Frontier: gptoss20b-fingerprint on 8 chiplets of 5 slots, first 75 % learned\n");
  const trace = await realTrace("gptoss20b-fingerprint");
  if (!trace) return;
  const { learn, heldOut } = splitHoldout(trace, 0.25);
  console.log(
    "| replicas | cap | C_T learned | max/mean | C_T held out | max/mean | watched: C_T held out | max/mean | with detours: C_T held out | max/mean | seconds |",
  );
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  const optimum = await frontierPoint({ learn, heldOut }, { numChiplets: 8 }, inThread(solverOf("exact")));
  row("0", "none", ...optimum);
  for (const maxLoad of caps) {
    const posing = { numChiplets: 8, numReplicas: 8, maxLoad };
    row(
      "8",
      maxLoad.toFixed(2),
      ...(await frontierPoint({ learn, heldOut }, posing, inThread(solverOf("local-search")))),
    );
  }
}

async function frontierPoint(
  { learn, heldOut }: { learn: RoutingTrace; heldOut: RoutingTrace },
  posing: PosingOptions,
  solver: Solver,
): Promise<string[]> {
  const begin = performance.now();
  const outcome = await placeTrace(learn, { posing, solver, solverOptions: DEFAULT_SOLVER_OPTIONS });
  if (outcome.status !== "placed") return [outcome.status];
  const seconds = (performance.now() - begin) / 1000;
  const { layers } = outcome.placement;
  const measureOn = (trace: RoutingTrace) =>
    layers.map(({ chiplets }, index) => measure(poseLayer(trace, trace.layers[index], posing), chiplets));
  const watchedAt = (copiesPerOverload: number) =>
    layers.map(({ chiplets }, index) => {
      const options = { ...heldOut, copiesPerOverload };
      const { tokenReplication, chipletLoad } = serveLeastLoaded(heldOut.layers[index], chiplets, options);
      return { replication: tokenReplication, load: maxOverMean(chipletLoad) };
    });
  return [
    ...fixedMeans(measureOn(learn)),
    ...fixedMeans(measureOn(heldOut)),
    ...fixedMeans(watchedAt(0)),
    ...fixedMeans(watchedAt(DETOUR)),
    seconds.toFixed(0),
  ];
}
