import { expect } from "chai";
import { provedOn } from "../../lib/flows/judge.js";
import type { Placement } from "../../lib/placement/placement.js";
import { hashTrace, type Provenance } from "../../lib/placement/provenance.js";
import { splitParts } from "../../lib/trace/holdout.js";
import { sampleTrace } from "../sample-trace.js";

const trace = sampleTrace();
const placement: Placement = {
  model: undefined,
  numExperts: trace.numExperts,
  numChiplets: 1,
  dispatch: "uniform",
  layers: trace.layers.map(({ layer }) => ({
    layer,
    chiplets: [Array.from({ length: trace.numExperts }, (_, expert) => expert)],
    status: "optimal",
    cost: 1,
    bound: 1,
  })),
  provenance: { holdout: 0.25, traceSha256: hashTrace([trace]) } as Provenance,
};

describe("provedOn", () => {
  const tokens = { parts: [trace], holdout: 0.25 };

  it("leaves a placement as it is on the tokens that it was made from", () => {
    expect(provedOn(placement, tokens)).to.equal(placement);
    expect(provedOn(placement, { ...tokens, dispatch: "uniform" })).to.equal(placement);
  });

  it("takes what is proved off it on any others, with more of them held out, or where they choose other replicas", () => {
    const { learn } = splitParts([trace], 0.25);
    const others = [
      { parts: [learn], holdout: 0 },
      { ...tokens, holdout: 0 },
      { ...tokens, dispatch: "nearest" as const },
    ];
    for (const other of others) {
      const { layers } = provedOn(placement, other);
      expect(layers.map(({ bound, status, cost }) => [bound, status, cost])).to.deep.equal(
        trace.layers.map(() => [undefined, "feasible", 1]),
      );
    }
    const { provenance, ...unknown } = placement;
    expect(provenance).not.to.equal(undefined);
    expect(provedOn(unknown, tokens).layers[0].bound).to.equal(undefined);
  });
});
