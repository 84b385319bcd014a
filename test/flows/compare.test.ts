import { expect } from "chai";
import { findHardware } from "../../lib/hardware/presets.js";
import type { Evaluation } from "../../lib/flows/evaluate.js";
import type { Metrics } from "../../lib/flows/layer-metrics.js";
import type { LayerPlacement } from "../../lib/placement/placement.js";
import { comparisonCsv, comparisonData } from "../../lib/report/comparison-data.js";
import { comparisonHeadline, comparisonTable } from "../../lib/report/comparison-table.js";
import { compareSolvers, type ComparedSolver, type ComparisonRow } from "../../lib/flows/compare.js";
import { createWorkload } from "../../lib/performance/workload.js";

const rule = compared("contiguous", [{ cost: 4 }, { cost: 3 }]);
const search = compared("search", [{ cost: 2 }, { cost: 3, bound: 1 }]);
const proof = compared("proof", [
  { cost: 2, bound: 2 },
  { cost: 2.5, bound: 2 },
]);
const failed: ComparedSolver = {
  name: "failed",
  answer: { status: "infeasible", reason: "layer 0: 5 experts apart, 4 chiplets" },
  seconds: 2,
};

describe("compareSolvers", () => {
  it("measures every placement against the best bound that any solver proved", () => {
    const rows = compareSolvers([rule, search, proof]);
    expect(rows.map(({ cost, bound, gap }) => [cost, bound, gap])).to.deep.equal([
      [3.5, 2, 0.75],
      [2.5, 2, 0.25],
      [2.25, 2, 0.125],
    ]);
    expect(rows.map(({ status, numOptimal }) => [status, numOptimal])).to.deep.equal([
      ["feasible", 0],
      ["feasible", 1],
      ["feasible", 1],
    ]);
  });

  it("holds no placement to what was proved of fewer replicas than it has", () => {
    const chiplets = [[0, 1], [1]];
    const few = compared("few", [{ cost: 3, bound: 2 }]);
    const many = compared("many", [{ cost: 1.5, bound: 1, chiplets }]);
    const rows = compareSolvers([few, many]);
    expect(rows.map(({ bound, gap, status }) => [bound, gap, status])).to.deep.equal([
      [2, 0.5, "feasible"],
      [1, 0.5, "feasible"],
    ]);
  });

  it("calls a placement optimal where every layer meets a bound, whoever proved it", () => {
    const [row] = compareSolvers([
      compared("lucky", [{ cost: 2 }]),
      compared("proof", [{ cost: 2, bound: 2 }]),
    ]);
    expect(row).to.deep.include({ status: "optimal", numOptimal: 1, numLayers: 1, gap: 0 });
  });

  it("tells no gap where a layer has no bound", () => {
    const [, row] = compareSolvers([rule, search]);
    expect(row.bound).to.equal(undefined);
    expect(row.gap).to.equal(undefined);
  });

  it("keeps the reason of a solver without placement", () => {
    const [row] = compareSolvers([failed]);
    expect(row).to.deep.include({
      status: "infeasible",
      reason: "layer 0: 5 experts apart, 4 chiplets",
      seconds: 2,
    });
    expect(row.cost).to.equal(undefined);
  });
});

describe("comparisonTable", () => {
  it("shows the columns that have anything in them", () => {
    const { headers, cells } = comparisonTable(compareSolvers([rule, proof, failed]), { seconds: true });
    expect(headers).to.deep.equal([
      "solver",
      "C_T learned",
      "C_G",
      "max load",
      "gap in C_T",
      "proof",
      "seconds",
    ]);
    expect(cells).to.deep.equal([
      ["contiguous", "3.500", "1.500", "1.20", "75.00 %", "none", "1.0"],
      ["proof", "2.250", "1.500", "1.20", "12.50 %", "1 of 2 layers", "1.0"],
      ["failed", "", "", "", "", "infeasible", "2.0"],
    ]);
    expect(comparisonTable(compareSolvers([rule]), { seconds: false }).headers).to.not.include("seconds");
  });
});

