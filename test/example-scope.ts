import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { exportPlacement } from "../lib/export/export-placement.js";
import { vllm } from "../lib/export/vllm.js";
import { plainNumbers } from "../lib/hardware/constant.js";
import { findHardware } from "../lib/hardware/presets.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { formatPlacement } from "../lib/placement/placement-file.js";
import { createProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { countTraffic } from "../lib/placement/traffic.js";
import { collectPatterns } from "../lib/trace/token-patterns.js";
import { listSchedule } from "../lib/task-graph/list-schedule.js";
import { TaskGraphBuilder } from "../lib/task-graph/task-graph.js";
import { contiguous } from "../solvers/contiguous.js";
import { requireSolver } from "../solvers/index.js";
import { writeJsonLines } from "../traces/formats/json-lines.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { patternsOf } from "./solvers/arbitrary-problem.js";

/** What examples may name without making it; files that they name are in a folder of their own. */
export interface ExampleScope {
  readonly values: Readonly<Record<string, unknown>>;
  close(): void;
}

/** Two layers of a synthetic trace of 64 experts, four tokens of four experts, and what follows from either. */
export async function openExampleScope(): Promise<ExampleScope> {
  const folder = mkdtempSync(join(tmpdir(), "moeplace-examples-"));
  const trace = synthesizeTrace({ preset: "deepseek-moe-16b", seed: 1, tokens: 1000, layers: 2 });
  const layers = trace.layers.map((layer) => ({
    layer: layer.layer,
    chiplets: Array.from({ length: 16 }, (_, chiplet) => [0, 1, 2, 3].map((slot) => 4 * chiplet + slot)),
  }));
  const placement = { model: trace.model, numExperts: 64, numChiplets: 16, chipletsPerGroup: 4, layers };
  const tokens = [[0, 1], [0, 1], [0, 1], [1, 2]]; // prettier-ignore
  const patterns = patternsOf(tokens, 4);
  const problem = createProblem(patterns, { numChiplets: 2 });
  const chiplets = [[0, 1], [2, 3]]; // prettier-ignore
  const builder = new TaskGraphBuilder();
  const dram = builder.resource("DRAM");
  const load = builder.task({ kind: "weights", resource: dram, durationNs: 10 });
  const chiplet = builder.resource("chiplet");
  const compute = builder.task({ kind: "experts", resource: chiplet, durationNs: 10 });
  builder.after(compute, load);
  const graph = builder.build();
  const traceText = [...writeJsonLines(trace)].join("");
  for (const name of ["law", "intent"]) writeFileSync(join(folder, `${name}.jsonl.gz`), gzipSync(traceText));
  writeFileSync(join(folder, "p.json"), formatPlacement(placement));
  const { data } = await exportPlacement(placement, vllm, {
    numHiddenLayers: 3,
    firstMoeLayer: 1,
  });
  writeFileSync(join(folder, "map.json"), data);
  // Examples read and write by names alone.
  const back = process.cwd();
  process.chdir(folder);
  return {
    values: {
      trace,
      placement,
      patterns,
      problem,
      chiplets,
      graph,
      schedule: listSchedule(graph),
      traffic: countTraffic(collectPatterns(trace.layers[0], trace), layers[0].chiplets, {
        chipletsPerGroup: 4,
      }),
      hardware: findHardware("mozart-deepseek"),
      shape: findModelShape("deepseek-moe-16b"),
      kernels: plainNumbers(findHardware("h200-8x8")!.kernels!),
      solver: requireSolver("local-search"),
      options: { posing: { numChiplets: 16 }, solver: contiguous, solverOptions: DEFAULT_SOLVER_OPTIONS },
      readFile,
      writeFile,
    },
    close() {
      process.chdir(back);
      rmSync(folder, { recursive: true });
    },
  };
}
