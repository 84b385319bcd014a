import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { buildStepGraph } from "../../lib/schedule/step-graph.js";
import { largest } from "../../lib/statistics.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { remainingPathsNs } from "../../lib/task-graph/path-lengths.js";
import { priorityRules } from "../../lib/task-graph/priorities.js";
import { taskName, type TaskGraph } from "../../lib/task-graph/task-graph.js";
import { gpuLayer, gpuPlan, randomGpuStep } from "./gpu-layers.js";

describe("kernels in order", () => {
  /** Tasks of the resources of the first chiplet, by start. */
  const orderOn = (graph: TaskGraph, name: string) => {
    const resource = graph.resources.indexOf(name);
    return [...listSchedule(graph).order]
      .filter((task) => graph.resourceOf[task] === resource)
      .map((task) => taskName(graph, task).replace(/ 0$/, "").replace("forward, micro-batch ", ""));
  };
  const layer = gpuLayer({
    attentionNs: 10,
    sharedNs: 3,
    dispatchNs: [5, 5],
    expertsNs: [20, 30],
    combineNs: [7, 6],
  });

  it("attends to all micro-batches, then computes all experts; shared ones come before the next attention of theirs", () => {
    const graph = buildStepGraph([layer, layer], gpuPlan({ numGpus: 2, numMicroBatches: 2 }));
    expect(orderOn(graph, "chiplet 0")).to.deep.equal([
      "layer 0 0, attention",
      "layer 0 1, attention",
      "layer 0 0, experts",
      "layer 0 1, experts",
      "layer 0 0, shared experts",
      "layer 1 0, attention",
      "layer 0 1, shared experts",
      "layer 1 1, attention",
      "layer 1 0, experts",
      "layer 1 1, experts",
      "layer 1 0, shared experts",
      "layer 1 1, shared experts",
    ]);
    expect(orderOn(graph, "chiplet link 0").slice(0, 4)).to.deep.equal([
      "layer 0 0, dispatch",
      "layer 0 1, dispatch",
      "layer 0 0, combine",
      "layer 0 1, combine",
    ]);
  });

  it("computes the shared experts of a micro-batch alone beside its dispatch", () => {
    const graph = buildStepGraph([layer], gpuPlan({ numGpus: 2, numMicroBatches: 1 }));
    expect(orderOn(graph, "chiplet 0")).to.deep.equal([
      "layer 0 0, attention",
      "layer 0 0, shared experts",
      "layer 0 0, experts",
    ]);
  });

  it("takes its longest path by every rule, so that no faster kernel makes a longer step", () => {
    const random = createRandom(3);
    for (let trial = 0; trial < 200; trial++) {
      const { layers, plan } = randomGpuStep(random);
      const graph = buildStepGraph(layers, plan);
      const longestNs = largest(remainingPathsNs(graph));
      for (const rule of priorityRules) {
        expect(listSchedule(graph, rule).makespanNs).to.be.closeTo(longestNs, 1e-6);
      }
    }
  });
});