describe("a comparison of what was searched on batches", () => {
  const timed = (
    solver: ComparedSolver,
    stepNs: number,
    batchNs: { learnedNs: number; stepNs?: number },
  ) => ({
    ...compareSolvers([solver])[0],
    stepNs,
    batchStep: { tokens: 16, stepNs: undefined, ...batchNs },
  });
  const by = { objective: "time", machine: { hardware: findHardware("mozart-deepseek")! } } as const;
  const heldOut = <R extends { learned: unknown }>(row: R) => ({ ...row, heldOut: row.learned });

  it("has columns of batches, in place of the layers that were not minimised, and goes by their mean", () => {
    // Slower with all tokens at once, faster in the mean over batches.
    const rows = [
      timed(rule, 2e6, { learnedNs: 4e6, stepNs: 4e6 }),
      timed(proof, 3e6, { learnedNs: 3.5e6, stepNs: 3e6 }),
    ].map(heldOut) as unknown as ComparisonRow[];
    const { headers, cells, best } = comparisonTable(rows, { seconds: false });
    expect(headers.filter((header) => /step|batches|layer/.test(header))).to.deep.equal([
      "step, ms ()",
      "batches held out, ms",
      "batches learned, ms",
    ]);
    const marked = (header: string) => {
      const column = headers.findIndex((name) => name.startsWith(header));
      return cells.filter((_, row) => best![row][column]).map(([solver]) => solver);
    };
    expect(["step", "batches held", "batches learned"].map(marked)).to.deep.equal([
      ["contiguous"],
      ["proof"],
      ["proof"],
    ]);
    expect(comparisonHeadline(rows, by)).to.match(
      /takes 25\.0 % less time than with contiguous on held-out tokens, in the mean over batches of 16 tokens/,
    );
  });

  it("goes by all tokens held out where those are too few for batches", () => {
    const rows = [timed(rule, 2e6, { learnedNs: 4e6 }), timed(proof, 1e6, { learnedNs: 3.5e6 })].map(
      heldOut,
    ) as unknown as ComparisonRow[];
    expect(comparisonTable(rows, { seconds: false }).headers).to.include("batches learned, ms");
    expect(comparisonHeadline(rows, by)).to.match(
      /takes 50\.0 % less time .* held-out tokens(?!, in the mean)/,
    );
  });
});

describe("comparisonHeadline", () => {
  it("compares the best solver with the layout engines load", () => {
    const by = { objective: "traffic", machine: { hardware: findHardware("mozart-deepseek")! } } as const;
    expect(comparisonHeadline(compareSolvers([rule, proof, failed]), by)).to.equal(
      "proof makes 35.7 % fewer token copies than contiguous.",
    );
    expect(comparisonHeadline(compareSolvers([proof, search]), by)).to.equal(undefined);
  });

  it("answers with the best on the tokens learned from, unless another is better by more than batches make of it", () => {
    const by = { objective: "traffic", machine: { hardware: findHardware("mozart-deepseek")! } } as const;
    const batchesOf = (values: number[]) => ({
      tokens: 8,
      stepTokens: 8,
      each: values.map((tokenReplication) => ({ layerLoads: [1], loadMaxOverMean: 1, tokenReplication })),
    });
    const rows = compareSolvers([rule, proof, compared("lucky", [{ cost: 3 }, { cost: 3 }])]);
    const [plain, learned, lucky] = rows;
    const heldOut = (value: number) => ({ ...learned.learned!, tokenReplication: value });
    const judged = (values: number[]) => [
      { ...plain, heldOut: heldOut(4), batches: batchesOf([4, 4, 4, 4]) },
      { ...learned, heldOut: heldOut(2.5), batches: batchesOf([2.3, 2.7, 2.4, 2.6]) },
      { ...lucky, heldOut: heldOut(2.49), batches: batchesOf(values) },
    ];
    expect(comparisonHeadline(judged([2.6, 2.4, 2.7, 2.26]), by)).to.match(/^proof makes 37\.5 % fewer/);
    expect(comparisonHeadline(judged([2.28, 2.68, 2.38, 2.58]), by)).to.match(/^lucky makes 37\.\d % fewer/);
  });

  it("follows what was minimised, as far as it is known", () => {
    const { hardware } = { hardware: findHardware("mozart-deepseek")! };
    const rows = compareSolvers([rule, proof]).map((row) => ({
      ...row,
      stepNs: row.solver === "proof" ? 2e6 : 1e6,
    }));
    expect(comparisonHeadline(rows, { objective: "time", machine: { hardware } })).to.match(
      /^Keep the contig/,
    );
    expect(comparisonHeadline(rows, { objective: "traffic", machine: { hardware } })).to.match(
      /^proof makes .* fewer token copies than contiguous; a step takes 100.0 % more time/,
    );
    const untimed = compareSolvers([rule, proof]);
    expect(comparisonHeadline(untimed, { objective: "time", machine: { hardware } })).to.match(
      /^proof makes/,
    );
  });
});

