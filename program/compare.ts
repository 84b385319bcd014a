import { compareSolvers, type ComparedSolver, type ComparisonRow } from "../lib/flows/compare.js";
import { splitHoldout, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { solvers as allSolvers } from "../solvers/index.js";
import { evaluate } from "./evaluate.js";
import { place, type PlaceOptions } from "./place.js";

/** Options of {@link compare}. */
export interface CompareOptions extends Omit<PlaceOptions, "solver"> {
  /** Names of solvers; default all but auto, which answers as one of the others. */
  readonly solvers?: readonly string[];
  /** Share of the tokens, at the end, to judge on and not to learn from; default 0.25, 0 for none. */
  readonly holdout?: number;
}

/**
 * Places a trace by one solver after the other and puts them side by side, in the order named.
 *
 * @throws InputError as {@link place} does.
 *
 * @example
 * const target = await machine("mozart-deepseek", { model: "deepseek-moe-16b" });
 * const rows = await compare(trace, { machine: target, solvers: ["contiguous", "louvain"] });
 * rows.map(({ heldOut }) => heldOut.tokenReplication); // [5.344, 3.918]
 */
export async function compare(trace: RoutingTrace, options: CompareOptions): Promise<ComparisonRow[]> {
  const { solvers = defaultSolvers(), holdout = 0.25, ...asked } = options;
  const { learn, heldOut } = holdout === 0 ? { learn: trace } : splitHoldout(trace, holdout);
  const compared: ComparedSolver[] = [];
  for (const name of solvers) {
    const begin = performance.now();
    const outcome = await place(learn, { ...asked, solver: name });
    const seconds = (performance.now() - begin) / 1000;
    const answer: ComparedSolver["answer"] =
      outcome.status === "placed"
        ? {
            status: "placed",
            placement: outcome.placement,
            learned: evaluate(learn, outcome.placement, options.machine),
            ...(heldOut && { heldOut: evaluate(heldOut, outcome.placement, options.machine) }),
          }
        : {
            status: outcome.status,
            reason: `layer ${outcome.layer}: ${"reason" in outcome ? outcome.reason : "stopped before anything was found"}`,
          };
    compared.push({ name, answer, seconds });
  }
  return compareSolvers(compared);
}

function defaultSolvers(): string[] {
  return allSolvers.filter(({ kind }) => kind !== "portfolio").map(({ name }) => name);
}
