import { expect } from "chai";
import fc from "fast-check";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { TaskGraphBuilder } from "../../lib/task-graph/task-graph.js";
import { memoryLevels, memoryPeak } from "../../lib/task-graph/memory-levels.js";
import { validateSchedule } from "../../lib/task-graph/validate-schedule.js";
import { smallGraphs } from "../schedule/small-graphs.js";

/** Two loads on one DRAM, each followed by its compute; both weights in one SRAM of 10 bytes. */
function twoLoads(bytes: number) {
  const builder = new TaskGraphBuilder();
  const dram = builder.resource("DRAM");
  const sram = builder.memory("SRAM", 10);
  for (let part = 0; part < 2; part++) {
    const load = builder.task({ kind: "weights", resource: dram, durationNs: 4, part });
    const compute = builder.task({ kind: "experts", durationNs: 6, part });
    builder.after(compute, load);
    builder.hold({ memory: sram, bytes, from: load, until: compute });
  }
  return builder.build();
}

/** Violations in words, each with the rule it breaks. */
function violations(...args: Parameters<typeof validateSchedule>): string[] {
  return validateSchedule(...args).map(({ rule, message }) => `${rule}: ${message}`);
}

describe("validateSchedule", () => {
  const graph = twoLoads(5);
  const schedule = (starts: number[], makespanNs: number) => ({
    startNs: Float64Array.from(starts),
    order: Int32Array.from([...starts.keys()].sort((a, b) => starts[a] - starts[b])),
    makespanNs,
  });

  it("accepts a valid schedule, also one that idles", () => {
    expect(violations(graph, schedule([0, 4, 4, 8], 14))).to.deep.equal([]);
    expect(violations(graph, schedule([1, 6, 9, 14], 20))).to.deep.equal([]);
  });

  it("names a task that starts before what it waits for", () => {
    expect(violations(graph, schedule([0, 3, 4, 8], 14))).to.deep.equal([
      "precedence: experts 0: starts at 3 ns, expected at least 4 ns because of weights 0",
    ]);
  });

  it("names two tasks at once on one resource", () => {
    expect(violations(graph, schedule([0, 4, 3, 8], 14))).to.deep.equal([
      "resource: DRAM: weights 1 starts at 3 ns, while weights 0 runs until 4 ns",
    ]);
  });

  it("names a memory that overflows, and frees what ends before it fills what begins", () => {
    expect(violations(twoLoads(6), schedule([0, 4, 4, 8], 14))).to.deep.equal([
      "memory: SRAM: holds 12 bytes at 4 ns, expected at most 10",
    ]);
    expect(violations(twoLoads(6), schedule([0, 4, 10, 14], 20))).to.deep.equal([]);
    const levels = memoryLevels(graph, schedule([0, 4, 4, 8], 14), 0);
    expect(levels.map(({ atNs, bytes }) => [atNs, bytes])).to.deep.equal([
      [0, 5],
      [4, 10],
      [10, 5],
      [14, 0],
    ]);
    expect(memoryPeak(levels)).to.deep.equal({ bytes: 10, atNs: 4 });
  });

  it("names a wrong makespan, a time that is none, and a missing task", () => {
    expect(violations(graph, schedule([0, 4, 4, 8], 13))[0]).to.match(/^makespan: .* 13 ns/);
    expect(violations(graph, schedule([0, 4, -1, 8], 14))[0]).to.match(/^time: .* -1 ns/);
    expect(violations(graph, schedule([0, 4, NaN, 8], 14))[0]).to.match(/starts at NaN ns/);
    expect(violations(graph, schedule([0, 4, 4], 14))[0]).to.match(
      /found 3 starts in an order of 3, expected 4/,
    );
  });

  it("names an order that is not that of the starts, or not of all tasks", () => {
    const valid = schedule([0, 4, 4, 8], 14);
    const ordered = (order: number[]) => ({ ...valid, order: Int32Array.from(order) });
    expect(violations(graph, ordered([0, 2, 1, 3]))).to.deep.equal([]);
    expect(violations(graph, ordered([0, 3, 1, 2]))).to.have.length(1);
    expect(violations(graph, ordered([0, 1, 1, 3]))[0]).to.match(/not one of all tasks/);
  });

  it("finds out whenever a task of a tight schedule is moved forward", () => {
    fc.assert(
      fc.property(smallGraphs(10), fc.nat(), (any, pick) => {
        const made = listSchedule(any);
        const task = pick % any.numTasks;
        fc.pre(made.startNs[task] > 0 && any.durationNs[task] > 0);
        made.startNs[task] -= 0.5;
        made.order.sort((a, b) => made.startNs[a] - made.startNs[b]);
        expect(violations(any, made)).to.not.deep.equal([]);
      }),
    );
  });
});
