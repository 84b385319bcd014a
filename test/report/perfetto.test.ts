import { expect } from "chai";
import fc from "fast-check";
import { perfettoJson } from "../../lib/report/perfetto.js";
import { listSchedule } from "../../lib/task-graph/list-schedule.js";
import { TaskGraphBuilder, type TaskGraph } from "../../lib/task-graph/task-graph.js";
import { smallGraphs } from "../schedule/small-graphs.js";

interface Event {
  ph: string;
  name: string;
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  cat: string;
  args: Record<string, string | number>;
}

/** Parses a trace as strictly as the Trace Event Format describes it, and returns its events. */
function readTrace(json: string): Event[] {
  const file = JSON.parse(json) as { displayTimeUnit: string; traceEvents: Event[] };
  expect(Object.keys(file)).to.have.members(["displayTimeUnit", "traceEvents"]);
  expect(file.displayTimeUnit).to.be.oneOf(["ms", "ns"]);
  const threads = new Map<string, Event[]>();
  const named = new Set<string>();
  for (const event of file.traceEvents) {
    expect(event.name).to.be.a("string").that.is.not.empty;
    expect(Number.isInteger(event.pid) && Number.isInteger(event.tid)).to.be.true;
    const thread = `${event.pid}/${event.tid}`;
    switch (event.ph) {
      case "M":
        expect(event).to.have.all.keys("ph", "name", "pid", "tid", "args");
        if (event.name.endsWith("_name")) expect(event.args.name).to.be.a("string");
        else expect(event.args.sort_index).to.be.a("number");
        expect(event.name).to.match(/^(process|thread)_(name|sort_index)$/);
        if (event.name === "thread_name") named.add(thread);
        break;
      case "X":
        expect(event).to.have.all.keys("ph", "name", "cat", "pid", "tid", "ts", "dur", "args");
        expect(event.ts).to.be.a("number").that.is.above(0);
        expect(event.dur).to.be.a("number").that.is.at.least(0);
        expect(named.has(thread), `${thread} has a name`).to.be.true;
        threads.set(thread, [...(threads.get(thread) ?? []), event]);
        break;
      case "C":
        expect(event).to.have.all.keys("ph", "name", "pid", "tid", "ts", "args");
        for (const value of Object.values(event.args)) expect(value).to.be.a("number");
        break;
      default:
        expect.fail(`unknown phase ${event.ph}`);
    }
  }
  for (const events of threads.values()) {
    // A reader that keeps whole nanoseconds cuts off the rest, and slices of a thread that overlap are dropped.
    const slices = events
      .map(({ ts, dur }) => ({ from: Math.trunc(ts * 1000), length: Math.trunc(dur * 1000) }))
      .sort((a, b) => a.from - b.from || a.length - b.length);
    slices.slice(1).forEach(({ from }, index) => {
      expect(from).to.be.at.least(slices[index].from + slices[index].length);
    });
    // Another adds ts and dur as they are.
    const ascending = events.toSorted((a, b) => a.ts - b.ts || a.dur - b.dur);
    ascending.slice(1).forEach(({ ts }, index) => {
      expect(ts).to.be.at.least(ascending[index].ts + ascending[index].dur);
    });
  }
  return file.traceEvents;
}

describe("perfettoJson", () => {
  it("writes every task on the thread of its resource", () => {
    const builder = new TaskGraphBuilder();
    builder.scope("layer 3");
    const dram = builder.resource("DRAM");
    const sram = builder.memory("SRAM", 100);
    const load = builder.task({ kind: "weights", resource: dram, durationNs: 1001, part: 2 });
    const compute = builder.task({ kind: "experts", resource: builder.resource("chiplet"), durationNs: 500 });
    builder.after(compute, load, 20);
    builder.hold({ memory: sram, bytes: 64, from: load, until: compute });
    const graph = builder.build();
    const events = readTrace(perfettoJson(graph, listSchedule(graph), { title: "a layer" }));
    const names = events.filter(({ name }) => name.endsWith("_name")).map(({ args }) => args.name);
    expect(names).to.deep.equal(["a layer", "critical path", "memories", "DRAM", "chiplet", "critical path"]);
    expect(events.filter(({ ph, pid }) => ph === "X" && pid === 1)).to.deep.equal([
      {
        ph: "X",
        ts: 1,
        dur: 1.0009,
        name: "layer 3 weights 2",
        cat: "weights",
        pid: 1,
        tid: 1,
        args: { task: 0 },
      },
      {
        ph: "X",
        ts: 2.021,
        dur: 0.4999,
        name: "layer 3 experts",
        cat: "experts",
        pid: 1,
        tid: 2,
        args: { task: 1 },
      },
    ]);
    expect(events.filter(({ ph }) => ph === "C").map(({ ts, args }) => [ts, args.bytes])).to.deep.equal([
      [1, 64],
      [2.521, 0],
    ]);
  });

  it("keeps what it is told of the step, where readers look for it", () => {
    const builder = new TaskGraphBuilder();
    builder.task({ kind: "weights", resource: builder.resource("DRAM"), durationNs: 1 });
    const graph = builder.build();
    const about = { configuration: "chunked", workload: { phase: "decode" } };
    const { otherData } = JSON.parse(perfettoJson(graph, listSchedule(graph), { about })) as {
      otherData: object;
    };
    expect(otherData).to.deep.equal(about);
  });

  it("keeps apart slices whose ts and dur add up to more than the next ts by rounding", () => {
    const builder = new TaskGraphBuilder();
    const resource = builder.resource("DRAM");
    for (const durationNs of [9_219_001, 768_334, 5000])
      builder.task({ kind: "weights", resource, durationNs });
    const graph = builder.build();
    readTrace(perfettoJson(graph, listSchedule(graph)));
  });

  it("loads whatever the schedule, and its slices never overlap", () => {
    fc.assert(
      fc.property(smallGraphs(20), fc.double({ min: 0.001, max: 5000, noNaN: true }), (graph, scale) => {
        readTrace(perfettoJson(scaled(graph, scale), listSchedule(scaled(graph, scale))));
      }),
    );
  });
});

function scaled(graph: TaskGraph, factor: number): TaskGraph {
  const scale = (values: Float64Array) => values.map((value) => value * factor);
  return {
    ...graph,
    durationNs: scale(graph.durationNs),
    predecessorLagNs: scale(graph.predecessorLagNs),
    successorLagNs: scale(graph.successorLagNs),
  };
}
