import { expect } from "chai";
import { fuzzFamilies } from "./families.js";
import { runFuzz } from "./run-fuzz.js";

/** npm run fuzz reads as many as it is told, 100,000 of each if nothing else. */
const INPUTS = 100;

describe("mutated files", () => {
  // Processes of their own: what hangs or runs out of memory takes nothing else with it.
  const waiting = [...fuzzFamilies];
  const results = new Map<string, Awaited<ReturnType<typeof runFuzz>>>();
  before(async function () {
    this.timeout(600_000);
    const runNext = async (): Promise<void> => {
      const family = waiting.pop();
      if (family === undefined) return;
      results.set(family.name, await runFuzz(family.name, { inputs: INPUTS, seed: 14 }));
      await runNext();
    };
    await Promise.all([runNext(), runNext()]);
  });

  for (const { name } of fuzzFamilies) {
    it(`of ${name} are read or refused with an InputError, without a crash, a hang or much memory`, async function () {
      const family = fuzzFamilies.find((candidate) => candidate.name === name);
      if ((await family?.samples())?.length === 0) this.skip();
      const result = results.get(name);
      expect(result?.failures).to.deep.equal([]);
      expect((result?.read ?? 0) + (result?.refused ?? 0)).to.equal(INPUTS);
      // Sound files are among them: a reader that refuses all would pass otherwise.
      expect(result?.read).to.be.greaterThan(0);
    });
  }
});
