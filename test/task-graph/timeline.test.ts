import { expect } from "chai";
import fc from "fast-check";
import { criticalPath, timeByKind } from "../../lib/task-graph/critical-path.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { TaskGraphBuilder } from "../../lib/task-graph/task-graph.js";
import { busyTimesNs, splitTime } from "../../lib/task-graph/timeline.js";
import { smallGraphs } from "../schedule/small-graphs.js";

describe("splitTime", () => {
  it("counts as exposed what nothing hides", () => {
    const builder = new TaskGraphBuilder();
    const send = builder.task({ kind: "dispatch", resource: builder.resource("link"), durationNs: 10 });
    const compute = builder.task({ kind: "experts", resource: builder.resource("chiplet"), durationNs: 10 });
    builder.alongside(compute, send, 4);
    builder.after(builder.task({ kind: "combine", resource: 0, durationNs: 3 }), compute, 2);
    const graph = builder.build();
    // dispatch 0-10, experts 4-14, combine 16-19
    expect(splitTime(graph, listSchedule(graph), [["experts"], ["dispatch", "combine"]])).to.deep.equal({
      classes: [
        { activeNs: 10, exposedNs: 10 },
        { activeNs: 13, exposedNs: 7 },
      ],
      idleNs: 2,
    });
    expect([...busyTimesNs(graph)]).to.deep.equal([13, 10]);
  });

  it("equals a count of every half nanosecond", () => {
    const classes = [["kind 1"], ["kind 0"]];
    fc.assert(
      fc.property(smallGraphs(10), (graph) => {
        const schedule = listSchedule(graph);
        const expected = [0, 1].map(() => ({ activeNs: 0, exposedNs: 0 }));
        for (let now = 0.5; now < schedule.makespanNs; now++) {
          const runs = classes.map((kinds) =>
            [...schedule.startNs.keys()].some(
              (task) =>
                kinds.includes(graph.kinds[graph.kindOf[task]]) &&
                schedule.startNs[task] < now &&
                now < schedule.startNs[task] + graph.durationNs[task],
            ),
          );
          runs.forEach((active, index) => {
            if (active) expected[index].activeNs++;
            if (active && runs.indexOf(true) === index) expected[index].exposedNs++;
          });
        }
        const split = splitTime(graph, schedule, classes);
        expect(split.classes).to.deep.equal(expected);
        const exposed = expected[0].exposedNs + expected[1].exposedNs;
        expect(split.idleNs).to.equal(schedule.makespanNs - exposed);
      }),
    );
  });
});

describe("criticalPath", () => {
  it("covers the whole schedule, each step let go by the one before", () => {
    fc.assert(
      fc.property(smallGraphs(12), (graph) => {
        const schedule = listSchedule(graph);
        const steps = criticalPath(graph, schedule);
        expect(steps[0].fromNs).to.equal(0);
        expect(steps.at(-1)!.untilNs).to.equal(schedule.makespanNs);
        steps.forEach(({ task, fromNs, heldBy }, index) => {
          expect(fromNs).to.equal(schedule.startNs[task]);
          expect(heldBy === "nothing").to.equal(index === 0);
          if (index > 0) expect(fromNs).to.equal(steps[index - 1].untilNs);
          if (heldBy === "resource") {
            expect(graph.resourceOf[task]).to.equal(graph.resourceOf[steps[index - 1].task]);
          }
        });
      }),
    );
  });

  it("tells waiting for data from waiting for a resource", () => {
    const builder = new TaskGraphBuilder();
    const dram = builder.resource("DRAM");
    const loads = [4, 4].map((durationNs) => builder.task({ kind: "weights", resource: dram, durationNs }));
    const compute = builder.task({ kind: "experts", resource: builder.resource("chiplet"), durationNs: 6 });
    builder.after(compute, loads[1]);
    const graph = builder.build();
    expect(criticalPath(graph, listSchedule(graph, "program-order"))).to.deep.equal([
      { task: 0, fromNs: 0, untilNs: 4, heldBy: "nothing" },
      { task: 1, fromNs: 4, untilNs: 8, heldBy: "resource" },
      { task: 2, fromNs: 8, untilNs: 14, heldBy: "predecessor" },
    ]);
    expect(timeByKind(graph, criticalPath(graph, listSchedule(graph, "program-order")))).to.deep.equal([
      { kind: "weights", ns: 8 },
      { kind: "experts", ns: 6 },
    ]);
  });
});
