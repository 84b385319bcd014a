import { expect } from "chai";
import fc from "fast-check";
import { InputError } from "../../lib/errors.js";
import {
  concatTraces,
  createRoutingTrace,
  splitHoldout,
  type RoutingTrace,
} from "../../lib/trace/routing-trace.js";
import { layerCases, layerOf } from "../arbitrary-layer.js";

describe("createRoutingTrace", () => {
  it("puts layers in order and drops those without tokens", () => {
    const trace = traceOf([layerOf([[1, 0]], 7), layerOf([], 4), layerOf([[2, 3]], 1)]);
    expect(trace.layers.map(({ layer }) => layer)).to.deep.equal([1, 7]);
  });

  it("refuses a trace without tokens", () => {
    refuses([layerOf([], 1)], "trace: found no tokens, expected at least one");
    refuses([], "trace: found no tokens, expected at least one");
  });

  it("refuses ids out of range and experts that come twice in a token, and says where", () => {
    refuses(
      [
        layerOf(
          [
            [0, 1],
            [4, 1],
          ],
          3,
        ),
      ],
      "trace: layer 3, token 1: expert 4 is out of range [0, 4)",
    );
    refuses([layerOf([[2, 2]], 3)], "trace: layer 3, token 0: expert 2 comes twice");
  });

  it("refuses a layer that comes twice or has another number of ids than tokens need", () => {
    refuses([layerOf([[0, 1]], 2), layerOf([[0, 1]], 2)], "layer 2 comes twice");
    refuses([layerOf([[0, 1], [2]], 2)], "layer 2 has 3 ids, expected 2 x 2");
  });

  it("refuses a top-k that no router can have", () => {
    const layers = [layerOf([[0, 1]])];
    for (const topK of [0, 5]) {
      expect(() => createRoutingTrace({ model: undefined, numExperts: 4, topK, layers })).to.throw(
        InputError,
        `found top-k ${topK}, expected 1 to the number of experts (4)`,
      );
    }
  });
});

describe("splitHoldout", () => {
  const tokens = Array.from({ length: 10 }, (_, token) => [token % 4, (token + 1) % 4]);

  it("learns from the beginning of every layer and holds out its end, in order and without loss", () => {
    fc.assert(
      fc.property(layerCases, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (layerCase, fraction) => {
        const cut = Math.floor(layerCase.tokens.length * (1 - fraction));
        fc.pre(cut > 0);
        const { learn, heldOut } = splitHoldout(
          { ...layerCase, model: undefined, layers: [layerCase.layer] },
          fraction,
        );
        expect(learn.layers[0].numTokens).to.equal(cut);
        expect([...learn.layers[0].experts, ...heldOut.layers[0].experts]).to.deep.equal(
          layerCase.tokens.flat(),
        );
      }),
      { seed: 1 },
    );
  });

  it("keeps a sequence off the learning side once a token of it is held out", () => {
    const trace = traceOf([{ ...layerOf(tokens, 5), sequenceStarts: Uint32Array.of(0, 4, 6, 9) }]);
    const { learn, heldOut } = splitHoldout(trace, 0.25);
    // The cut is at token 7, inside the sequence of tokens 6 to 8.
    expect(learn.layers[0].numTokens).to.equal(6);
    expect(learn.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 4));
    expect([...heldOut.layers[0].experts]).to.deep.equal(tokens.slice(7).flat());
    expect(heldOut.layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 2));
  });

  it("cuts where a sequence begins without giving up another", () => {
    const trace = traceOf([{ ...layerOf(tokens, 5), sequenceStarts: Uint32Array.of(0, 5) }]);
    expect(splitHoldout(trace, 0.5).learn.layers[0].numTokens).to.equal(5);
  });

  it("cuts a sequence that is all there is to learn from", () => {
    const trace = traceOf([{ ...layerOf(tokens, 5), sequenceStarts: Uint32Array.of(0, 9) }]);
    expect(splitHoldout(trace, 0.25).learn.layers[0].numTokens).to.equal(7);
  });

  it("refuses to leave a side empty", () => {
    const trace = traceOf([layerOf(tokens.slice(0, 1), 5)]);
    expect(() => splitHoldout(trace, 0.25)).to.throw(
      InputError,
      "trace: layer 5 has 1 tokens, too few to hold out 0.25 of them",
    );
  });
});

describe("concatTraces", () => {
  it("joins layer by layer in the order given, with layers that only one trace has", () => {
    const joined = concatTraces([
      traceOf([layerOf([[0, 1]], 2), layerOf([[0, 2]], 3)]),
      traceOf([layerOf([[2, 3]], 1), layerOf([[3, 0]], 3)]),
    ]);
    expect(joined.layers.map(({ layer, numTokens }) => [layer, numTokens])).to.deep.equal([
      [1, 1],
      [2, 1],
      [3, 2],
    ]);
    expect([...joined.layers[2].experts]).to.deep.equal([0, 2, 3, 0]);
  });

  it("keeps where sequences begin if every part knows it", () => {
    const known = traceOf([{ ...layerOf([[0, 1], [2, 3]]), sequenceStarts: Uint32Array.of(0, 1) }]); // prettier-ignore
    const unknown = traceOf([layerOf([[0, 1]])]);
    expect(concatTraces([known, known]).layers[0].sequenceStarts).to.deep.equal(Uint32Array.of(0, 1, 2, 3));
    expect(concatTraces([known, unknown]).layers[0].sequenceStarts).to.equal(undefined);
  });

  it("refuses traces of different models", () => {
    const larger = createRoutingTrace({
      model: undefined,
      numExperts: 8,
      topK: 2,
      layers: [layerOf([[0, 1]])],
    });
    expect(() => concatTraces([traceOf([layerOf([[0, 1]])]), larger])).to.throw(
      InputError,
      "traces: found 8 experts top-2, expected 4 experts top-2 as in the first trace",
    );
  });
});

function traceOf(layers: RoutingTrace["layers"]): RoutingTrace {
  return createRoutingTrace({ model: undefined, numExperts: 4, topK: 2, layers });
}

function refuses(layers: RoutingTrace["layers"], message: string): void {
  expect(() => traceOf(layers)).to.throw(InputError, message);
}
