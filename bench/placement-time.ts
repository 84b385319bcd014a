/** What `--objective time` and groups of even load are worth: makespans of layers on the paper's DeepSeek machine. */
import { findHardware } from "../lib/hardware/presets.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { poseLayer } from "../lib/flows/pose.js";
import type { Objective } from "../lib/placement/objective.js";
import type { Chiplets } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { verifyChiplets } from "../lib/placement/verify.js";
import { splitHoldout, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { scheduleLayer, STEP_CONFIGURATIONS } from "../lib/schedule/schedule-step.js";
import { collectPatterns } from "../lib/trace/token-patterns.js";
import type { LayerThreads } from "../solvers/threads/layer-threads.js";
import { regroupByLoad } from "../solvers/groups/balance-groups.js";
import { realTrace } from "./real-traces.js";
import { solverOf } from "./solver-of.js";
import { row } from "./table.js";

const WAFER = { numChiplets: 16, numGroups: 4 };
const LAYERS = [1, 9, 17, 26];
const RUNS = [STEP_CONFIGURATIONS.C, STEP_CONFIGURATIONS.chunked];

const hardware = findHardware("mozart-deepseek-calibrated");
const shape = findModelShape("deepseek-moe-16b");
if (!hardware || !shape) throw new Error("a preset is gone");
const machine = { hardware, shape };

/** Prints milliseconds of a layer under every placement, on the tokens learned from and on those held out. */
export async function timeTable(threads: LayerThreads): Promise<void> {
  console.log(
    `\n## Objective time: esft-dsv2lite-law, layers ${LAYERS.join(", ")}, ${hardware?.name}, ms of a layer's schedule\n`,
  );
  const trace = await realTrace("esft-dsv2lite-law");
  if (!trace) return;
  const { learn, heldOut } = splitHoldout(trace, 0.25);
  row("placement", "learned, as C", "learned, chunked", "held out, as C", "held out, chunked", "seconds");
  row("---", "---:", "---:", "---:", "---:", "---:");
  for (const name of ["contiguous", "mozart", "exact"]) {
    const placed = await place(learn, threads.inThread(solverOf(name)));
    print(name, placed);
    if (name !== "contiguous") {
      const chiplets = placed.problems.map((problem, index) =>
        regroupByLoad(problem, placed.chiplets[index]),
      );
      print(`${name}, groups by load`, { ...placed, chiplets });
    }
  }
  const time: Objective = { minimise: "time", machine };
  print("auto, --objective time", await place(learn, threads.inThread(solverOf("auto")), time));

  function print(name: string, { problems, chiplets, seconds }: Placed): void {
    chiplets.forEach((placement, index) => {
      const violations = verifyChiplets(problems[index], placement);
      if (violations.length > 0) throw new Error(`${name}: ${violations.join("; ")}`);
    });
    const times = [learn, heldOut].flatMap((tokens) => makespansMs(tokens, chiplets));
    row(name, ...times, seconds);
  }
}

interface Placed {
  readonly problems: readonly ReturnType<typeof poseLayer>[];
  readonly chiplets: readonly Chiplets[];
  readonly seconds: number;
}

async function place(learn: RoutingTrace, solver: Solver, objective?: Objective): Promise<Placed> {
  const begin = performance.now();
  const problems = chosen(learn).map((layer) =>
    poseLayer(learn, layer, { ...WAFER, ...(objective && { objective }) }),
  );
  const chiplets = await Promise.all(
    problems.map(async (problem) => {
      const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
      if (!("chiplets" in solution)) throw new Error(`${solver.name}: ${solution.status}`);
      return solution.chiplets;
    }),
  );
  return { problems, chiplets, seconds: (performance.now() - begin) / 1000 };
}

/** Mean over layers, under every run. */
function makespansMs(tokens: RoutingTrace, chiplets: readonly Chiplets[]): number[] {
  const traffic = chosen(tokens).map((layer, index) =>
    countTraffic(collectPatterns(layer, tokens), chiplets[index], machine.hardware),
  );
  return RUNS.map((configuration) => {
    const sumNs = traffic.reduce(
      (sum, layer) => sum + scheduleLayer(layer, { ...machine, configuration }).makespanNs,
      0,
    );
    return sumNs / traffic.length / 1e6;
  });
}

function chosen({ layers }: RoutingTrace) {
  return layers.filter(({ layer }) => LAYERS.includes(layer));
}
