import type { DispatchModel } from "../lib/placement/dispatch.js";
import type { PlacementProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { poseLayer } from "../lib/flows/pose.js";
import { largest, mean, smallest } from "../lib/statistics.js";
import { exact } from "../solvers/exact.js";
import { replicate, type ReplicateOptions } from "../solvers/replicas/replicate.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { CLUSTER, measure } from "./replica-measures.js";
import { row } from "./table.js";

/** A layer of synthetic deepseek-v3 with 288 slots on 32 ranks of 4 servers. */
function poseSynthetic(dispatch: DispatchModel, maxLoad: number): PlacementProblem {
  const trace = synthesizeTrace({ preset: "deepseek-v3", layers: 1 });
  return poseLayer(trace, trace.layers[0], { ...CLUSTER, numGroups: 4, dispatch, maxLoad });
}

async function solveReplicas(problem: PlacementProblem, options: Partial<ReplicateOptions>) {
  const begin = process.cpuUsage();
  const solution = await replicate(problem, { ...DEFAULT_SOLVER_OPTIONS, ...options });
  const { user, system } = process.cpuUsage(begin);
  if (!("chiplets" in solution)) throw new Error(solution.status);
  const violations = verifyChiplets(problem, solution.chiplets);
  if (violations.length > 0) throw new Error(violations[0]);
  const { load } = measure(problem, solution.chiplets);
  return { ...solution, peak: load, seconds: (user + system) / 1e6 };
}

/** What of {@link modelsTable} is asked for. */
interface ModelsOptions {
  /** Dispatch models; all that differ for none. */
  readonly named: readonly string[];
  /** Whether bounds are those that `exact` proves in minutes, rather than those of `auto`. */
  readonly byExact: boolean;
}

/** Every dispatch model that serving engines have: spread over seeds, against ten times the budget, with the bound. */
export async function modelsTable({ named, byExact }: ModelsOptions): Promise<void> {
  const SEEDS = 3;
  console.log(
    `\n## Dispatch models of engines: synthetic deepseek-v3, 1 layer, 288 slots, 32 ranks, cap 1.05, seeds 1 to ${SEEDS}\n`,
  );
  console.log(
    "| dispatch | C_T | worst above best | max/mean | processor seconds | C_T of ten times the budget | above it | proved bound | gap | seconds of the bound |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  const percent = (part: number) => `${(100 * part).toFixed(2)} %`;
  const models = ["uniform", "sglang-static", "vllm-ascend", "nearest"] as const;
  const asked = models.filter((model) => named.includes(model));
  for (const dispatch of asked.length > 0 ? asked : models) {
    const problem = poseSynthetic(dispatch, 1.05);
    const found = [];
    for (let seed = 1; seed <= SEEDS; seed++) found.push(await solveReplicas(problem, { seed }));
    const proved = await solveReplicas(problem, { proves: true, ...(byExact && { boundBy: exact }) });
    const long = await solveReplicas(problem, { effort: 10 });
    const costs = found.map(({ cost }) => cost);
    const cost = mean(costs);
    const bound = proved.bound ?? 1;
    row(
      dispatch,
      cost.toFixed(4),
      percent(largest(costs) / smallest(costs) - 1),
      largest(found.map(({ peak }) => peak)).toFixed(3),
      mean(found.map(({ seconds }) => seconds)).toFixed(1),
      long.cost.toFixed(4),
      percent(cost / long.cost - 1),
      bound.toFixed(3),
      `${(100 * (1 - bound / cost)).toFixed(1)} %`,
      Math.max(0, proved.seconds - found[0].seconds).toFixed(1),
    );
  }
}

/** One cap after the other, each on its own. */
export async function capsTable(): Promise<void> {
  console.log("\n## A laxer cap is never worse: the same layer, each cap on its own\n");
  console.log("| dispatch | cap | C_T | max/mean | processor seconds |\n| --- | ---: | ---: | ---: | ---: |");
  for (const dispatch of ["uniform", "sglang-static", "nearest"] as const) {
    for (const maxLoad of [1.03, 1.05, 1.07, 1.1, 1.2, 1.4]) {
      const found = await solveReplicas(poseSynthetic(dispatch, maxLoad), {});
      row(
        dispatch,
        maxLoad.toFixed(2),
        found.cost.toFixed(4),
        found.peak.toFixed(3),
        found.seconds.toFixed(1),
      );
    }
  }
}
