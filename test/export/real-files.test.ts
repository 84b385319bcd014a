import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { findFormat } from "../../lib/export/formats.js";
import { importPlacement, verifyForeign } from "../../lib/export/read-foreign.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const folder = process.env.MOEPLACE_FORMATS ?? resolve(root, "../shared/formats");

describe("placement files found in the wild", () => {
  before(function () {
    if (!existsSync(folder)) this.skip();
  });

  it("reads vllm-ascend's example map: 8 experts on 2 devices of 5 slots", async () => {
    const placement = await importPlacement(read("vllm-ascend"), "expert_map.json");
    expect(placement).to.deep.equal({
      model: undefined,
      numExperts: 8,
      numChiplets: 2,
      layers: [
        {
          layer: 0,
          chiplets: [
            [0, 2, 3, 5, 7],
            [1, 2, 4, 6, 7],
          ],
        },
      ],
    });
  });

  it("reads omni-infer's DeepSeek-V3 pattern and writes it back byte for byte", async () => {
    const bytes = read("omni-infer");
    const options = { numHiddenLayers: 61, firstMoeLayer: 3 };
    const placement = await importPlacement(bytes, "pattern.npy", options);
    expect([placement.numExperts, placement.numChiplets, placement.layers.length]).to.deep.equal([
      256, 8, 58,
    ]);
    const { data } = await exportPlacement(placement, findFormat("omni-infer")!, options);
    expect(Buffer.compare(Buffer.from(data), bytes)).to.equal(0);
  });

  it("reads ExFlow's solutions as balanced layers of 8 experts and writes them back byte for byte", async () => {
    for (const bytes of readAll("exflow")) {
      const { violations, placement } = await verifyForeign(bytes, "solution.csv", { numExperts: 8 });
      expect(violations).to.deep.equal([]);
      expect(placement!.layers).to.have.length(32);
      for (const { chiplets } of placement!.layers) {
        expect(new Set(chiplets.map(({ length }) => length))).to.deep.equal(
          new Set([8 / placement!.numChiplets]),
        );
      }
      const { data } = await exportPlacement(placement!, findFormat("exflow")!);
      expect(Buffer.compare(Buffer.from(data), bytes)).to.equal(0);
    }
  });
});

function readAll(name: string): Buffer[] {
  return readdirSync(join(folder, name)).map((file) => readFileSync(join(folder, name, file)));
}

function read(name: string): Buffer {
  return readAll(name)[0];
}
