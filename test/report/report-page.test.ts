import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { expect } from "chai";
import { evaluatePlacement } from "../../lib/flows/evaluate.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import type { Placement } from "../../lib/placement/placement.js";
import type { ComparedSolver, ComparisonRow } from "../../lib/flows/compare.js";
import { comparisonPicture } from "../../lib/report/comparison-picture.js";
import type { PlacedSolver } from "../../lib/report/layer-view.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { encodePng } from "../../lib/report/png.js";
import { CHART_SIZES } from "../../lib/report/draw-plot.js";
import { verdictSentence, type ReportRow } from "../../lib/report/report-answer.js";
import { reportPage } from "../../lib/report/report-page.js";
import { scheduleSteps } from "../../lib/report/placed-steps.js";
import { tradeOff } from "../../lib/report/trade-off.js";
import { timeOfPlacement } from "../../lib/flows/step-time.js";
import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { countTokenCopies } from "../../lib/placement/cost.js";
import { sampleTrace } from "../sample-trace.js";

const trace = sampleTrace({ layers: [1, 2, 3] });
const hardware = withChiplets(findHardware("mozart-deepseek")!, { numChiplets: 4, numGroups: 2 });

function compared(name: string, chipletOf: (expert: number) => number): ComparedSolver {
  const chiplets = Uint16Array.from({ length: 8 }, (_, expert) => chipletOf(expert));
  const placement: Placement = {
    model: undefined,
    numExperts: 8,
    numChiplets: 4,
    layers: trace.layers.map((layer) => ({
      layer: layer.layer,
      status: "feasible",
      chiplets: expertsOfChiplets(chiplets, 4),
      cost: countTokenCopies(collectPatterns(layer, trace), chiplets) / layer.numTokens,
      stoppedBy: "rule",
    })),
  };
  const learned = evaluatePlacement(trace, placement, { chipletsPerGroup: 2 });
  return { name, answer: { status: "placed", placement, learned }, seconds: 1 };
}

const solvers = [
  compared("contiguous", (expert) => Math.floor(expert / 2)),
  compared("paired & <best>", (expert) => expert % 4),
];
const report = { solvers, trace, hardware, facts: ["8 experts", "4 chiplets"] };

/** The layers as the page's script reads them. */
function layersOf(page: string): { after: { experts: number[][] } }[] {
  const [, json] = /id="layers">([^<]*)</.exec(page)!;
  return (JSON.parse(json) as { layers: { after: { experts: number[][] } }[] }).layers;
}

