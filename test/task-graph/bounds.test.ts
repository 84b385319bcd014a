import { expect } from "chai";
import fc from "fast-check";
import { scheduleBound } from "../../lib/task-graph/bounds.js";
import { raisedHeadsNs } from "../../lib/task-graph/head-adjustment.js";
import { earliestStartsNs, remainingPathsNs } from "../../lib/task-graph/path-lengths.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { TaskGraphBuilder, type TaskGraph } from "../../lib/task-graph/task-graph.js";
import { smallGraphs } from "../schedule/small-graphs.js";

describe("scheduleBound", () => {
  it("is at least the critical path, every load, and every head + load + tail of a set of tasks", () => {
    fc.assert(
      fc.property(smallGraphs(8), (graph) => {
        const bound = scheduleBound(graph);
        expect(bound.boundNs).to.be.at.least(bound.criticalPathNs);
        expect(bound.boundNs).to.be.at.least(bound.resourceLoadNs);
        expect(bound.oneMachineNs).to.equal(largestHeadLoadTail(graph));
      }),
    );
  });

  it("looks at all the work before a milestone, where the longest path sees one task of it", () => {
    const layers = (withMilestones: boolean) => {
      const builder = new TaskGraphBuilder();
      const links = [0, 1, 2].map((link) => builder.resource(`link ${link}`));
      let before = -1;
      for (let layer = 0; layer < 3; layer++) {
        const transfers = Array.from({ length: 4 }, () =>
          builder.task({ kind: "dispatch", resource: links[layer], durationNs: 10 }),
        );
        for (const transfer of transfers) if (before >= 0) builder.after(transfer, before);
        before = builder.task({ kind: "join" });
        for (const transfer of transfers) builder.after(before, transfer);
        if (withMilestones) builder.milestone(transfers[0]);
      }
      return builder.build();
    };
    expect(scheduleBound(layers(false)).boundNs).to.equal(60);
    expect(scheduleBound(layers(true)).boundNs).to.equal(120);
    expect(listSchedule(layers(true)).makespanNs).to.equal(120);
  });

  it("raises heads at milestones only, and never lowers one", () => {
    fc.assert(
      fc.property(smallGraphs(10), (graph) => {
        const plain = earliestStartsNs(graph);
        raisedHeadsNs(graph).forEach((head, task) => {
          expect(head).to.be.at.least(plain[task]);
        });
        expect(raisedHeadsNs({ ...graph, milestones: [] })).to.deep.equal(plain);
      }),
    );
  });

  it("names the resource it comes from", () => {
    const builder = new TaskGraphBuilder();
    const dram = builder.resource("DRAM");
    const source = builder.task({ kind: "start", durationNs: 2 });
    for (const tail of [5, 3]) {
      const load = builder.task({ kind: "weights", resource: dram, durationNs: 10 });
      builder.after(load, source);
      builder.after(builder.task({ kind: "experts", durationNs: tail }), load);
    }
    expect(scheduleBound(builder.build())).to.deep.equal({
      boundNs: 25,
      criticalPathNs: 17,
      resourceLoadNs: 20,
      oneMachineNs: 25,
      resource: "DRAM",
    });
  });
});

/** The one-machine bound by its definition: over all sets of tasks of a resource. */
function largestHeadLoadTail(graph: TaskGraph): number {
  const heads = raisedHeadsNs(graph);
  const remaining = remainingPathsNs(graph);
  return graph.resources.reduce((largest, _, resource) => {
    const tasks = [...heads.keys()].filter((task) => graph.resourceOf[task] === resource);
    let best = largest;
    for (let set = 1; set < 1 << tasks.length; set++) {
      const chosen = tasks.filter((_, place) => (set >> place) & 1);
      const head = Math.min(...chosen.map((task) => heads[task]));
      const load = chosen.reduce((sum, task) => sum + graph.durationNs[task], 0);
      const tail = Math.min(...chosen.map((task) => remaining[task] - graph.durationNs[task]));
      best = Math.max(best, head + load + tail);
    }
    return best;
  }, 0);
}
