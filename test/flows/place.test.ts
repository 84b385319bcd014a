import { expect } from "chai";
import { placeTrace, type PlaceTraceOptions } from "../../lib/flows/place.js";
import { poseFor } from "../../lib/flows/pose.js";
import { expertBytes, findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { contiguous } from "../../solvers/contiguous.js";
import { exact } from "../../solvers/exact.js";
import { requireSolver } from "../../solvers/index.js";
import { openLayerThreads } from "../../solvers/threads/layer-threads.js";
import { skewedTrace } from "../skewed-trace.js";

const trace = skewedTrace();
const options: PlaceTraceOptions = {
  posing: { numChiplets: 4, numGroups: 2 },
  solver: exact,
  solverOptions: DEFAULT_SOLVER_OPTIONS,
};

describe("poseFor", () => {
  it("gives every chiplet group room for its share of the experts that the trace has, not those of the model named", () => {
    const hardware = findHardware("mozart-deepseek")!;
    const shape = findModelShape("deepseek-moe-16b")!;
    const { groupBytes } = poseFor({ numExperts: 1024 }, { hardware, shape });
    expect(groupBytes).to.equal(256 * expertBytes(shape));
  });
});

describe("placeTrace", () => {
  it("places every layer and says what was proved", async () => {
    const outcome = await placeTrace(trace, options);
    if (outcome.status !== "placed") expect.fail(outcome.status);
    expect(outcome.placement.layers.map(({ layer }) => layer)).to.deep.equal([1, 2, 3]);
    for (const { status, cost = NaN, bound } of outcome.placement.layers) {
      expect(status).to.equal("optimal");
      expect(bound).to.be.closeTo(cost, 1e-6 * cost);
    }
  });

  it("answers the same on one thread, on many, and without any", async () => {
    const alone = await placeTrace(trace, options);
    for (const numThreads of [1, 3]) {
      const threads = openLayerThreads({ numThreads });
      try {
        expect(
          await placeTrace(trace, { ...options, solver: threads.inThread(requireSolver("exact")) }),
        ).to.deep.equal(alone);
      } finally {
        await threads.close();
      }
    }
  });

  it("keeps a cap on the load that is known to have a placement", async () => {
    for (const layer of trace.layers) {
      const load = new Float64Array(trace.numExperts);
      for (const expert of layer.experts) load[expert]++;
      const maxLoad = largestLoad(load, packHeaviestFirst(load, 4)) / meanOf(load, 4);
      const posing = { ...options.posing, maxLoad: maxLoad * (1 + 1e-9) };
      const outcome = await placeTrace({ ...trace, layers: [layer] }, { ...options, posing });
      if (outcome.status !== "placed") expect.fail(outcome.status);
      const [{ chiplets }] = outcome.placement.layers;
      expect(largestLoad(load, chiplets)).to.be.at.most(maxLoad * meanOf(load, 4) * (1 + 1e-6));
    }
  });

  it("names the cap on the load that nothing meets", async () => {
    const posing = { ...options.posing, maxLoad: 0.9 };
    const impossible = await placeTrace(trace, { ...options, posing });
    if (impossible.status !== "infeasible") expect.fail(impossible.status);
    expect(impossible.reason).to.match(/load.* is at least .* the limit is .* too low/);
  });

  it("calls a false answer of a solver a bug", async () => {
    const liar = {
      ...contiguous,
      async solve(...asked: Parameters<typeof contiguous.solve>) {
        const solution = await contiguous.solve(...asked);
        return "chiplets" in solution ? { ...solution, cost: solution.cost - 0.5 } : solution;
      },
    };
    const failure = await placeTrace(trace, { ...options, solver: liar }).catch((error: unknown) => error);
    expect(String(failure)).to.match(/contiguous, layer 1: cost is given as .*, recomputed as/);
  });

  it("runs a solver of one's own in this thread", async () => {
    const threads = openLayerThreads({ numThreads: 1 });
    try {
      const own = { ...contiguous, name: "own" };
      const outcome = await placeTrace(trace, { ...options, solver: threads.inThread(own) });
      const named = await placeTrace(trace, { ...options, solver: contiguous });
      expect(outcome).to.deep.equal({ ...named, solver: "own" });
    } finally {
      await threads.close();
    }
  });

  it("answers with the best so far when interrupted", async () => {
    const interrupt = new AbortController();
    const threads = openLayerThreads({ numThreads: 1 });
    interrupt.abort();
    const outcome = await placeTrace(trace, {
      ...options,
      solver: threads.inThread(requireSolver("exact")),
      solverOptions: { ...DEFAULT_SOLVER_OPTIONS, signal: interrupt.signal },
    });
    await threads.close();
    if (outcome.status !== "placed") expect.fail(outcome.status);
    expect(outcome.placement.layers.map(({ stoppedBy }) => stoppedBy)).to.include("interrupt");
  });
});

/** Puts one expert after the other, by falling load, onto the chiplet with the least load that has a slot. */
function packHeaviestFirst(load: Float64Array, numChiplets: number): number[][] {
  const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
  const loadOf = (experts: number[]) => experts.reduce((sum, expert) => sum + load[expert], 0);
  for (const expert of [...load.keys()].sort((a, b) => load[b] - load[a])) {
    const open = chiplets.filter((experts) => experts.length < load.length / numChiplets);
    open.sort((a, b) => loadOf(a) - loadOf(b))[0].push(expert);
  }
  return chiplets;
}

function largestLoad(load: Float64Array, chiplets: readonly (readonly number[])[]): number {
  return Math.max(...chiplets.map((experts) => experts.reduce((sum, expert) => sum + load[expert], 0)));
}

function meanOf(load: Float64Array, numChiplets: number): number {
  return load.reduce((sum, tokens) => sum + tokens, 0) / numChiplets;
}
