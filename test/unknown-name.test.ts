import { expect } from "chai";
import { unknownName } from "../lib/unknown-name.js";

describe("unknownName", () => {
  const known = ["exact", "ilp", "local-search"];

  it("says which name is near", () => {
    const error = unknownName("solver", { found: "local_serch", known, or: ", or your own" });
    expect(error.message).to.equal(
      "solver: found local_serch, expected one of exact, ilp, local-search, or your own",
    );
    expect(error.advice).to.equal("Maybe you mean local-search.");
    expect(unknownName("solver", { found: "ILP", known }).advice).to.equal("Maybe you mean ilp.");
  });

  it("says which name begins so, of several the shortest", () => {
    const machines = ["mozart-qwen3-calibrated", "mozart-qwen3", "h100-8x8"];
    const adviceFor = (found: string) => unknownName("--hardware", { found, known: machines }).advice;
    expect(adviceFor("H100")).to.equal("Maybe you mean h100-8x8.");
    expect(adviceFor("mozart")).to.equal("Maybe you mean mozart-qwen3.");
    expect(adviceFor("h")).to.equal(undefined);
  });

  it("names none where none is near, and says what it was told instead", () => {
    expect(unknownName("solver", { found: "simplex", known }).advice).to.equal(undefined);
    expect(unknownName("solver", { found: "simplex", known, advice: "Maybe ask." }).advice).to.equal(
      "Maybe ask.",
    );
  });
});
