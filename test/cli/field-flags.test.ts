import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { withFlags } from "../../cli/field-flags.js";

const root = resolve(fileURLToPath(new URL("../../..", import.meta.url)));

/** Files that tell people which command lines to type: their errors name no flags all the same. */
const COMMAND_LINES = /export\/(engine-advice|engines-page|renumber-script|engines\/\w+)\.ts$/;

describe("texts of the library", () => {
  it("name no flag of the command line", () => {
    const flags = new Set(sources("cli").flatMap((text) => text.match(/(?<=["`])--[a-z]+(-[a-z]+)*/g) ?? []));
    expect(flags.size).to.be.greaterThan(40);
    const named = ["lib", "program", "solvers", "traces"]
      .flatMap((room) => sources(room, COMMAND_LINES))
      .flatMap((text) =>
        [...text.matchAll(/(?<![\w-])--[a-z]+(-[a-z]+)*(?![\w:)-])/g)]
          .map(([flag]) => flag)
          .filter((flag) => flags.has(flag)),
      );
    expect(named).to.deep.equal([]);
  });

  it("are said with flags to people", () => {
    expect(withFlags("from: found no layer 3")).to.equal("--from: found no layer 3");
    expect(withFlags("Maybe raise slotsPerChiplet to 5.")).to.equal(
      "Maybe raise --slots or --slots-per-chiplet to 5.",
    );
    expect(withFlags("Maybe put right numHiddenLayers, firstMoeLayer or moeLayerStep.")).to.equal(
      "Maybe put right --num-hidden-layers, --first-moe-layer or --moe-layer-step.",
    );
    expect(withFlags("Maybe pass padding 255 or, where it is an expert, pass padding none.")).to.equal(
      "Maybe pass --padding 255 or, where it is an expert, pass --padding none.",
    );
  });

  it("leave no field without its flag", () => {
    const isField = (word: string) => withFlags(`pass ${word}`) !== `pass ${word}`;
    const left = ["lib", "program", "solvers", "traces"]
      .flatMap((room) => sources(room, /./))
      .flatMap((errors) => errors.match(/"[^"]*"|`[^`]*`/g) ?? [])
      .map((text) => withFlags(text.slice(1, -1).replaceAll(/\$\{[^}]*\}+/g, "1")))
      .filter((text) => text.match(/\b[a-z]+([A-Z][a-z]*)+\b/g)?.some(isField));
    expect(left).to.deep.equal([]);
  });

  it("keep what is no field", () => {
    for (const text of [
      "layer 3: found no model or layer, as in the trace",
      "placement: found 8, expected 4",
    ]) {
      expect(withFlags(text)).to.equal(text);
    }
  });
});

/** Texts of a room's files; of some, those of their errors alone. */
function sources(room: string, errorsOnly = /^$/): string[] {
  return readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const text = readFileSync(join(root, room, name), "utf8");
      return errorsOnly.test(name) ? (text.match(/new InputError\([\s\S]*?\);/g) ?? []).join("\n") : text;
    });
}