describe("reportPage", () => {
  it("takes names from files for text, whatever they hold", async () => {
    const model = '<script>alert(1)</script><img src=x onerror="y">\u001b[2J';
    const page = await reportPage({ ...report, trace: { ...trace, model } });
    expect(page).to.not.match(/<script>alert|<img src=x|\u001b/);
    expect(page.match(/<script/g)).to.have.length(2);
    expect(page).to.contain("&#60;script&#62;");
  });

  it("is one page without network or time, the same every time", async () => {
    const page = await reportPage(report);
    expect(page)
      .to.match(/^<!doctype html>/)
      .and.contain("</html>");
    expect(page).to.not.match(/<link|src="(?!data:)|@import|https?:\/\/(?!www\.w3\.org)/);
    expect(await reportPage(report)).to.equal(page);
    expect(
      await reportPage({ ...report, solvers: solvers.map((solver) => ({ ...solver, seconds: 9 })) }),
    ).to.equal(page);
  });

  it("lets no script run but its own, by hash", async () => {
    const page = await reportPage(report);
    const script = /<script>([^]*?)<\/script>/.exec(page)![1];
    const hash = createHash("sha256").update(script).digest("base64");
    expect(page).to.contain(
      `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`,
    );
  });

  it("writes the names of points at the right of the trade-off to their left, where they have room", () => {
    const rows = [1.2, 2.4].map((loadMaxOverMean) => ({
      solver: `solver-of-load-${loadMaxOverMean}`,
      learned: { tokenReplication: 3, loadMaxOverMean },
    })) as unknown as ComparisonRow[];
    const drawn = tradeOff(rows, { size: CHART_SIZES.wide });
    const labels = [
      ...drawn.matchAll(/<g [^>]*text-anchor="(end|start)"[^>]*>((?:<text[^>]*>[^<]*<\/text>)+)<\/g>/g),
    ];
    const anchorOf = (name: string) => labels.find(([, , texts]) => texts.includes(name))?.[1];
    expect([anchorOf("load-1.2"), anchorOf("load-2.4")]).to.deep.equal(["start", "end"]);
  });

  it("shows every one of points at the same place, with their names as one list and a line to it", () => {
    const rows = ["ilp", "exact", "auto"].map((solver) => ({
      solver,
      learned: { tokenReplication: 2.566, loadMaxOverMean: 1.97 },
    }));
    const rest = [{ solver: "contiguous", learned: { tokenReplication: 3.453, loadMaxOverMean: 1.49 } }];
    const drawn = tradeOff([...rows, ...rest] as unknown as ComparisonRow[], { size: CHART_SIZES.wide });
    const radii = ["ilp", "exact", "auto"].map((name) =>
      Number(new RegExp(`<circle data-solver="${name}"[^>]* r="([\\d.]+)"`).exec(drawn)?.[1]),
    );
    expect(radii[0]).to.be.above(radii[1]);
    expect(radii[1]).to.be.above(radii[2]);
    expect(drawn).to.match(/<tspan[^>]*>ilp<\/tspan><tspan[^>]*>exact<\/tspan><tspan[^>]*>auto<\/tspan>/);
  });

  it("has round ticks where all points of an axis have one value", () => {
    const learned = { tokenReplication: 3.840332, loadMaxOverMean: 1.340712 };
    const rows = [{ solver: "alone", learned }] as unknown as ComparisonRow[];
    const ticks = [...tradeOff(rows, { size: CHART_SIZES.wide }).matchAll(/>([\d.]+)<\/text>/g)].map(
      ([, text]) => text,
    );
    expect(ticks).to.have.length.above(4);
    expect(Math.max(...ticks.map(({ length }) => length)), ticks.join()).to.be.at.most(4);
  });

  it("draws bars, a trade-off, lines, loads, floor plans and batches at two sizes, each with a label", async () => {
    const page = await reportPage(report);
    const labels = [...page.matchAll(/<svg[^>]*aria-label="([^"]*)"/g)].map(([, label]) => label);
    const starts = [
      "Solvers by C_T, chiplets a token visits, the best first",
      "C_T against the largest load, a point a solver",
      "Token replication C_T of every layer",
      "Load of every chiplet over the mean; the largest: contiguous ",
      "The machine with the experts of a layer as paired",
      "Distribution of the largest load",
    ];
    expect(labels).to.have.length(2 * starts.length);
    starts.forEach((start, index) => expect(labels[2 * index].slice(0, start.length)).to.equal(start));
    expect(page.match(/>group \d</g)).to.have.length(4);
    // Chiplet 1 of the better placement holds experts 1 and 5.
    expect(page).to.contain(">1 5</text>");
    expect(layersOf(page)[0].after.experts).to.deep.equal([[0, 4], [1, 5], [2, 6], [3, 7]]); // prettier-ignore
  });

  it("draws every link of a mesh with its own share", async () => {
    const mesh = withChiplets(findHardware("wormhole-8x4")!, { numChiplets: 4 });
    for (const shape of [undefined, findModelShape("deepseek-moe-16b")]) {
      const page = await reportPage({ ...report, hardware: mesh, ...(shape && { shape }) });
      const drawn = [
        ...page.matchAll(/data-(?:right|below)="\d" [^>]*aria-label="(link \d to \d): (\d+) %"/g),
      ];
      const { columns } = mesh.mesh!;
      const numLinks = (4 / columns) * (columns - 1) + (4 / columns - 1) * columns;
      expect(new Set(drawn.map(([, name]) => name)).size).to.equal(numLinks);
      expect(new Set(drawn.map(([, , share]) => share)).size).to.be.above(1);
      const [{ after }] = layersOf(page) as unknown as {
        after: { right: number[]; below: number[]; link: number[] };
      }[];
      expect(Math.max(...after.link)).to.equal(Math.max(...after.right, ...after.below));
      expect(page).to.not.contain("data-link=");
    }
  });

  it("tells steps, what binds and what is proved where the model's sizes are known", async () => {
    const machine = { hardware, shape: findModelShape("deepseek-moe-16b")! };
    const timed = solvers.map((solver): ComparedSolver => {
      const { placement } = (solver as PlacedSolver).answer;
      const bounds = new Map(trace.layers.map(({ layer }) => [layer, { bound: 1 }]));
      const learned = evaluatePlacement(trace, placement, { chipletsPerGroup: 2, machine, bounds });
      return { ...solver, answer: { status: "placed", placement, learned } };
    });
    const page = await reportPage({ ...report, ...machine, solvers: timed, objective: "time" });
    expect(page).to.match(/<p class="headline">[^<]*modelled train step/);
    for (const term of [
      "Time of a train step",
      "Tokens a second",
      "What binds",
      "Proved, in time",
      "C_G, chiplet groups",
      "Largest load of a chiplet group",
      "Energy of a step",
    ]) {
      expect(page).to.contain(`<dt>${term}</dt>`);
    }
    expect(page.match(/data-gantt="(layer|step)"/g)).to.have.length(2);
    expect(page).to.contain("links.root.bytesPerNs");
  });

  it("says in the card and in the sentence what binds on the same tokens: those held out", async () => {
    const shape = findModelShape("deepseek-moe-16b")!;
    const heldOut = sampleTrace({ layers: [1, 2, 3], seed: 5 });
    const evaluate = (tokens: typeof trace, placement: Placement) =>
      evaluatePlacement(tokens, placement, { chipletsPerGroup: 2, machine: { hardware, shape } });
    const timed = solvers.map((solver): ComparedSolver => {
      const { placement } = (solver as PlacedSolver).answer;
      const learned = evaluate(trace, placement);
      return {
        ...solver,
        answer: { status: "placed", placement, learned, heldOut: evaluate(heldOut, placement) },
      };
    });
    const page = await reportPage({ ...report, heldOut, shape, solvers: timed, objective: "time", draws: 3 });
    const [, card] = /<dt>What binds<\/dt><dd>([^<]*)/.exec(page)!;
    expect(page).to.contain(`what binds is ${card}`);
    expect(page).to.match(
      /with contiguous [^<]*, at work for \d+ % of the step[^<]*; held-out tokens; critical path/,
    );
  });

  it("schedules replicas as every command does where a placement does not say how tokens choose: on GPUs any", () => {
    const gpus = withChiplets(findHardware("h100-8x8")!, { numChiplets: 4, numGroups: 1 });
    const machine = { hardware: gpus, shape: findModelShape("gpt-oss-20b")! };
    const chiplets = [[0, 1, 2], [2, 3, 0], [4, 5, 6], [6, 7, 4]]; // prettier-ignore
    const layers = trace.layers.map(({ layer }) => ({ layer, chiplets, status: "feasible" as const }));
    const placement = { numExperts: 8, numChiplets: 4, layers } as unknown as Placement;
    const learned = evaluatePlacement(trace, placement, { chipletsPerGroup: 4, machine });
    const answer = { status: "placed" as const, placement, learned };
    const [{ step }] = scheduleSteps({ ...machine, trace }, [{ name: "engine", answer, seconds: 0 }]);
    expect(step.makespanNs).to.equal(timeOfPlacement(trace, placement, machine));
    const nearest = { ...placement, dispatch: "nearest" as const };
    expect(timeOfPlacement(trace, nearest, machine)).to.not.equal(step.makespanNs);
  });

  it("draws what is proved across all bars, or beside those alone that it holds for", async () => {
    const [first, second] = solvers as PlacedSolver[];
    const proved = (solver: PlacedSolver, bound: number, chiplets?: number[][]): ComparedSolver => {
      const { placement, learned } = solver.answer;
      const layers = placement.layers.map((layer) => ({ ...layer, bound, ...(chiplets && { chiplets }) }));
      return { ...solver, answer: { status: "placed", placement: { ...placement, layers }, learned } };
    };
    const captions = await Promise.all(
      [
        undefined,
        [
          [0, 1, 2],
          [2, 3],
          [4, 5],
          [6, 7],
        ],
      ].map(async (chiplets) => {
        const page = await reportPage({
          ...report,
          solvers: [proved(first, 1.1), proved(second, 1, chiplets)],
        });
        return /the dashed line is proved: ([^<.]*)/.exec(page)![1];
      }),
    );
    expect(captions).to.deep.equal([
      "no placement has less on the tokens learned from",
      "no placement with as few replicas has less on the tokens learned from",
    ]);
  });

  it("ranks by what was minimised", async () => {
    const page = await reportPage({ ...report, objective: "load" });
    const rows = [...page.matchAll(/<tr data-solver="([^"]+)"/g)].map(([, name]) => name);
    const loadOf = ({ answer }: ComparedSolver) =>
      (answer as PlacedSolver["answer"]).learned.mean.loadMaxOverMean;
    const ranked = solvers.toSorted((left, right) => loadOf(left) - loadOf(right)).map(({ name }) => name[0]);
    expect(rows.map((name) => name[0])).to.deep.equal(ranked);
  });

  it("says of a placement that is as fast what else it changes, and quotes the names of files", () => {
    const row = (solver: string, tokenReplication: number, isFile = false) =>
      ({
        solver,
        isFile,
        stepNs: 1e6,
        heldOut: { tokenReplication, loadMaxOverMean: 1 },
      }) as unknown as ReportRow;
    const machine = { hardware };
    const input = {
      before: row("contiguous", 4),
      after: row("p", 3, true),
      objective: "time",
      machine,
    } as const;
    expect(verdictSentence(input)).to.equal(
      '"p" is as fast as contiguous on held-out tokens, with 25.0 % fewer token copies.',
    );
  });

  it("escapes names", async () => {
    const page = await reportPage(report);
    expect(page).to.contain("paired &#38; &#60;best&#62;").and.not.contain("<best>");
  });

  it("draws what was asked about where contiguous is better", async () => {
    const asked = [
      compared("contiguous", (expert) => expert % 4),
      compared("asked", (expert) => Math.floor(expert / 2)),
    ];
    const page = await reportPage({ ...report, solvers: asked });
    expect(page).to.contain("Keep the contiguous placement").and.not.contain("not told apart");
    expect(layersOf(page)[0].after.experts[0]).to.deep.equal([0, 1]);
    expect(page).to.contain('"names":{"before":"contiguous","after":"asked"}');
  });

  it("draws the lines of contiguous and of the best, and says why not of others", async () => {
    const worse = Array.from({ length: 6 }, (_, index) =>
      compared(`worse-${index}`, (expert) => Math.floor(expert / 2)),
    );
    const page = await reportPage({ ...report, solvers: [...worse, ...solvers] });
    expect(page).to.contain(
      "More than 6 lines are not told apart: the best are drawn, and contiguous; not worse-4, worse-5.",
    );
  });

  it("makes do with one solver, or with none that found a placement", async () => {
    expect(await reportPage({ ...report, solvers: [solvers[1]] })).to.not.contain("Floor plan");
    const failed: ComparedSolver = {
      name: "failed",
      answer: { status: "infeasible", reason: "no room" },
      seconds: 1,
    };
    expect(await reportPage({ ...report, solvers: [failed] })).to.contain("infeasible");
  });
});

describe("comparisonPicture", () => {
  it("tells solvers apart by C_T where all steps take as long", async () => {
    const timed = (ns: number) =>
      solvers.map(({ answer, ...solver }, index) => {
        if (answer.status !== "placed") throw new Error(answer.status);
        const workload = { phase: "train", transport: "per-group" };
        const step = { workload, stepNs: 1e6 + ns * index, stepPj: 1, tokensPerSecond: 1, atLeastNs: null };
        const learned = { ...answer.learned, step };
        return { ...solver, answer: { ...answer, learned } } as unknown as ComparedSolver;
      });
    const [same, apart] = await Promise.all(
      [100, 1e5].map((ns) => comparisonPicture({ ...report, solvers: timed(ns), objective: "time" })),
    );
    expect(same).to.contain("C_T, chiplets a token visits; all steps take as long");
    expect(apart).to.contain("time of a step").and.not.contain("take as long");
  });

  it("is one SVG document, the same every time, with heat maps where there is something to compare with", async () => {
    const picture = await comparisonPicture(report);
    expect(picture).to.match(/^<svg [^>]*role="img" aria-label="[^"]+"/);
    expect(picture.match(/data:image\/png/g)).to.have.length(2);
    expect(await comparisonPicture(report)).to.equal(picture);
    const alone = await comparisonPicture({ ...report, solvers: [solvers[1]] });
    expect(alone).to.contain("C_T").and.not.contain("image/png");
  });
});

describe("encodePng", () => {
  it("writes rows of palette indices that a reader finds again", () => {
    const pixels = Uint8Array.of(0, 1, 2, 2, 1, 0);
    const png = Buffer.from(encodePng(pixels, { width: 3, palette: [[0, 0, 0], [255, 0, 0], [1, 2, 3]] })); // prettier-ignore
    expect(png.subarray(1, 4).toString()).to.equal("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]]).to.deep.equal([3, 2, 8, 3]);
    const start = png.indexOf("IDAT");
    const data = png.subarray(start + 4, start + 4 + png.readUInt32BE(start - 4));
    expect([...inflateSync(data)]).to.deep.equal([0, 0, 1, 2, 0, 2, 1, 0]);
    // The checksum of an empty IEND is known.
    expect(png.subarray(-4).toString("hex")).to.equal("ae426082");
  });
});
