/**
 * `npm run bench:models`: what placing whole models costs by default, on the GPUs that serve them: seconds of one processor and
 * the most memory.
 *
 * 20,000 seeded synthetic tokens a layer, one layer after another in one thread; every placement is verified before its figures are
 * printed. `-- --layers N` places the first so many layers alone, `--models kimi-k3` these, `--objective traffic` by copies.
 */
import { parseArgs } from "node:util";
import { placeTrace } from "../lib/flows/place.js";
import { timeOfPlacement } from "../lib/flows/step-time.js";
import { poseFor } from "../lib/flows/pose.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { machine as machineNamed } from "../program/machine.js";
import { requireSolver } from "../solvers/index.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { forgetPeak, peakBytes } from "./peak-memory.js";
import { row } from "./table.js";

const MODELS = [
  { model: "deepseek-v3", numGpus: 32 },
  { model: "kimi-k3", numGpus: 64 },
] as const;
const TOKENS = 20_000;

const { values } = parseArgs({
  options: {
    layers: { type: "string", default: "Infinity" },
    models: { type: "string", default: MODELS.map(({ model }) => model).join(",") },
    objective: { type: "string", default: "time" },
  },
});
const objective = values.objective === "traffic" ? "traffic" : "time";

console.log(`By ${objective}, h100-8x8, prefill, ${TOKENS} tokens a layer.\n`);
row("model", "GPUs", "layers", "processor seconds", "a layer", "most memory, MB", "step against contiguous");
row("---", "---:", "---:", "---:", "---:", "---:", "---:");
for (const { model, numGpus } of MODELS) {
  if (!values.models.split(",").includes(model)) continue;
  const machine = await machineNamed("h100-8x8", { model, numChiplets: numGpus });
  const layers = Math.min(Number(values.layers), machine.shape.numMoeLayers);
  const trace = synthesizeTrace({ preset: model, tokens: TOKENS, layers, seed: 1 });
  const place = async (solver: string) => {
    const placed = await placeTrace(trace, {
      posing: poseFor(trace, machine, { objective }),
      solver: requireSolver(solver),
      solverOptions: DEFAULT_SOLVER_OPTIONS,
      concurrency: 1,
    });
    if (placed.status !== "placed") throw new Error(`${model}: ${placed.status}`);
    return placed.placement;
  };
  forgetPeak();
  const before = process.cpuUsage();
  const own = await place("auto");
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  const peakMb = peakBytes() / 1e6;
  const ns = timeOfPlacement(trace, own, machine);
  const change = ns / timeOfPlacement(trace, await place("contiguous"), machine) - 1;
  row(
    model,
    String(numGpus),
    String(layers),
    seconds.toFixed(0),
    (seconds / layers).toFixed(1),
    peakMb.toFixed(0),
    `${(100 * change).toFixed(1)} %`,
  );
}
