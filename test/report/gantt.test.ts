import { expect } from "chai";
import fc from "fast-check";
import { ganttBars } from "../../lib/report/gantt-bars.js";
import { ganttSvg } from "../../lib/report/gantt-svg.js";
import { ganttText } from "../../lib/report/gantt-text.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { TaskGraphBuilder } from "../../lib/task-graph/task-graph.js";
import { busyTimesNs } from "../../lib/task-graph/timeline.js";
import { smallGraphs } from "../schedule/small-graphs.js";

function loadThenCompute(numTimes: number) {
  const builder = new TaskGraphBuilder();
  const [dram, chiplet] = [builder.resource("DRAM <0>"), builder.resource("chiplet 0")];
  for (let part = 0; part < numTimes; part++) {
    const load = builder.task({ kind: "weights", resource: dram, durationNs: 10, part });
    builder.after(builder.task({ kind: "experts", resource: chiplet, durationNs: 10, part }), load);
  }
  return builder.build();
}

describe("ganttText", () => {
  it("draws one line a resource, one letter a kind", () => {
    const graph = loadThenCompute(1);
    expect(ganttText(graph, listSchedule(graph), { width: 36, every: true })).to.equal(
      [
        "          0 ns                20",
        "DRAM <0>  WWWWWWWWWW..........  50 %",
        "chiplet 0 ..........EEEEEEEEEE  50 %",
        "W weights  E experts",
        "",
      ].join("\n"),
    );
  });

  it("is no wider than it is told, whatever the schedule", () => {
    fc.assert(
      fc.property(smallGraphs(12), fc.integer({ min: 40, max: 120 }), (graph, width) => {
        const lines = ganttText(graph, listSchedule(graph), { width, every: true }).split("\n");
        for (const line of lines.slice(1, 4)) expect(line).to.have.length(width);
      }),
    );
  });

  it("draws the busiest of resources that differ in their number only", () => {
    const builder = new TaskGraphBuilder();
    const chiplets = [0, 1, 2].map((chiplet) => builder.resource(`chiplet ${chiplet}`));
    const root = builder.resource("root");
    [1, 4, 2].forEach((durationNs, index) =>
      builder.task({ kind: "experts", resource: chiplets[index], durationNs }),
    );
    builder.task({ kind: "attention", resource: root, durationNs: 4 });
    const graph = builder.build();
    const lines = ganttText(graph, listSchedule(graph)).split("\n");
    expect(lines.slice(1, 3).map((line) => line.slice(0, 18))).to.deep.equal([
      "chiplet 1 (of 3) E",
      "root             A",
    ]);
    expect(ganttText(graph, listSchedule(graph), { every: true })).to.match(/chiplet 0 E.*\nchiplet 1 E.*\n/);
  });

  it("writes a small letter where a resource is busy for less than half of a column", () => {
    const builder = new TaskGraphBuilder();
    const link = builder.resource("link");
    builder.task({ kind: "dispatch", resource: link, durationNs: 1 });
    builder.after(builder.task({ kind: "wait", durationNs: 79 }), 0);
    builder.after(builder.task({ kind: "dispatch", resource: link, durationNs: 4 }), 1, 0);
    const graph = builder.build();
    expect(ganttText(graph, listSchedule(graph), { width: 32 })).to.match(/^link d\.{19}D   6 %$/m);
  });
});

describe("ganttSvg", () => {
  it("draws one bar a task, told apart by colour and named when pointed at", () => {
    const graph = loadThenCompute(2);
    const svg = ganttSvg(graph, listSchedule(graph), { title: "Two & two", about: "decode & more" });
    expect(svg).to.contain("<desc>decode &#38; more</desc>");
    const bars = [...svg.matchAll(/<rect x="(.+?)".+? fill="(.+?)"><title>(.+?)<\/title>/g)];
    expect(bars.map(([, , , title]) => title)).to.deep.equal([
      "weights 0: 0 ns to 10 ns",
      "weights 1: 10 ns to 20 ns",
      "experts 0: 10 ns to 20 ns",
      "experts 1: 20 ns to 30 ns",
    ]);
    const [first, second, third] = bars.map(([, x]) => Number(x));
    expect(second).to.equal(third).and.to.be.greaterThan(first);
    expect(new Set(bars.map(([, , colour]) => colour)).size).to.equal(2);
    expect(svg).to.include("Two &#38; two").and.to.include("DRAM &#60;0&#62;");
  });

  it("joins what is too short to see, so that a long schedule stays a small file", () => {
    const graph = loadThenCompute(20_000);
    expect(ganttSvg(graph, listSchedule(graph)).length).to.be.lessThan(100_000);
  });
});

describe("ganttBars", () => {
  it("covers the work of every resource, with no more than gaps too short to see", () => {
    fc.assert(
      fc.property(smallGraphs(12), fc.integer({ min: 0, max: 5 }), (graph, finestNs) => {
        const schedule = listSchedule(graph);
        const bars = ganttBars(graph, schedule, finestNs);
        busyTimesNs(graph).forEach((busy, resource) => {
          const own = bars.filter((bar) => bar.resource === resource);
          const drawn = own.reduce((sum, { fromNs, untilNs }) => sum + untilNs - fromNs, 0);
          const joined = own.reduce((sum, { numTasks }) => sum + numTasks - 1, 0);
          expect(drawn).to.be.within(busy, busy + joined * finestNs);
        });
      }),
    );
  });
});
