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
  touched: "to try, counted",
  visitor: "token of a chiplet",
  visitors: "token copies",
  ball: "migration budget",
  home: "where it runs, where it starts",
  ease: "slack",
};

/** Where the words themselves are listed. */
const LISTS: readonly string[] = ["docs/GLOSSARY.md", "test/words.test.ts"];

/** What is said of experts, which have replicas: copies are of tokens. */
const COPIES_OF_EXPERTS = /copiesOf\b|cop(y|ies) of (an|every|its|each|the)? ?(busiest )?experts?\b/i;

describe("words", () => {
  const files = ["bench", "cli", "docs", "doors", "lib", "program", "solvers", "test", "traces"].flatMap(
    (room) =>
      readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
        .filter((name) => /\.(ts|md)$/.test(name))
        .map((name) => join(room, name))
        .filter((name) => !LISTS.includes(name)),
  );

  for (const [word, better] of Object.entries(replacements)) {
    it(`are the field's: ${better}, not ${word}`, () => {
      expect(files.filter((file) => wordsOf(file).has(word))).to.deep.equal([]);
    });
  }

  it("call copies of experts replicas", () => {
    expect(files.filter((file) => COPIES_OF_EXPERTS.test(textOf(file)))).to.deep.equal([]);
  });
});

function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

const known = new Map<string, ReadonlySet<string>>();

/** Words of a file, parts of names included. */
function wordsOf(file: string): ReadonlySet<string> {
  const words =
    known.get(file) ??
    new Set(
      textOf(file)
        .replace(/([a-z])(?=[A-Z])/g, "$1 ")
        .toLowerCase()
        .match(/[a-z]+/g),
    );
  known.set(file, words);
  return words;
}
