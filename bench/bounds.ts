/**
 * `npm run bench:bounds`: proved gaps of `auto` and `exact` at 8 slots, real and synthetic, from 64 to 384 experts.
 *
 * Whole traces, default budgets, one layer after another; of synthetic traces four layers, by `exact`, which takes up to a minute
 * each, the first layer alone. Processor seconds, because a machine may have other work. Shapes may be named as arguments: law,
 * qwen3, deepseek, kimi; solvers too: auto, exact. `--layers N` takes the first N layers, `--exact-layers N` by `exact`, `--seed N` other
 * synthetic traces.
 */
import { parseArgs } from "node:util";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../lib/placement/solver.js";
import { poseLayer } from "../lib/flows/pose.js";
import { mean } from "../lib/statistics.js";
import type { RoutingTrace } from "../lib/trace/routing-trace.js";
import { auto } from "../solvers/auto.js";
import { exact } from "../solvers/exact.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { realTrace } from "./real-traces.js";
import { row } from "./table.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    layers: { type: "string", default: "100" },
    "exact-layers": { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
  },
});

const synthetic = (preset: string, tokens?: number) => () =>
  Promise.resolve(synthesizeTrace({ preset, seed: Number(values.seed), layers: 4, tokens }));
const shapes: Record<string, { numChiplets: number; trace: () => Promise<RoutingTrace | undefined> }> = {
  law: { numChiplets: 8, trace: () => realTrace("esft-dsv2lite-law") },
  qwen3: { numChiplets: 16, trace: synthetic("qwen3-30b-a3b") },
  deepseek: { numChiplets: 32, trace: synthetic("deepseek-v3", 20_000) },
  kimi: { numChiplets: 48, trace: synthetic("kimi-k2", 20_000) },
};

console.log("\n## Proved gaps at 8 slots, whole traces\n");
console.log(
  "| trace | solver | layers | mean C_T | mean bound | mean gap | worst gap | proved optimal | seconds a layer | worst |",
);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const [name, { numChiplets, trace: read }] of Object.entries(shapes)) {
  if (positionals.some((word) => word in shapes) && !positionals.includes(name)) continue;
  const trace = await read();
  if (!trace) continue;
  for (const solver of [auto, exact]) {
    if (positionals.some((word) => !(word in shapes)) && !positionals.includes(solver.name)) continue;
    await boundsRow(name, trace, { solver, numChiplets });
  }
}

async function boundsRow(
  name: string,
  trace: RoutingTrace,
  { solver, numChiplets }: { solver: Solver; numChiplets: number },
): Promise<void> {
  const layers = [];
  const most = Number(solver === exact ? values["exact-layers"] : values.layers);
  for (const layer of trace.layers.slice(0, most)) {
    const before = process.cpuUsage();
    const answer = await solver.solve(poseLayer(trace, layer, { numChiplets }), DEFAULT_SOLVER_OPTIONS);
    const { user, system } = process.cpuUsage(before);
    if (!("chiplets" in answer)) throw new Error(`layer ${layer.layer}: ${answer.status}`);
    const { cost, bound = 1, status } = answer;
    layers.push({ cost, bound, gap: cost / bound - 1, status, seconds: (user + system) / 1e6 });
  }
  const gaps = layers.map(({ gap }) => gap);
  const seconds = layers.map((layer) => layer.seconds);
  row(
    name,
    solver.name,
    String(layers.length),
    mean(layers.map(({ cost }) => cost)).toFixed(4),
    mean(layers.map(({ bound }) => bound)).toFixed(4),
    ...[mean(gaps), Math.max(...gaps)].map((gap) => `${(100 * gap).toFixed(2)} %`),
    String(layers.filter(({ status }) => status === "optimal").length),
    mean(seconds).toFixed(1),
    Math.max(...seconds).toFixed(1),
  );
}
