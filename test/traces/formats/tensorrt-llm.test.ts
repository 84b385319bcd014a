import { join } from "node:path";
import { expect } from "chai";
import { readRouting } from "../../../traces/read-trace.js";
import { safetensorsFile } from "../array-files.js";
import { failureOf, loadsRead, readFolder, tokensRead, withFiles } from "../trace-files.js";

const meta = JSON.stringify({ num_experts: 6, num_experts_per_token: 2 });
const counts = (...values: number[]) => ({ shape: [6], values: BigInt64Array.from(values.map(BigInt)) });
const ids = (...values: number[]) => ({ shape: [values.length / 2, 2], values: Int32Array.from(values) });

describe("TensorRT-LLM expert statistics", () => {
  it("add up the counts of iterations and ranks", async () => {
    const routing = await readFolder({
      "meta_info.json": meta,
      "rank0.safetensors": safetensorsFile({
        "50_3": counts(1, 0, 0, 0, 0, 2),
        "51_3": counts(0, 1, 0, 0, 0, 0),
      }),
      "rank1.safetensors": safetensorsFile({
        "50_3": counts(0, 0, 0, 0, 5, 0),
        "50_4": counts(1, 1, 1, 1, 1, 1),
      }),
    });
    expect(loadsRead(routing)).to.deep.equal({ 3: [1, 1, 0, 0, 5, 2], 4: [1, 1, 1, 1, 1, 1] });
    expect(routing.report.sources[0].format).to.equal("TensorRT-LLM expert statistics");
  });

  it("prefer the tokens where a folder has both, iterations in the order of their numbers", async () => {
    const routing = await readFolder({
      "meta_info.json": meta,
      "rank0.safetensors": safetensorsFile({ "9_3": counts(1, 1, 0, 0, 0, 0) }),
      "rank0_raw.safetensors": safetensorsFile({ "10_3": ids(2, 3), "9_3": ids(0, 1, 4, 0) }),
    });
    expect(tokensRead(routing)).to.deep.equal({
      3: [
        [0, 1],
        [4, 0],
        [2, 3],
      ],
    });
    expect(routing.kind === "tokens" && routing.trace.numExperts).to.equal(6);
  });

  it("find the number of experts beside a file that is named alone, and do without where there is none", async () => {
    const raw = safetensorsFile({ "9_3": ids(0, 1) });
    await withFiles(
      { "a/meta_info.json": meta, "a/rank0_raw.safetensors": raw, "b.safetensors": raw },
      async (folder) => {
        const numExperts = async (name: string) => {
          const routing = await readRouting([join(folder, name)]);
          return routing.kind === "tokens" && routing.trace.numExperts;
        };
        expect(await numExperts("a/rank0_raw.safetensors")).to.equal(6);
        expect(await numExperts("b.safetensors")).to.equal(4);
      },
    );
  });

  describe("of a server with a load balancer", () => {
    const slots = JSON.stringify({ num_experts: 40, num_experts_per_token: 2 });
    const placement =
      "num_slots: 6\nlayer_updates_per_iter: 0\ninitial_global_assignments:\n  3: [2, 0, 1, 3, 0, 1]\n";
    const tokens = { "rank0_raw.safetensors": safetensorsFile({ "9_3": ids(0, 1, 5, 4) }) };
    const loads = { "rank0.safetensors": safetensorsFile({ "9_3": counts(1, 2, 3, 4, 5, 6) }) };

    it("are mapped back from slots to experts", async () => {
      await withFiles(
        { ...prefixed({ ...tokens, "meta_info.json": slots }), "map.yaml": placement },
        async (folder) => {
          const routing = await readRouting([join(folder, "r")], { placement: join(folder, "map.yaml") });
          expect(tokensRead(routing)).to.deep.equal({
            3: [
              [2, 0],
              [1, 0],
            ],
          });
          expect(routing.kind === "tokens" && routing.trace.numExperts).to.equal(4);
        },
      );
      const json = JSON.stringify({
        layers: [
          {
            layer: 3,
            chiplets: [
              [2, 0, 1],
              [3, 0, 1],
            ],
          },
        ],
      });
      await withFiles(
        { ...prefixed({ ...loads, "meta_info.json": slots }), "map.json": json },
        async (folder) => {
          const routing = await readRouting([join(folder, "r")], { placement: join(folder, "map.json") });
          expect(loadsRead(routing)).to.deep.equal({ 3: [7, 9, 1, 4] });
          const foreign = join(folder, "other.json");
          expect(await failureOf(readRouting([join(folder, "r")], { placement: foreign }))).to.match(
            /no such file/,
          );
        },
      );
    });

    it("are refused where nothing maps them back", async () => {
      expect(await failureOf(readFolder({ ...tokens, "meta_info.json": slots }))).to.match(
        /meta_info\.json: found num_experts 40, expected .*: with a load balancer, TensorRT-LLM records slots\nMaybe pass placement/,
      );
      expect(await failureOf(readFolder({ ...tokens, "meta_info.json": slots }, { numExperts: 4 }))).to.match(
        /found num_experts 40, expected 4: .*\n.*numExperts 40 where these are experts/,
      );
      expect(
        tokensRead(await readFolder({ ...tokens, "meta_info.json": slots }, { numExperts: 40 })),
      ).to.deep.equal({
        3: [
          [0, 1],
          [5, 4],
        ],
      });
    });
  });

  it("leave co-occurrences out that lie beside the tokens", async () => {
    const square = { shape: [6, 6], values: Int32Array.from({ length: 36 }, (_, at) => at) };
    const routing = await readFolder({
      "meta_info.json": meta,
      "cooccurrence_rank0.safetensors": safetensorsFile({ "9_3": square }),
      "token_selected_experts_rank0.safetensors": safetensorsFile({ "9_3": ids(0, 1, 5, 4) }),
    });
    expect(tokensRead(routing)).to.deep.equal({
      3: [
        [0, 1],
        [5, 4],
      ],
    });
    expect(routing.report.warnings[0]).to.match(/co-occurrences of experts were left out/);
  });

  it("are refused where they are cut off or damaged", async () => {
    const whole = safetensorsFile({ "9_3": ids(0, 1) });
    expect(
      await failureOf(readFolder({ "rank0.safetensors": whole.subarray(0, whole.length - 1) })),
    ).to.match(/rank0\.safetensors: found \d+ bytes, expected \d+ for tensor 9_3/);
    expect(await failureOf(readFolder({ "meta_info.json": "{", "rank0.safetensors": whole }))).to.match(
      /meta_info\.json: found damaged JSON, expected/,
    );
  });
});

function prefixed(files: Readonly<Record<string, string | Uint8Array>>): Record<string, string | Uint8Array> {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`r/${name}`, content]));
}
