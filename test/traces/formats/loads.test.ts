import { expect } from "chai";
import { readRouting } from "../../../traces/read-trace.js";
import { npyFile } from "../array-files.js";
import { failureOf, loadsRead, readFolder, realFile } from "../trace-files.js";

describe("EPLB load history", () => {
  it("adds up the steps; layers without load are dense", async () => {
    const step = (...layers: number[][]) => ({ logical_expert_load: layers });
    const content = JSON.stringify({
      load_history: [step([0, 0, 0], [1, 2, 3]), step([0, 0, 0], [10, 0, 0.5])],
    });
    const routing = await readFolder({ "load.json": content }, { layerOffset: 2 });
    expect(loadsRead(routing)).to.deep.equal({ 3: [11, 2, 3.5] });
    expect(routing.report.sources[0].format).to.equal("EPLB load history");
  });

  it("may be the logical counts that SGLang is given", async () => {
    const folder = await readFolder({
      "count.json": JSON.stringify({
        logical_count: [
          [1, 2],
          [3, 4],
        ],
      }),
    });
    expect(loadsRead(folder)).to.deep.equal({ 0: [1, 2], 1: [3, 4] });
    const steps = await readFolder({ "count.json": JSON.stringify({ logical_count: [[[1, 2]], [[3, 4]]] }) });
    expect(loadsRead(steps)).to.deep.equal({ 0: [4, 6] });
  });

  it("is refused where layers differ in experts, loads are negative or no numbers, or all are 0", async () => {
    const told = async (layers: unknown) =>
      failureOf(readFolder({ "load.json": JSON.stringify({ logical_count: layers }) }));
    expect(
      await told([
        [1, 2],
        [1, 2, 3],
      ]),
    ).to.match(/load\.json: found 3 experts, expected 2/);
    expect(await told([[1, -2]])).to.match(/layer 0: found load -2 of expert 1, expected 0 /);
    expect(await told([[1, "a"]])).to.match(/load\.json: layer 0: found \[1,"a"\], expected numbers/);
    expect(await told([[0, 0]])).to.match(/found none above 0, expected at least one/);
    expect(await told([1, 2])).to.match(/found \[1,2\], expected loads \[layers\]\[experts\]/);
  });
});

describe("load matrix", () => {
  it("has a row for every layer", async () => {
    const content = npyFile({ shape: [2, 3], values: Float32Array.of(1, 2, 3, 0, 0.5, 4) });
    expect(loadsRead(await readFolder({ "load.npy": content }))).to.deep.equal({
      0: [1, 2, 3],
      1: [0, 0.5, 4],
    });
  });

  it("adds up steps or ranks where there is a dimension more", async () => {
    const values = Int32Array.from({ length: 2 * 2 * 32 }, (_, at) => at);
    const routing = await readFolder({ "load.npy": npyFile({ shape: [2, 2, 32], values }) });
    expect(loadsRead(routing)).to.deep.equal({
      0: Array.from({ length: 32 }, (_, expert) => 64 + 2 * expert),
      1: Array.from({ length: 32 }, (_, expert) => 128 + 2 * expert),
    });
  });

  it("is not a placement pattern of omni-infer, which looks alike", async function () {
    const told = await failureOf(
      readRouting([realFile(this, "formats", "omni-infer/DSV3_baseline_8_devices_58_MoE_Layers.npy")]),
    );
    expect(told).to.match(/found a placement pattern of nothing but 0 and 1, expected loads/);
  });
});

describe("omni-infer activation counts", () => {
  const name = (step: number, rank: number) => `activation_counts_recordstep_${step}_rank_${rank}.txt`;

  it("are put side by side by rank and added up by step", async () => {
    const routing = await readFolder({
      [name(1, 0)]: "1\t2\t\n3\t4\t\n",
      [name(1, 1)]: "5\t6\t\n7\t8\t\n",
      [name(2, 1)]: "0\t0\n0\t100\n",
      [name(2, 0)]: "10\t0\n0\t0\n",
    });
    expect(loadsRead(routing)).to.deep.equal({ 0: [11, 2, 5, 6], 1: [3, 4, 7, 108] });
    expect(routing.report.warnings.join()).to.match(/counts by position are taken for counts by expert/);
  });

  it("are refused where a rank or a layer is missing", async () => {
    expect(await failureOf(readFolder({ [name(1, 0)]: "1\t2\n", [name(1, 2)]: "1\t2\n" }))).to.match(
      /step 1: found no file of rank 1, expected one of every rank/,
    );
    expect(await failureOf(readFolder({ [name(1, 0)]: "1\t2\n3\t4\n", [name(1, 1)]: "1\t2\n" }))).to.match(
      /step 1: found 1 layers of rank 1, expected 2/,
    );
  });
});
