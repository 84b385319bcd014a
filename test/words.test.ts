import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/** Words that only this project used, and what docs/GLOSSARY.md says instead. */
const replacements: Readonly<Record<string, string>> = {
  owe: "cost share",
  owes: "cost share",
  lenient: "penalty weight",
  hopeless: "reduced-cost fixing",
  seating: "placement",
  seatings: "placements",
  seat: "slot",
  seats: "slots",
  seated: "placed",
  filling: "column",
  fillings: "columns",
  touch: "token copy",
  touches: "token copies",
  ease: "slack",
};

describe("words", () => {
  const files = ["cli", "doors", "lib", "program", "solvers", "traces"].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(room, name)),
  );

  for (const [word, better] of Object.entries(replacements)) {
    it(`are the field's: ${better}, not ${word}`, () => {
      expect(files.filter((file) => wordsOf(file).has(word))).to.deep.equal([]);
    });
  }
});

const known = new Map<string, ReadonlySet<string>>();

/** Words of a file, parts of names included. */
function wordsOf(file: string): ReadonlySet<string> {
  const words =
    known.get(file) ??
    new Set(
      readFileSync(join(root, file), "utf8")
        .replace(/([a-z])(?=[A-Z])/g, "$1 ")
        .toLowerCase()
        .match(/[a-z]+/g),
    );
  known.set(file, words);
  return words;
}
