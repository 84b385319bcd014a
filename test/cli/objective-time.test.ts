import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { skewedTrace } from "../skewed-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface ComparedJson {
  readonly solvers: readonly {
    readonly solver: string;
    readonly layers: readonly {
      readonly layer: number;
      readonly learned: { readonly modelled: { readonly scheduledLayerNs: number } };
    }[];
  }[];
}

describe("--objective time", () => {
  let place: Workplace;
  before(() => {
    place = openWorkplace();
    place.write("skewed.jsonl", traceText(skewedTrace()));
    place.write("sample.jsonl", traceText(sampleTrace({ numExperts: 16 })));
  });
  after(() => {
    place.remove();
  });

  const cases = [
    { trace: "skewed.jsonl", hardware: "mozart-deepseek", model: "deepseek-moe-16b", more: [] },
    { trace: "skewed.jsonl", hardware: "ucie-a-hbm3", model: "qwen3-30b-a3b", more: ["--pin", "0:3"] },
    { trace: "sample.jsonl", hardware: "mozart-qwen3", model: "qwen3-30b-a3b", more: ["--max-load", "1.3"] },
    { trace: "sample.jsonl", hardware: "h100-8x8", model: "olmoe-1b-7b", more: ["--replicas", "4"] },
  ];
  for (const { trace, hardware, model, more } of cases) {
    it(`never takes more time than a rival: ${trace} on ${hardware} ${more.join(" ")}`, async () => {
      const { solvers } = (await place.runJson(
        ...["compare", trace, "--objective", "time", "--hardware", hardware, "--model", model],
        ...["--chiplets", "8", "--groups", "4", ...more],
      )) as ComparedJson;
      const minimisers = solvers.filter(({ solver }) => ["auto", "local-search"].includes(solver));
      expect(minimisers).to.not.have.length(0);
      for (const { layers } of minimisers) {
        layers.forEach(({ learned }, index) => {
          for (const rival of solvers) {
            const rivalNs = rival.layers[index].learned.modelled.scheduledLayerNs;
            expect(learned.modelled.scheduledLayerNs, rival.solver).to.be.at.most(rivalNs);
          }
        });
      }
    });
  }

  it("judges by the makespan that schedule prints", async () => {
    const machine = ["--model", "deepseek-moe-16b"];
    const { learned } = (await place.runJson(
      ...["place", "skewed.jsonl", "--objective", "time", "--chiplets", "8", ...machine, "-o", "p.json"],
    )) as { learned: { modelled: { scheduledLayerNs: number } } };
    let sumNs = 0;
    for (const layer of ["1", "2", "3"]) {
      const { makespanNs } = (await place.runJson(
        ...["schedule", "skewed.jsonl", "p.json", "--layer", layer, ...machine],
      )) as { makespanNs: number };
      sumNs += makespanNs;
    }
    expect(learned.modelled.scheduledLayerNs).to.be.closeTo(sumNs / 3, 1e-6 * sumNs);
  });

  it("leaves baselines the numbers of chiplets that they answer, which other placements may change", async () => {
    const options = ["--chiplets", "8", "--model", "deepseek-moe-16b", "--holdout", "0.25"];
    const { solvers } = (await place.runJson(
      ...["compare", "skewed.jsonl", "--objective", "time", ...options],
    )) as { solvers: { solver: string; time: { learnedNs: number } }[] };
    const times = new Map(solvers.map(({ solver, time }) => [solver, time.learnedNs]));
    for (const solver of ["contiguous", "eplb-global"]) {
      const { time } = (await place.runJson(
        ...["place", "skewed.jsonl", "--solver", solver, ...options],
      )) as { time: { learnedNs: number } };
      expect(times.get(solver), solver).to.equal(time.learnedNs);
    }
  });

  it("says how far above the least time proved the step is", async () => {
    const machine = ["--chiplets", "8", "--model", "deepseek-moe-16b"];
    const { stdout } = await place.run("place", "skewed.jsonl", ...machine);
    const { time } = (await place.runJson("place", "skewed.jsonl", ...machine)) as {
      time: { learnedNs: number; atLeastNs: number };
    };
    const more = (100 * (time.learnedNs / time.atLeastNs - 1)).toFixed(2);
    expect(stdout).to.match(new RegExp(`^proved: no placement takes less than .*, ${more} % more$`, "m"));
  });
});
