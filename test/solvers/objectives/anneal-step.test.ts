import { expect } from "chai";
import { placeTrace } from "../../../lib/flows/place.js";
import { poseFor, poseLayers } from "../../../lib/flows/pose.js";
import { timeOfPlacement } from "../../../lib/flows/step-time.js";
import type { Chiplets, Placement } from "../../../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { createRandom } from "../../../lib/random.js";
import { createRoutingTrace } from "../../../lib/trace/routing-trace.js";
import { machine as machineNamed } from "../../../program/machine.js";
import { requireSolver } from "../../../solvers/index.js";
import { annealStep } from "../../../solvers/objectives/anneal-step.js";

/** Two layers of few experts, chosen by some tokens much more than by others, that do not divide by the chiplets. */
function traceOf({ numExperts, topK }: { numExperts: number; topK: number }) {
  const random = createRandom(numExperts);
  const weight = Array.from({ length: numExperts }, () => random.next() ** 2 + 0.02);
  const layers = [0, 1].map((layer) => {
    const experts = Array.from({ length: 200 }, () =>
      weight
        .map((each, expert) => ({
          expert,
          key: Math.log(random.next() + 1e-12) / (each * (1 + ((expert + layer) % 3))),
        }))
        .sort((a, b) => b.key - a.key)
        .slice(0, topK)
        .map(({ expert }) => expert),
    ).flat();
    return { layer, numTokens: 200, experts: Uint16Array.from(experts) };
  });
  return createRoutingTrace({ model: undefined, numExperts, topK, layers });
}

const FEW = { numChiplets: 8, numGroups: 4 };

/** The least time of a step that swaps of slots, chiplets and layers find from a placement without being told how. */
function climbed(timeOf: (layers: readonly Chiplets[]) => number, start: readonly Chiplets[]): number {
  const random = createRandom(5);
  let [at, atNs] = [start.map((chiplets) => chiplets.map((experts) => [...experts])), timeOf(start)];
  for (let move = 0; move < 1000; move++) {
    const next = at.map((chiplets) => chiplets.map((experts) => [...experts]));
    const chiplets = next[random.below(next.length)];
    const [a, b] = [random.below(chiplets.length), random.below(chiplets.length)];
    if (a === b) continue;
    const most = Math.max(...chiplets.map(({ length }) => length));
    const out = chiplets[a].splice(random.below(chiplets[a].length), 1);
    const isSwap = random.next() < 0.6;
    const back = isSwap ? chiplets[b].splice(random.below(chiplets[b].length), 1) : [];
    chiplets[a].push(...back);
    chiplets[b].push(...out);
    if (chiplets[b].length > most) continue;
    const ns = timeOf(next.map((layer) => layer.map((experts) => experts.toSorted((x, y) => x - y))));
    if (ns <= atNs) [at, atNs] = [next, ns];
  }
  return atNs;
}

describe("layers of a step together", () => {
  for (const { name, phase, ...shape } of [
    { name: "mozart-deepseek", phase: "train", numExperts: 12, topK: 1 },
    { name: "mozart-qwen3", phase: "prefill", numExperts: 13, topK: 2 },
  ] as const) {
    it(`are as fast as a search from outside finds, where experts do not divide: ${name}, ${phase}`, async () => {
      const trace = traceOf(shape);
      const machine = await machineNamed(name, { model: "gpt-oss-20b", ...FEW, workload: { phase } });
      const posing = poseFor(trace, machine, { objective: "time" });
      const auto = requireSolver("auto");
      const placed = await placeTrace(trace, { posing, solver: auto, solverOptions: DEFAULT_SOLVER_OPTIONS });
      if (placed.status !== "placed") expect.fail(placed.status);
      const { placement } = placed;
      const layersOf = (chiplets: readonly Chiplets[]): Placement => ({
        ...placement,
        layers: placement.layers.map((layer, index) => ({ ...layer, chiplets: chiplets[index] })),
      });
      const timeOf = (chiplets: readonly Chiplets[]) => timeOfPlacement(trace, layersOf(chiplets), machine);
      const own = placement.layers.map(({ chiplets }) => chiplets);
      expect(timeOf(own)).to.be.at.most(climbed(timeOf, own) * 1.002);

      // Layers placed one by one are slower, and annealing them together is never slower than what it begins with.
      const apart = await placeTrace(trace, {
        posing,
        solver: { ...auto, improveStep: (given) => given },
        solverOptions: DEFAULT_SOLVER_OPTIONS,
      });
      if (apart.status !== "placed") expect.fail(apart.status);
      const oneByOne = apart.placement.layers.map(({ chiplets }) => chiplets);
      expect(timeOf(own)).to.be.below(timeOf(oneByOne));
      const problems = poseLayers(trace, posing);
      const together = annealStep(oneByOne, problems, { seed: 1 });
      expect(timeOf(together)).to.be.at.most(timeOf(oneByOne));
      expect(annealStep(oneByOne, problems, { seed: 1 })).to.deep.equal(together);
      expect(annealStep(oneByOne, problems, { seed: 1, timeLimitMs: 0 })).to.equal(oneByOne);
    });
  }

  it("stay as they were placed where their numbers are kept, and with replicas", async () => {
    const trace = traceOf({ numExperts: 12, topK: 1 });
    const machine = await machineNamed("mozart-deepseek", { model: "gpt-oss-20b", ...FEW });
    const placed: Chiplets[] = [0, 1].map(() => [[0, 1], [2, 3], [4, 5], [6, 7], [8], [9], [10], [11]]);
    for (const asked of [{ evenSlots: true }, { numReplicas: 4 }]) {
      const problems = poseLayers(trace, poseFor(trace, machine, { objective: "time", ...asked }));
      expect(annealStep(placed, problems, { seed: 1 })).to.equal(placed);
    }
    const byCopies = poseLayers(trace, poseFor(trace, machine, { objective: "traffic" }));
    expect(annealStep(placed, byCopies, { seed: 1 })).to.equal(placed);
  });

  it("keep pins", async () => {
    const trace = traceOf({ numExperts: 12, topK: 1 });
    const machine = await machineNamed("mozart-deepseek", { model: "gpt-oss-20b", ...FEW });
    const pins = [{ expert: 0, chiplet: 7 }];
    const posing = poseFor(trace, machine, { objective: "time", pins });
    const placed = await placeTrace(trace, {
      posing,
      solver: requireSolver("auto"),
      solverOptions: DEFAULT_SOLVER_OPTIONS,
    });
    if (placed.status !== "placed") expect.fail(placed.status);
    for (const { chiplets } of placed.placement.layers) expect(chiplets[7]).to.include(0);
  });
});
