import { expect } from "chai";
import fc from "fast-check";
import { layerCosts, replicaRoom, spendReplicas, type LayerCurve } from "../../lib/flows/replica-budget.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { skewedTrace } from "../skewed-trace.js";

/** Curves of up to four layers, of any shape. */
const curves: fc.Arbitrary<LayerCurve[]> = fc
  .array(
    fc.record({
      least: fc.nat(2),
      step: fc.integer({ min: 1, max: 4 }),
      costs: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((layers) =>
    layers.map(({ least, step, costs }, layer) => ({
      layer,
      points: costs.map((cost, index) => ({ numReplicas: least + step * index, cost })),
    })),
  );

describe("a budget of replicas over all layers", () => {
  it("is spent at the least cost of all ways, and of those with the fewest replicas, whatever the curves are like", () => {
    fc.assert(
      fc.property(curves, fc.nat(20), (given, budget) => {
        const spent = spendReplicas(given, budget);
        const best = allWays(given).filter(({ replicas }) => replicas <= budget);
        if (best.length === 0) {
          expect(spent).to.equal(undefined);
          return;
        }
        best.sort((a, b) => a.cost - b.cost || a.replicas - b.replicas);
        const points = given.map(({ layer, points }) =>
          points.find(({ numReplicas }) => numReplicas === spent?.get(layer)),
        );
        const total = (pick: "numReplicas" | "cost") =>
          points.reduce((sum, point) => sum + (point?.[pick] ?? NaN), 0);
        expect({ cost: total("cost"), replicas: total("numReplicas") }).to.deep.equal(best[0]);
      }),
      { numRuns: 300 },
    );
  });

  it("goes where it gains most, past a step that gains nothing by itself", () => {
    const curve = (layer: number, ...costs: number[]): LayerCurve => ({
      layer,
      points: costs.map((cost, index) => ({ numReplicas: 8 * index, cost })),
    });
    // The second layer gains nothing by 8 and all by 16: the gains of one step after the other would miss it.
    expect([...spendReplicas([curve(0, 10, 9, 8), curve(1, 10, 10, 2)], 16)!]).to.deep.equal([
      [0, 0],
      [1, 16],
    ]);
  });

  it("is measured in time where the model is known, else in the largest load of a chiplet", () => {
    const trace = skewedTrace();
    const chiplets = [0, 1, 2, 3].map((chiplet) => [0, 1, 2, 3].map((slot) => 4 * chiplet + slot));
    const layers = trace.layers.map(({ layer }) => ({ layer, chiplets }));
    const placement = { model: undefined, numExperts: 16, numChiplets: 4, layers };
    const hardware = { ...findHardware("h100-8x8")!, numGroups: 1, chipletsPerGroup: 4 };
    const shape = { ...findModelShape("mixtral-8x7b")!, numExperts: 16 };
    const load = layerCosts(trace, placement, { hardware }).get(1)!;
    const loadOf = [0, 0, 0, 0];
    for (const expert of trace.layers[0].experts) loadOf[expert >> 2]++;
    expect(load).to.equal(Math.max(...loadOf));
    const machine = { hardware, shape, workload: createWorkload({ hardware, shape }) };
    expect(layerCosts(trace, placement, machine).get(1)).to.be.greaterThan(1e5);
    const loads = {
      model: undefined,
      numExperts: 16,
      layers: [{ layer: 1, load: Float64Array.from({ length: 16 }, (_, expert) => Number(expert < 4)) }],
    };
    expect(layerCosts(loads, placement, { hardware }).get(1)).to.equal(4);
  });

  it("has the room that memories leave beside the experts of all layers", () => {
    const hardware = findHardware("h100-8x8")!;
    const shape = findModelShape("deepseek-v3")!;
    const room = replicaRoom({ hardware, shape, workload: createWorkload({ hardware, shape }) });
    // 64 x 80 GB over 44 MB an expert are some 116 thousand experts, of which 58 layers of 256 are 15 thousand.
    expect(room).to.be.within(90_000, 110_000);
  });
});

/** Cost and replicas of every choice of a point of every curve. */
function allWays(given: readonly LayerCurve[]): { cost: number; replicas: number }[] {
  return given.reduce(
    (ways, { points }) =>
      ways.flatMap(({ cost, replicas }) =>
        points.map((point) => ({ cost: cost + point.cost, replicas: replicas + point.numReplicas })),
      ),
    [{ cost: 0, replicas: 0 }],
  );
}