describe("comparisonCsv and comparisonData", () => {
  const solvers = [rule, failed];
  const rows = compareSolvers(solvers);

  it("write a line a solver, quoted where needed, with seconds only on demand", () => {
    const [names, first, second] = comparisonCsv(rows, { seconds: false }).split("\n");
    expect(names.split(",").slice(0, 5)).to.deep.equal([
      "solver",
      "status",
      "numOptimal",
      "numLayers",
      "cost",
    ]);
    expect(names).to.contain("learned.tokenReplication").and.not.contain("seconds");
    expect(first).to.match(/^contiguous,feasible,0,2,3\.5,,/);
    expect(second).to.match(/^failed,infeasible,.*"layer 0: 5 experts apart, 4 chiplets"$/);
    expect(comparisonCsv(rows, { seconds: true })).to.contain("seconds");
    const workload = createWorkload(
      { hardware: findHardware("h100-8x8")! },
      { phase: "decode", kvLength: 700 },
    );
    const [told, row] = comparisonCsv(rows, { seconds: false, workload }).split("\n");
    const kvLength = told.split(",").indexOf("workload.kvLength");
    expect(row.split(",")[kvLength]).to.equal("700");
  });

  it("write no formula that a spreadsheet would run", () => {
    const evil = { ...solvers[0], name: '=HYPERLINK("http://x")' };
    const [, row] = comparisonCsv(compareSolvers([evil]), { seconds: false }).split("\n");
    expect(row).to.match(/^"'=HYPERLINK\(""http:\/\/x""\)",/);
  });

  it("say null where nothing is known, and tell every layer", () => {
    const [first, second] = comparisonData(solvers, rows, { seconds: false });
    expect(first).to.deep.include({ solver: "contiguous", bound: null, heldOut: null });
    expect((first as { layers: unknown[] }).layers).to.have.length(2);
    expect(second).to.deep.include({ cost: null, layers: [] });
    expect(JSON.stringify(first)).to.not.contain("seconds");
  });
});

function compared(
  name: string,
  layers: { cost: number; bound?: number; chiplets?: number[][] }[],
): ComparedSolver {
  const metrics = (tokenReplication: number): Metrics => ({
    tokenReplication,
    groupReplication: 1.5,
    loadMaxOverMean: 1.2,
    groupLoadMaxOverMean: 1.1,
  });
  const mean = layers.reduce((sum, { cost }) => sum + cost, 0) / layers.length;
  const learned: Evaluation = {
    mean: metrics(mean),
    layers: layers.map(({ cost }, layer) => ({ layer, tokens: 10, ...metrics(cost) })),
  };
  const placed = layers.map((found, layer): LayerPlacement => ({
    layer,
    status: "feasible",
    chiplets: [[0], [1]],
    stoppedBy: "rule",
    ...found,
  }));
  const placement = { model: undefined, numExperts: 2, numChiplets: 2, layers: placed };
  return { name, answer: { status: "placed", placement, learned }, seconds: 1 };
}
