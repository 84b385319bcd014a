import { expect } from "chai";
import { layerProgress } from "../../cli/terminal.js";
import { inspectTrace } from "../../lib/flows/inspect.js";
import { placedLayers } from "../../lib/flows/placed-layers.js";
import type { Placement } from "../../lib/placement/placement.js";
import { verifyAgainstTrace } from "../../lib/placement/verify-against.js";
import type { OnLayer } from "../../lib/trace/layer-progress.js";
import { synthesizeTrace } from "../../traces/synthetic.js";

describe("what counts layers", () => {
  const preset = { preset: "olmoe-1b-7b", layers: 3, tokens: 20 };
  const trace = synthesizeTrace(preset);
  const experts = Array.from({ length: trace.numExperts }, (_, expert) => expert);
  const placement: Placement = {
    model: undefined,
    numExperts: trace.numExperts,
    numChiplets: 2,
    layers: trace.layers.map(({ layer }) => ({
      layer,
      status: "feasible",
      chiplets: [experts.slice(0, 32), experts.slice(32)],
    })),
  };
  const counting: Record<string, (onLayer: OnLayer) => unknown> = {
    synthesizeTrace: (onLayer) => synthesizeTrace({ ...preset, onLayer }),
    inspectTrace: (onLayer) => inspectTrace(trace, { numChiplets: 2, onLayer }),
    verifyAgainstTrace: (onLayer) => verifyAgainstTrace(placement, trace, { onLayer }),
    placedLayers: (onLayer) => placedLayers(trace, placement, onLayer),
  };

  for (const [name, count] of Object.entries(counting)) {
    it(`${name} tells which of how many it is at`, () => {
      const told: [number, number][] = [];
      count((...at) => told.push(at));
      expect(told).to.deep.equal([
        [0, 3],
        [1, 3],
        [2, 3],
      ]);
    });
  }

  it("is told to who waits in a line", () => {
    const lines: (string | undefined)[] = [];
    const onLayer = layerProgress({ progress: (line) => lines.push(line?.()) }, "inspecting");
    onLayer(0, 3);
    onLayer(2, 3);
    expect(lines).to.deep.equal(["inspecting layer 1 of 3", "inspecting layer 3 of 3"]);
  });
});
