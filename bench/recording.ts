/**
 * `npm run bench:recording`: how many tokens are enough, on the public traces of MOEPLACE_TRACES.
 *
 * The last quarter of every trace is judged on. Placements are learned from the first tokens of the rest by local search,
 * seed 1, on 16 chiplets in 4 groups (mozart-deepseek; 4 chiplets for the 8 experts of Mixtral), in three layers of each trace: the first, the middle one and the
 * last. Regret is what C_T held out is above that of the placement learned from all tokens there are. Times are those of a
 * modelled train step of these layers, where the sizes of the model are known.
 */
import { findHardware } from "../lib/hardware/presets.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { createWorkload } from "../lib/performance/workload.js";
import { evaluatePlacement } from "../lib/flows/evaluate.js";
import { placeTrace } from "../lib/flows/place.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { splitHoldout, type RoutingTrace } from "../lib/trace/routing-trace.js";
import { realTrace } from "./real-traces.js";
import { solverOf } from "./solver-of.js";
import { row } from "./table.js";

const TRACES = [
  ["esft-dsv2lite-law", "deepseek-v2-lite"],
  ["gptoss20b-fingerprint", "gpt-oss-20b"],
  ["mixtral8x7b-coding", "mixtral-8x7b"],
  ["qwen15moe-5l-weiran", undefined],
] as const;
const TOKENS = [128, 256, 512, 1024, 2048, 4096, 8192, 16384, Infinity];
const NUM_GROUPS = 4;

for (const [name, model] of TRACES) {
  const trace = await realTrace(name);
  if (trace !== undefined) await curveOf(name, someLayers(trace), model);
}

async function curveOf(name: string, trace: RoutingTrace, model: string | undefined): Promise<void> {
  // Mixtral has fewer experts than the machine has chiplets, and one a chiplet is no choice.
  const numChiplets = Math.min(16, trace.numExperts / 2);
  const { learn, heldOut } = splitHoldout(trace, 0.25);
  const most = Math.min(...learn.layers.map(({ numTokens }) => numTokens));
  const lengths = [...TOKENS.filter((tokens) => tokens < most), most];
  const points: { tokens: number; held: number; learned: number; load: number; ms: number | undefined }[] =
    [];
  for (const tokens of lengths) {
    const part = firstTokens(learn, tokens);
    const outcome = await placeTrace(part, {
      posing: { numChiplets, numGroups: NUM_GROUPS },
      solver: solverOf("local-search"),
      solverOptions: DEFAULT_SOLVER_OPTIONS,
    });
    if (outcome.status !== "placed") throw new Error(outcome.status);
    const options = { chipletsPerGroup: numChiplets / NUM_GROUPS, ...machineOf(model) };
    const { mean, step } = evaluatePlacement(heldOut, outcome.placement, options);
    const learned = evaluatePlacement(part, outcome.placement, options).mean.tokenReplication;
    points.push({
      tokens,
      learned,
      held: mean.tokenReplication,
      load: mean.loadMaxOverMean,
      ms: step && step.stepNs / 1e6,
    });
  }
  const best = points[points.length - 1].held;
  console.log(
    `\n## ${name}: ${heldOut.layers[0].numTokens} tokens of a layer held out, ${numChiplets} chiplets\n`,
  );
  row("tokens learned from", "C_T learned", "C_T held out", "regret, %", "max/mean held out", "step, ms");
  row("---:", "---:", "---:", "---:", "---:", "---:");
  for (const { tokens, learned, held, load, ms } of points) {
    row(
      String(tokens),
      learned.toFixed(3),
      held.toFixed(3),
      100 * (held / best - 1),
      load,
      ms?.toFixed(2) ?? "",
    );
  }
}

/** The first, the middle and the last layer. */
function someLayers(trace: RoutingTrace): RoutingTrace {
  const { length } = trace.layers;
  const chosen = new Set([0, Math.floor(length / 2), length - 1]);
  return { ...trace, layers: trace.layers.filter((_, index) => chosen.has(index)) };
}

function firstTokens(trace: RoutingTrace, most: number): RoutingTrace {
  const layers = trace.layers.map(({ layer, numTokens, experts }) => {
    const kept = Math.min(most, numTokens);
    return { layer, numTokens: kept, experts: experts.subarray(0, kept * trace.topK) };
  });
  return { ...trace, layers };
}

function machineOf(model: string | undefined): object {
  const hardware = findHardware("mozart-deepseek");
  const shape = model === undefined ? undefined : findModelShape(model);
  if (hardware === undefined || shape === undefined) return {};
  return { machine: { hardware, shape, workload: createWorkload({ hardware, shape }, { phase: "train" }) } };
}
