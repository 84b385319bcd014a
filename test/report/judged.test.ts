import { expect } from "chai";
import type { ComparisonRow } from "../../lib/flows/compare.js";
import { knownObjective, shownRow } from "../../lib/report/judged.js";

const rowOf = (transport?: string) =>
  ({
    stepNs: transport ? 5 : undefined,
    time: transport ? { transport, learnedNs: 5 } : undefined,
  }) as unknown as ComparisonRow;

describe("what rows are judged by", () => {
  it("is time where copies are not shared, and C_T where no time is known", () => {
    expect(knownObjective([rowOf("per-expert")], "traffic")).to.equal("time");
    expect(knownObjective([rowOf("all-gather")], "traffic")).to.equal("time");
    expect(knownObjective([rowOf("per-group")], "traffic")).to.equal("traffic");
    expect(knownObjective([rowOf("per-expert")], "load")).to.equal("load");
    expect(knownObjective([rowOf()], "time")).to.equal("traffic");
  });

  it("shows what was asked about, where contiguous is the answer too", () => {
    const row = (solver: string, tokenReplication: number) =>
      ({ solver, learned: { tokenReplication } }) as unknown as ComparisonRow;
    const rows = [row("contiguous", 2), row("asked", 3), row("other", 4)];
    expect(shownRow(rows, "traffic")?.solver).to.equal("asked");
    expect(shownRow([rows[0]], "traffic")?.solver).to.equal("contiguous");
    expect(shownRow([rows[0], row("better", 1)], "traffic")?.solver).to.equal("better");
  });
});
