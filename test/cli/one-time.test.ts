import { expect } from "chai";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware, hardwarePresets } from "../../lib/hardware/presets.js";
import { timeOfPlacement } from "../../lib/flows/step-time.js";
import { parsePlacement } from "../../lib/placement/placement-file.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface Timed {
  readonly time: {
    readonly configuration: string;
    readonly learnedNs: number;
    readonly heldOutNs: number | null;
  };
}

describe("the time of a step", () => {
  const model = "olmoe-1b-7b";
  const trace = sampleTrace({ numExperts: 144, layers: [1, 2] });
  let place: Workplace;
  before(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(trace));
  });
  after(() => {
    place.remove();
  });

  it("is that of the step that a placement was made for, unless the options say another", async () => {
    const step = ["--workload", "decode", "--tokens", "64", "--weight-format", "fp8", "--launch", "12"];
    const made = ["--hardware", "h100-8x8", "--chiplets", "16", "--solver", "mozart", "-o", "decode.json"];
    const { time } = (await place.runJson(
      ...["place", "trace.jsonl", "--model", model, ...step, ...made],
    )) as Timed;
    const evaluated = async (...args: string[]) => {
      const files = ["trace.jsonl", "decode.json", "--model", model];
      const { workload, placements } = (await place.runJson("evaluate", ...files, ...args)) as {
        workload: { phase: string; tokensPerChiplet: number; launchNs: number; formats: object };
        placements: Timed[];
      };
      return { workload, time: placements[0].time };
    };
    const again = await evaluated();
    expect(again.time).to.deep.equal(time);
    expect(again.workload).to.deep.include({ phase: "decode", tokensPerChiplet: 64, launchNs: 12_000 });
    expect((await evaluated("--launch", "20")).time.learnedNs).to.be.above(time.learnedNs);
    const { workload: wider } = await evaluated("--tokens", "128", "--dispatch-format", "fp8");
    expect(wider).to.deep.equal({
      ...again.workload,
      tokensPerChiplet: 128,
      formats: { ...again.workload.formats, dispatch: "fp8" },
    });
    expect((await evaluated("--workload", "prefill")).workload).to.deep.include({
      phase: "prefill",
      tokensPerChiplet: 8192,
    });
    const scheduled = (await place.runJson(
      ...["schedule", "trace.jsonl", "decode.json", "--model", model],
    )) as { makespanNs: number };
    expect(scheduled.makespanNs).to.equal(time.learnedNs);
  });

  for (const { name } of hardwarePresets) {
    it(`is the same in place, compare, evaluate, schedule, the report and the library: ${name}`, async () => {
      const machine = ["--hardware", name, "--model", model];
      const holdout = ["--holdout", "0.25"];
      const file = `${name}.json`;
      const run = (...args: string[]) => place.runJson(...args, ...machine);
      const placed = (await run(
        ...["place", "trace.jsonl", "--solver", "mozart", "-o", file, ...holdout],
      )) as Timed;
      const compared = (await run(
        ...["compare", "trace.jsonl", "--solver", "mozart", "--report", `${name}.html`, ...holdout],
      )) as { solvers: Timed[] };
      const [whole, split] = (await Promise.all(
        [[], holdout].map((share) => run("evaluate", "trace.jsonl", file, ...share)),
      )) as { placements: (Timed & { step: { stepNs: number } })[] }[];
      const [scheduled, onHeldOut] = (await Promise.all(
        [[], holdout].map((share) => run("schedule", "trace.jsonl", file, ...share)),
      )) as { makespanNs: number; configuration: string }[];

      expect(placed.time.configuration).to.equal("chunked");
      expect(compared.solvers[0].time).to.deep.equal(placed.time);
      expect(split.placements[0].time).to.deep.equal(placed.time);
      expect(split.placements[0].step.stepNs).to.equal(placed.time.heldOutNs);
      expect(scheduled.configuration).to.equal("chunked");
      expect(onHeldOut.makespanNs).to.equal(placed.time.heldOutNs);
      expect(whole.placements[0].time.learnedNs).to.equal(scheduled.makespanNs);
      expect(whole.placements[0].time.heldOutNs).to.equal(null);
      expect(place.read(`${name}.html`)).to.contain("step, chunked");

      const placement = await parsePlacement(place.read(file), file);
      const { numChiplets, numGroups } = placement;
      const hardware = withChiplets(findHardware(name)!, { numChiplets, ...(numGroups && { numGroups }) });
      const sized = { hardware, shape: findModelShape(model)! };
      expect(timeOfPlacement(trace, placement, sized)).to.equal(scheduled.makespanNs);
    });
  }
});
