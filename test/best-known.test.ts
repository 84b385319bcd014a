import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { mean } from "../lib/statistics.js";
import { parsePlacement } from "../lib/placement/placement-file.js";

const folder = "docs/best-known";

describe("best-known placements", () => {
  it("are sound, and those called optimal cost what is proved", async () => {
    const files = (await readdir(folder)).filter((name) => name.endsWith(".json"));
    expect(files).to.not.be.empty;
    for (const file of files) {
      const { layers } = await parsePlacement(await readFile(join(folder, file), "utf8"), file);
      for (const { layer, status, cost, bound } of layers) {
        if (status === "optimal") expect(bound, `${file}, layer ${layer}`).to.equal(cost);
      }
    }
  });

  it("are listed with what they cost and how much of it is proved", async () => {
    const readme = await readFile(join(folder, "README.md"), "utf8");
    for (const file of (await readdir(folder)).filter((name) => name.endsWith(".json"))) {
      const { layers } = await parsePlacement(await readFile(join(folder, file), "utf8"), file);
      const line = readme.split("\n").find((candidate) => candidate.includes(`(./${file})`)) ?? "";
      const cells = line.split("|").map((cell) => cell.trim());
      const proved = layers.filter(({ status }) => status === "optimal").length;
      const cost = mean(layers.map((layer) => layer.cost ?? NaN));
      expect(cells.slice(3, 6), file).to.deep.equal([String(layers.length), cost.toFixed(4), String(proved)]);
    }
  });
});
