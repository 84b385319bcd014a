import { expect } from "chai";
import fc from "fast-check";
import { scheduleBound } from "../../lib/task-graph/bounds.js";
import { bestListSchedule, listSchedule } from "../../lib/task-graph/list-schedule.js";
import { priorityRules } from "../../lib/task-graph/priorities.js";
import { TaskGraphBuilder } from "../../lib/task-graph/task-graph.js";
import { validateSchedule } from "../../lib/task-graph/validate-schedule.js";
import { shortestMakespanNs, smallGraphs } from "../schedule/small-graphs.js";

const times = fc.integer({ min: 0, max: 20 });

describe("listSchedule", () => {
  it("makes valid schedules by every rule, between the bound and the sum of everything", () => {
    fc.assert(
      fc.property(smallGraphs(12), fc.constantFrom(...priorityRules), (graph, rule) => {
        const schedule = listSchedule(graph, rule);
        expect(validateSchedule(graph, schedule)).to.deep.equal([]);
        const { boundNs, criticalPathNs } = scheduleBound(graph);
        expect(schedule.makespanNs).to.be.at.least(boundNs);
        // At every instant the path to a task advances, or the resource it waits for works.
        const work = graph.durationNs.reduce((sum, value) => sum + value, 0);
        expect(schedule.makespanNs).to.be.at.most(criticalPathNs + work);
      }),
    );
  });

  it("is never shorter than the optimum, which is never shorter than the bound, and meets it mostly", () => {
    let met = 0;
    fc.assert(
      fc.property(smallGraphs(6), (graph) => {
        const optimum = shortestMakespanNs(graph);
        const { boundNs } = scheduleBound(graph);
        const { schedule } = bestListSchedule(graph);
        expect(boundNs).to.be.at.most(optimum);
        expect(schedule.makespanNs).to.be.at.least(optimum);
        if (schedule.makespanNs === boundNs) met++;
      }),
      { numRuns: 150 },
    );
    expect(met).to.be.greaterThan(75);
  });

  it("leaves no resource idle while a task waits for it", () => {
    fc.assert(
      fc.property(smallGraphs(12), (graph) => {
        const { startNs } = listSchedule(graph);
        for (let task = 0; task < graph.numTasks; task++) {
          let readyNs = 0;
          for (let edge = graph.predecessorOffsets[task]; edge < graph.predecessorOffsets[task + 1]; edge++) {
            readyNs = Math.max(readyNs, startNs[graph.predecessors[edge]] + graph.predecessorLagNs[edge]);
          }
          let busyNs = 0;
          for (let rival = 0; rival < graph.numTasks; rival++) {
            if (rival === task || graph.resourceOf[task] < 0) continue;
            if (graph.resourceOf[rival] !== graph.resourceOf[task]) continue;
            const from = Math.max(readyNs, startNs[rival]);
            const until = Math.min(startNs[task], startNs[rival] + graph.durationNs[rival]);
            busyNs += Math.max(0, until - from);
          }
          expect(startNs[task] - readyNs).to.equal(busyNs);
        }
      }),
    );
  });

  it("is optimal by Jackson's rule for one DRAM that feeds chiplets, one load each", () => {
    const chiplets = fc.array(fc.record({ load: times, compute: times }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(chiplets, (jobs) => {
        const builder = new TaskGraphBuilder();
        const dram = builder.resource("DRAM");
        for (const { load, compute } of jobs) {
          const weights = builder.task({ kind: "weights", resource: dram, durationNs: load });
          const resource = builder.resource("chiplet");
          builder.after(builder.task({ kind: "experts", resource, durationNs: compute }), weights);
        }
        const graph = builder.build();
        const { makespanNs } = listSchedule(graph, "longest-tail");
        expect(makespanNs).to.equal(
          bestByPermutation(
            jobs.map(({ load, compute }) => [load, compute]),
            false,
          ),
        );
        expect(makespanNs, "the bound is tight").to.equal(scheduleBound(graph).boundNs);
      }),
    );
  });

  it("is optimal by Johnson's rule for a flow shop of two stages", () => {
    const shop = fc.array(fc.tuple(times, times), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(shop, (jobs) => {
        const graph = flowShop(jobs);
        expect(listSchedule(graph, "johnson").makespanNs).to.equal(bestByPermutation(jobs, true));
      }),
    );
  });

  it("reproduces the textbook example of Johnson's rule", () => {
    // Five jobs on two machines, in the order 5, 2, 1, 4, 3 (jobs from 1).
    const jobs: [number, number][] = [
      [6, 4],
      [4, 9],
      [8, 2],
      [7, 3],
      [3, 8],
    ];
    const graph = flowShop(jobs);
    const { startNs, makespanNs } = listSchedule(graph, "johnson");
    const first = [0, 2, 4, 6, 8].sort((a, b) => startNs[a] - startNs[b]);
    expect(first.map((task) => task / 2 + 1)).to.deep.equal([5, 2, 1, 4, 3]);
    expect(makespanNs).to.equal(30);
  });

  it("sends the heaviest first where it is told to, and equals in the order in which they came", () => {
    const builder = new TaskGraphBuilder();
    const dram = builder.resource("DRAM");
    for (const weight of [1, 5, 3, 5])
      builder.task({ kind: "weights", resource: dram, durationNs: 1, weight });
    const graph = builder.build();
    expect([...listSchedule(graph, "heaviest-first").startNs]).to.deep.equal([3, 0, 2, 1]);
    expect([...listSchedule(graph, "program-order").startNs]).to.deep.equal([0, 1, 2, 3]);
  });

  it("brings first what the first of several waits for, where it is told which that is likely to be", () => {
    const builder = new TaskGraphBuilder();
    const [memory, root] = [builder.resource("memory"), builder.resource("root")];
    const read = (durationNs: number) => builder.task({ kind: "read", resource: memory, durationNs });
    const [forBoth, forFirst, forSecond] = [read(4), read(3), read(5)];
    const attend = (own: number) => {
      const task = builder.task({ kind: "attention", resource: root, durationNs: 10 });
      for (const before of [forBoth, own]) builder.after(task, before);
      return task;
    };
    const first = attend(forFirst);
    builder.expectAfter(attend(forSecond), first);
    const graph = builder.build();
    // By paths alone the longer read comes first, although the root is busy for long enough to hide it.
    expect([...listSchedule(graph, "critical-path").startNs.subarray(0, 3)]).to.deep.equal([5, 9, 0]);
    expect([...listSchedule(graph, "in-turn").startNs.subarray(0, 3)]).to.deep.equal([0, 4, 7]);
    const { rule, schedule } = bestListSchedule(graph, ["critical-path", "in-turn"]);
    expect({ rule, ns: schedule.makespanNs }).to.deep.equal({ rule: "in-turn", ns: 27 });
  });

  it("keeps the shortest by several rules, of equals the first", () => {
    fc.assert(
      fc.property(
        smallGraphs(12),
        fc.shuffledSubarray([...priorityRules], { minLength: 1 }),
        (graph, rules) => {
          const all = rules.map((rule) => listSchedule(graph, rule).makespanNs);
          const { rule, schedule } = bestListSchedule(graph, rules);
          expect(schedule.makespanNs).to.equal(Math.min(...all));
          expect(rule).to.equal(rules[all.indexOf(schedule.makespanNs)]);
        },
      ),
    );
  });

  it("lets a transfer be forwarded while it arrives", () => {
    const builder = new TaskGraphBuilder();
    const up = builder.task({ kind: "link", resource: builder.resource("root link"), durationNs: 10 });
    const down = builder.task({ kind: "link", resource: builder.resource("leaf link"), durationNs: 4 });
    builder.alongside(down, up, 1);
    const compute = builder.task({ kind: "experts", durationNs: 5 });
    builder.after(compute, up, 1);
    builder.after(compute, down);
    const { startNs, makespanNs } = listSchedule(builder.build());
    expect([...startNs]).to.deep.equal([0, 1, 11]);
    expect(makespanNs).to.equal(16);
  });

  it("schedules nothing in no time", () => {
    const graph = new TaskGraphBuilder().build();
    expect(listSchedule(graph).makespanNs).to.equal(0);
    expect(scheduleBound(graph).boundNs).to.equal(0);
  });
});

function flowShop(jobs: readonly [number, number][]) {
  const builder = new TaskGraphBuilder();
  const [front, back] = [builder.resource("one"), builder.resource("two")];
  for (const [first, second] of jobs) {
    const before = builder.task({ kind: "first", resource: front, durationNs: first });
    builder.after(builder.task({ kind: "second", resource: back, durationNs: second }), before);
  }
  return builder.build();
}

/** Shortest makespan of two-stage jobs over all orders, the second stage shared or not. */
function bestByPermutation(jobs: readonly (readonly [number, number])[], sharedSecond: boolean): number {
  let best = Infinity;
  const visit = (left: readonly number[], [firstNs, secondNs, endNs]: readonly [number, number, number]) => {
    if (left.length === 0) best = Math.min(best, endNs);
    for (const job of left) {
      const first = firstNs + jobs[job][0];
      const second = Math.max(first, sharedSecond ? secondNs : 0) + jobs[job][1];
      visit(
        left.filter((rest) => rest !== job),
        [first, second, Math.max(endNs, second)],
      );
    }
  };
  visit([...jobs.keys()], [0, 0, 0]);
  return best;
}
