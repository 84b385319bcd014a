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

  it("names none where none is near, and says what it was told instead", () => {
    expect(unknownName("solver", { found: "simplex", known }).advice).to.equal(undefined);
    expect(unknownName("solver", { found: "simplex", known, advice: "Maybe ask." }).advice).to.equal(
      "Maybe ask.",
    );
  });
});
