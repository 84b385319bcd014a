import type { ComparedSolver } from "../../lib/flows/compare.js";
import { evaluatePlacement } from "../../lib/flows/evaluate.js";
import { withChiplets, type Hardware } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { reportPage } from "../../lib/report/report-page.js";
import { splitHoldout } from "../../lib/trace/routing-trace.js";
import { place } from "../../program/place.js";
import { synthesizeTrace } from "../../traces/synthetic.js";

/** What a sample page shows. */
export interface SampleOptions {
  readonly model: string;
  readonly hardware: string;
  readonly layers: number;
  readonly tokens: number;
  readonly numChiplets?: number;
}

/** A page of a seeded trace and fast solvers: the same bytes every time. */
export async function samplePage({ model, layers, tokens, ...options }: SampleOptions): Promise<string> {
  const trace = synthesizeTrace({ preset: model, layers, tokens });
  const { learn, heldOut } = splitHoldout(trace, 0.25);
  const found = findHardware(options.hardware)!;
  const { numChiplets } = options;
  const hardware: Hardware = numChiplets === undefined ? found : withChiplets(found, { numChiplets });
  const machine = { hardware, shape: findModelShape(model)! };
  const { chipletsPerGroup } = hardware;
  const solvers: ComparedSolver[] = [];
  for (const name of ["contiguous", "mozart", "eplb-global"]) {
    const outcome = await place(learn, { machine, solver: name });
    if (outcome.status !== "placed") throw new Error(`${name} found no placement`);
    const { placement } = outcome;
    const bounds = new Map(learn.layers.map(({ layer }) => [layer, { bound: 1 }]));
    const learned = evaluatePlacement(learn, placement, { chipletsPerGroup, machine, bounds });
    const judged = evaluatePlacement(heldOut, placement, { chipletsPerGroup, machine });
    solvers.push({ name, answer: { status: "placed", placement, learned, heldOut: judged }, seconds: 1 });
  }
  const judgedOn = [{ task: "law", tokenReplication: 3, loadMaxOverMean: 1.2 }, { task: "code", tokenReplication: 4, loadMaxOverMean: 1.5 }]; // prettier-ignore
  return reportPage({
    ...machine,
    solvers,
    trace: learn,
    heldOut,
    objective: "time",
    facts: [`${model}: ${layers} layers`, hardware.name, "a step"],
    frontier: [
      { maxLoad: Infinity, tokenReplication: 3.9, loadMaxOverMean: 2, isProved: true },
      { maxLoad: 1.2, tokenReplication: 4.4, loadMaxOverMean: 1.2, isProved: true },
    ],
    tasks: {
      solver: "mozart",
      rows: [
        { learnedOn: "law", judgedOn },
        { learnedOn: "code", judgedOn },
      ],
    },
    making: {
      version: "0.0.0",
      command: `moeplace compare ${"a-long-folder/".repeat(12)}trace.jsonl.gz --report page.html`,
      seed: 1,
      inputs: [{ name: "trace.jsonl.gz", sha256: "0".repeat(64) }],
      options: { objective: "time" },
    },
  });
}
