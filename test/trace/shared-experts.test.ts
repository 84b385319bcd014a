import { expect } from "chai";
import { findModelShape, withSharedPlaced } from "../../lib/hardware/model-shapes.js";
import { createProblem } from "../../lib/placement/problem.js";
import { createRoutingTrace, NO_EXPERT, splitHoldout } from "../../lib/trace/routing-trace.js";
import { withSharedExperts } from "../../lib/trace/shared-experts.js";
import { collectPatterns } from "../../lib/trace/token-patterns.js";
import { skewedTrace } from "../skewed-trace.js";

describe("shared experts placed like the others", () => {
  it("come behind the routed experts of every token, before places that stay empty", () => {
    const experts = Uint16Array.of(2, 0, 1, NO_EXPERT, NO_EXPERT, NO_EXPERT);
    const trace = createRoutingTrace({
      ...{ model: undefined, numExperts: 4, topK: 2 },
      layers: [{ layer: 3, numTokens: 3, experts }],
    });
    const shared = withSharedExperts(trace, 2);
    expect(shared).to.include({ numExperts: 6, topK: 4, sharedExperts: 2 });
    expect([...shared.layers[0].experts]).to.deep.equal([
      ...[2, 0, 4, 5],
      ...[1, 4, 5, NO_EXPERT],
      ...[4, 5, NO_EXPERT, NO_EXPERT],
    ]);
  });

  it("have the load of all tokens, which those of routed experts do not change for", () => {
    const trace = skewedTrace();
    const shared = withSharedExperts(trace, 1);
    trace.layers.forEach((layer, index) => {
      const loadOf = (of: typeof trace, at: typeof layer) =>
        createProblem(collectPatterns(at, of), { numChiplets: 1 }).load;
      const load = loadOf(shared, shared.layers[index]);
      expect([...load]).to.deep.equal([...loadOf(trace, layer), layer.numTokens]);
    });
    expect(splitHoldout(shared, 0.25).heldOut.sharedExperts).to.equal(1);
  });

  it("are not counted twice where the trace has them", () => {
    const tokens = Uint16Array.of(0, 3, 1, 3);
    const trace = createRoutingTrace({
      ...{ model: undefined, numExperts: 4, topK: 2 },
      layers: [{ layer: 0, numTokens: 2, experts: tokens }],
    });
    expect(() => withSharedExperts(trace, 1)).to.throw(
      "sharedExperts: layer 0: found expert 3 in every token, expected routed experts alone",
    );
  });

  it("leave less to compute beside attention, and are no more than the model has", () => {
    const shape = findModelShape("deepseek-v2-lite")!;
    const placed = withSharedPlaced(shape, 1);
    expect(placed.sharedWidth).to.equal(shape.sharedWidth / 2);
    expect(placed.numExperts).to.equal(65);
    expect(() => withSharedPlaced(shape, 3)).to.throw("sharedExperts: found 3, expected at most 2");
  });
});
