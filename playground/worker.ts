/** The library in a worker of the page: reads what is dropped, places it, and tells of it on the way. */
import { InputError } from "../lib/errors.js";
import { chooseObjective } from "../lib/flows/choose-objective.js";
import type { Evaluation } from "../lib/flows/evaluate.js";
import { judge } from "../lib/flows/judge.js";
import { describeFailure, placeTrace } from "../lib/flows/place.js";
import { isRoutingTrace, poseFor, type PlacementRequest } from "../lib/flows/pose.js";
import { provenanceOf, recordPlacement } from "../lib/flows/provenance.js";
import { withChiplets } from "../lib/hardware/hardware.js";
import { findModelShape } from "../lib/hardware/model-shapes.js";
import { findHardware, hardwarePresets } from "../lib/hardware/presets.js";
import { createWorkload } from "../lib/performance/workload.js";
import { formatPlacement } from "../lib/placement/placement-file.js";
import type { Chiplets } from "../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { unknownName } from "../lib/unknown-name.js";
import { loadsOf } from "../lib/trace/load-trace.js";
import { requireSolver } from "../solvers/index.js";
import { readRouting, type ReadRouting } from "../traces/read-trace.js";
import { synthesizeTrace } from "../traces/synthetic.js";
import { setFiles } from "./node/files.js";

/** What the page asks for. */
type Request =
  | { readonly type: "files"; readonly files: readonly { name: string; bytes: Uint8Array }[] }
  | { readonly type: "sample" }
  | ({ readonly type: "place" } & PlaceRequest);

interface PlaceRequest {
  readonly hardware: string;
  readonly objective: "time" | "traffic" | "load" | "auto";
  readonly numChiplets: number;
  readonly numGroups: number;
}

/** What a worker has of its own, which the types of Node lack. */
const page = globalThis as unknown as {
  postMessage(message: object): void;
  onmessage: (event: { data: Request }) => void;
};

/** As `moeplace synth --preset deepseek-moe-16b --layers 3 --tokens 2048` writes it. */
const SAMPLE = { preset: "deepseek-moe-16b", layers: 3, tokens: 2048 };

let routing:
  | Pick<Extract<ReadRouting, { kind: "tokens" }>, "kind" | "trace" | "parts">
  | Extract<ReadRouting, { kind: "loads" }>
  | undefined;

page.onmessage = ({ data }) => {
  answer(data).catch((error: unknown) => {
    if (error instanceof InputError) {
      page.postMessage({ type: "failed", message: error.message, advice: error.advice });
    } else {
      const { message, stack } = error as Error;
      page.postMessage({
        type: "failed",
        message: `this is a bug in moeplace, not in your input: ${message}`,
        stack,
      });
    }
  });
};
page.postMessage({
  type: "ready",
  machines: hardwarePresets.map(({ name, description, numGroups, chipletsPerGroup }) => ({
    name,
    description,
    numGroups,
    numChiplets: numGroups * chipletsPerGroup,
  })),
});

async function answer(request: Request): Promise<void> {
  if (request.type === "place") await place(request);
  else if (request.type === "sample") {
    const trace = synthesizeTrace(SAMPLE);
    routing = { kind: "tokens", trace, parts: [trace] };
    tellTrace([]);
  } else {
    setFiles(request.files);
    const read = await readRouting(request.files.map(({ name }) => name));
    routing = read;
    tellTrace(read.report.warnings, read.report.sources[0].format);
  }
}

function tellTrace(warnings: readonly string[], format = "made here, by a seed"): void {
  if (routing === undefined) return;
  const trace = routing.kind === "tokens" ? routing.trace : routing.loads;
  const { model, numExperts } = trace;
  page.postMessage({
    type: "trace",
    kind: routing.kind,
    model: model ?? null,
    hasShape: model !== undefined && findModelShape(model) !== undefined,
    numExperts,
    topK: isRoutingTrace(trace) ? trace.topK : null,
    layers: (isRoutingTrace(trace) ? loadsOf(trace) : trace).layers.map(({ layer, load }, index) => ({
      layer,
      numTokens: isRoutingTrace(trace) ? trace.layers[index].numTokens : null,
      loads: [...load],
    })),
    warnings,
    format,
  });
}

async function place({ hardware: name, objective, numChiplets, numGroups }: PlaceRequest): Promise<void> {
  if (routing === undefined) return;
  const { parts, trace } =
    routing.kind === "tokens" ? routing : { parts: [routing.loads], trace: routing.loads };
  const found = findHardware(name);
  if (found === undefined) {
    throw unknownName("hardware", { found: name, known: hardwarePresets.map((preset) => preset.name) });
  }
  const hardware = withChiplets(found, { numChiplets, numGroups });
  const shape = trace.model === undefined ? undefined : findModelShape(trace.model);
  const machine = { hardware, shape, workload: createWorkload({ hardware, shape }, {}) };
  const asked = objective === "auto" ? undefined : objective;
  const request: PlacementRequest = {
    objective: isRoutingTrace(trace) ? chooseObjective({ objective: asked }, { shape }).minimise : "load",
    numReplicas: 0,
  };
  const { seed, backends } = DEFAULT_SOLVER_OPTIONS;
  const posing = poseFor(trace, machine, request);
  const solve = (solver: string, tell: boolean) =>
    placeTrace(trace, {
      posing,
      solver: requireSolver(solver),
      concurrency: 1,
      solverOptions: DEFAULT_SOLVER_OPTIONS,
      ...(tell && {
        onProgress(layer, { chiplets, cost, bound, phase }) {
          page.postMessage({ type: "progress", layer, chiplets: plain(chiplets), cost, bound, phase });
        },
        onLayer({ layer, chiplets, cost, bound, stoppedBy }) {
          page.postMessage({ type: "placed", layer, chiplets: plain(chiplets), cost, bound, stoppedBy });
        },
      }),
    });
  const scheduled = request.objective === "time";
  const first = await solve("contiguous", false);
  if (first.status === "placed") {
    page.postMessage({
      type: "begun",
      objective: request.objective,
      layers: first.placement.layers.map(({ layer, chiplets, cost }) => ({
        layer,
        chiplets: plain(chiplets),
        cost,
      })),
    });
  }
  const outcome = await solve("auto", true);
  if (outcome.status !== "placed") {
    page.postMessage({ type: "failed", message: `${outcome.status}: ${describeFailure(outcome)}` });
    return;
  }
  const provenance = provenanceOf(parts, { machine, request, holdout: 0, backends });
  const file = formatPlacement(recordPlacement(outcome, { provenance, seed }));
  const learnedBy = (found: typeof first) =>
    found.status === "placed" && isRoutingTrace(trace)
      ? judge(found.placement, { learn: trace, heldOut: undefined }, { ...machine, scheduled }).learned
      : null;
  page.postMessage({
    type: "done",
    file,
    layers: outcome.placement.layers.map(({ layer, chiplets }) => ({ layer, chiplets: plain(chiplets) })),
    before: figuresOf(learnedBy(first)),
    after: figuresOf(learnedBy(outcome)),
  });
}

function figuresOf(judged: Evaluation | null) {
  return (
    judged && {
      tokenReplication: judged.mean.tokenReplication,
      loadMaxOverMean: judged.mean.loadMaxOverMean,
      stepNs: judged.step?.stepNs ?? null,
    }
  );
}

/** Lists that cross to the page. */
function plain(chiplets: Chiplets): number[][] {
  return chiplets.map((experts) => [...experts]);
}
