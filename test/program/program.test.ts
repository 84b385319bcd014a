import { join } from "node:path";
import { expect } from "chai";
import {
  compare,
  crossEvaluate,
  evaluate,
  InputError,
  machine,
  place,
  readPlacement,
  schedule,
  splitHoldout,
  writePlacement,
  type PlaceOptions,
} from "../../index.js";
import type { StepMetrics, StepTime } from "../../doors/flows.js";
import { parseModelConfig } from "../../lib/hardware/model-config.js";
import type { RoutingTrace } from "../../lib/trace/routing-trace.js";
import { openWorkplace, type Workplace } from "../cli/run-cli.js";
import { expectRejection } from "../expect-rejection.js";
import { sampleTrace, traceText } from "../sample-trace.js";

describe("programs", () => {
  let workplace: Workplace;
  let trace: RoutingTrace;
  let asked: PlaceOptions;
  beforeEach(async () => {
    workplace = openWorkplace();
    // As a file without a model gives it.
    trace = { ...sampleTrace(), model: undefined };
    workplace.write("trace.jsonl", traceText(trace));
    asked = {
      machine: await machine("mozart-deepseek-calibrated", { model: "deepseek-moe-16b", numChiplets: 4 }),
    };
  });
  afterEach(() => {
    workplace.remove();
  });
  const common = ["trace.jsonl", "--model", "deepseek-moe-16b", "--chiplets", "4"];

  const requests: [string, Partial<PlaceOptions>, string[]][] = [
    ["tokens held out", { holdout: 0.25, seed: 3 }, ["--holdout", "0.25", "--seed", "3"]],
    [
      "limits and pins",
      { maxLoad: 1.6, pins: [{ expert: 0, chiplet: 3 }], antiAffinity: [[1, 2]] },
      ["--max-load", "1.6", "--pin", "0:3", "--apart", "1,2"],
    ],
    [
      "room left in a chiplet group",
      { slotsPerChiplet: 4, groupExperts: 2 },
      ["--slots", "4", "--group-experts", "2"],
    ],
    [
      "replicas and balance",
      { numReplicas: 2, objective: "load" },
      ["--replicas", "2", "--objective", "balance"],
    ],
  ];
  for (const [what, options, args] of requests) {
    it(`write the placement that the command writes, byte for byte: ${what}`, async () => {
      const outcome = await place(trace, { ...asked, ...options });
      if (outcome.status !== "placed") throw new Error(outcome.status);
      await workplace.run("place", ...common, ...args, "-o", "p.json");
      expect(writePlacement(outcome.placement)).to.equal(workplace.read("p.json"));
    });
  }

  it("tell the time of a step and what is proved of it as the commands do, on tokens held out, too", async () => {
    const outcome = await place(trace, { ...asked, holdout: 0.25 });
    if (outcome.status !== "placed") throw new Error(outcome.status);
    const placed = await workplace.runJson("place", ...common, "--holdout", "0.25", "-o", "p.json");
    expect(outcome.time).to.deep.equal((placed as { time: unknown }).time);
    expect(outcome.time!.atLeastNs).to.be.within(1, outcome.time!.learnedNs);
    const evaluated = async (...args: string[]) => {
      const { placements } = (await workplace.runJson("evaluate", "trace.jsonl", ...args)) as {
        placements: { step: StepMetrics; time: StepTime }[];
      };
      return placements[0];
    };
    const { step, time } = await evaluated("p.json", "--holdout", "0.25", "--model", "deepseek-moe-16b");
    expect(time).to.deep.equal(outcome.time);
    const { heldOut } = splitHoldout(trace, 0.25);
    expect(step).to.deep.equal(evaluate(heldOut, outcome.placement, asked.machine).step);
    expect(step.atLeastNs).to.be.within(1, step.stepNs);
    const all = await place(trace, asked);
    if (all.status !== "placed") throw new Error(all.status);
    const own = evaluate(trace, all.placement, asked.machine).step!;
    expect(own.atLeastNs).to.equal(all.time!.atLeastNs);
    await workplace.run("place", ...common, "-o", "all.json");
    expect((await evaluated("all.json", "--model", "deepseek-moe-16b")).step).to.deep.equal(own);
  });

  it("begin at a running placement, and move no more experts than they are told", async () => {
    await workplace.run("place", ...common, "--solver", "random", "-o", "p.json");
    const from = await readPlacement(workplace.read("p.json"), "p.json");
    const outcome = await place(trace, { ...asked, from, maxMoves: 2 });
    if (outcome.status !== "placed") throw new Error(outcome.status);
    await workplace.run("place", ...common, "--from", "p.json", "--max-moves", "2", "-o", "q.json");
    expect(writePlacement(outcome.placement)).to.equal(workplace.read("q.json"));
  });

  it("are told the objectives there are, whatever word of the command line they pass", async () => {
    const from = { model: undefined, numExperts: 8, numChiplets: 4, layers: [] };
    for (const objective of ["balance", "tiem", 3, null]) {
      const wrong = { ...asked, objective } as unknown as PlaceOptions;
      const message = /^objective: found (balance|tiem|3|null), expected one of traffic, load, time$/;
      await expectRejection(place(trace, wrong), message);
      await expectRejection(place(trace, { ...wrong, from, maxMoves: 2 }), message);
      await expectRejection(compare(trace, wrong), message);
    }
  });

  it("take the sizes of a model from its config.json, as the command does", async () => {
    const config = {
      ...{
        model_type: "mixtral",
        hidden_size: 64,
        intermediate_size: 96,
        num_hidden_layers: 2,
        vocab_size: 100,
      },
      ...{ num_local_experts: 8, num_experts_per_tok: 2, num_attention_heads: 4, num_key_value_heads: 2 },
    };
    workplace.write("config.json", JSON.stringify(config));
    const { shape } = await machine("h100-8x8", { model: join(workplace.folder, "config.json") });
    expect(shape).to.deep.equal(parseModelConfig(config, "config.json"));
    workplace.write("broken.json", "{");
    for (const [model, message] of [
      [join(workplace.folder, "broken.json"), "found no JSON, expected the configuration of a model"],
      ["mixtrall-8x7b", "model: found mixtrall-8x7b, expected one of "],
    ] as const) {
      await expectRejection(machine("h100-8x8", { model }), message);
    }
  });

  it("schedule no placement of another number of experts", async () => {
    const outcome = await place(trace, asked);
    if (outcome.status !== "placed") throw new Error(outcome.status);
    const other = { ...outcome.placement, numExperts: 128 };
    expect(() => schedule(trace, other, { machine: asked.machine })).to.throw(
      InputError,
      "found 128 experts",
    );
  });

  it("compare the solvers that the command compares", async () => {
    const rows = await compare(trace, asked);
    const { solvers } = (await workplace.runJson("compare", ...common)) as {
      solvers: { solver: string; cost: number }[];
    };
    expect(rows.map(({ solver, cost }) => ({ solver, cost }))).to.deep.equal(
      solvers.map(({ solver, cost }) => ({ solver, cost })),
    );
  });

  it("judge what is learned on one task on every other, as the command does", async () => {
    const table = await crossEvaluate(
      { "trace.jsonl": trace, "again.jsonl": trace },
      { ...asked, solver: "exact" },
    );
    workplace.write("again.jsonl", workplace.read("trace.jsonl"));
    const { tasks } = (await workplace.runJson(
      "compare",
      ...common,
      "--solver",
      "exact",
      "--evaluate-on",
      "again.jsonl",
    )) as { tasks: unknown };
    expect(table).to.deep.equal(tasks);
  });
});
