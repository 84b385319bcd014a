import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
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
});
