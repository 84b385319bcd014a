import { expect } from "chai";
import type { Placement } from "../../lib/placement/placement.js";
import type { Provenance } from "../../lib/placement/provenance.js";
import { verifyAgainstPlacement, verifyAgainstTrace } from "../../lib/placement/verify-against.js";
import { createRoutingTrace } from "../../lib/trace/routing-trace.js";
import { layerOf } from "../arbitrary-layer.js";

const tokens = [
  [0, 1],
  [0, 1],
  [2, 3],
  [0, 3],
];
const trace = createRoutingTrace({ model: undefined, numExperts: 4, topK: 2, layers: [layerOf(tokens, 6)] });
const placement: Placement = {
  model: undefined,
  numExperts: 4,
  numChiplets: 2,
  numGroups: 2,
  layers: [
    {
      layer: 6,
      status: "optimal",
      cost: 5 / 4,
      bound: 5 / 4,
      groups: { status: "feasible", cost: 5 / 4 },
      stoppedBy: "proof",
      chiplets: [[0, 1], [2, 3]], // prettier-ignore
    },
  ],
};
const withLayer = (fields: object): Placement => ({
  ...placement,
  layers: [{ ...placement.layers[0], ...fields }],
});

describe("verifyAgainstTrace", () => {
  it("finds nothing wrong with true costs, or where none are claimed", () => {
    expect(verifyAgainstTrace(placement, trace)).to.deep.equal([]);
    const unclaimed = { ...placement, layers: [{ layer: 6, chiplets: [[0, 3], [1, 2]] }] }; // prettier-ignore
    expect(verifyAgainstTrace(unclaimed, trace)).to.deep.equal([]);
  });

  it("recomputes costs of chiplets and of chiplet groups", () => {
    expect(verifyAgainstTrace(withLayer({ status: "feasible", cost: 1.2, bound: 1.2 }), trace)).to.deep.equal(
      ["layer 6: cost is given as 1.2, recomputed as 1.25"],
    );
    expect(verifyAgainstTrace(withLayer({ groups: { status: "feasible", cost: 1.5 } }), trace)).to.deep.equal(
      ["layer 6: cost of groups is given as 1.5, recomputed as 1.25"],
    );
  });

  it("holds a placement to the groups of the router that it says it kept whole", () => {
    const kept = (routerGroups: number, chiplets: number[][]) => {
      const provenance = { routerGroups, limits: {} } as unknown as Provenance;
      return verifyAgainstTrace({ ...withLayer({ chiplets }), provenance }, trace);
    };
    expect(kept(2, [[0, 1], [2, 3]])).to.deep.equal([]); // prettier-ignore
    expect(
      kept(2, [
        [0, 2],
        [1, 3],
      ]),
    ).to.include(
      // prettier-ignore
      "layer 6: router groups 0 and 1 are mixed, expected side by side",
    );
  });

  it("misses no layer and no expert", () => {
    expect(verifyAgainstTrace(withLayer({ layer: 5 }), trace)).to.deep.equal([
      "layer 6: found no placement, expected one for every layer",
    ]);
    expect(verifyAgainstTrace({ ...placement, numExperts: 5 }, trace)).to.deep.equal([
      "found 5 experts, expected 4 as in the trace",
    ]);
  });

  it("recomputes costs of layers with replicas where the file tells how tokens choose among replicas", () => {
    const replicas = withLayer({ cost: 1.1, bound: 1, status: "feasible", chiplets: [[0, 1, 3], [2, 3]] }); // prettier-ignore
    expect(verifyAgainstTrace(replicas, trace)).to.deep.equal([]);
    expect(verifyAgainstTrace({ ...replicas, dispatch: "nearest" }, trace)).to.deep.equal([
      "layer 6: cost is given as 1.1, recomputed as 1",
      "layer 6: cost of groups is given as 1.25, recomputed as 1",
    ]);
    // Half of the tokens of expert 3 go to its other replica.
    expect(verifyAgainstTrace({ ...replicas, dispatch: "uniform" }, trace)).to.deep.equal([
      "layer 6: cost is given as 1.1, recomputed as 1.25",
    ]);
  });

  it("recomputes the largest load where it is claimed", () => {
    const load = { status: "feasible", cost: 1.2, bound: 1 } as const;
    expect(verifyAgainstTrace(withLayer({ load }), trace)).to.deep.equal([
      "layer 6: load is given as 1.2, recomputed as 1.25",
    ]);
  });
});

describe("verifyAgainstPlacement", () => {
  it("finds no difference between a placement and itself", () => {
    expect(verifyAgainstPlacement(placement, placement)).to.deep.equal([]);
  });

  it("names every chiplet that differs, missing layers and other sizes", () => {
    expect(verifyAgainstPlacement(withLayer({ chiplets: [[0, 1, 2, 3], []] }), placement)).to.deep.equal([
      "layer 6: chiplet 0 holds 0, 1, 2, 3, expected 0, 1",
      "layer 6: chiplet 1 holds nothing, expected 2, 3",
    ]);
    expect(verifyAgainstPlacement(withLayer({ layer: 5 }), placement)).to.deep.equal([
      "layer 6: found no placement, but layers from 5 on; where the file does not number its layers, pass firstMoeLayer 6",
    ]);
    expect(verifyAgainstPlacement({ ...placement, numExperts: 8 }, placement)).to.deep.equal([
      "numExperts is 8, expected 4",
    ]);
  });
});
