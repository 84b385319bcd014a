import { expect } from "chai";
import fc from "fast-check";
import { InputError } from "../../lib/errors.js";
import { aimAtEngine } from "../../lib/export/aim-at-engine.js";
import { findTarget, targetNames } from "../../lib/export/engine-target.js";
import { exportPlacement } from "../../lib/export/export-placement.js";
import { verifyForeign } from "../../lib/export/read-foreign.js";
import { placeTrace } from "../../lib/flows/place.js";
import { poseFor, type PlacementRequest } from "../../lib/flows/pose.js";
import { withChiplets } from "../../lib/hardware/hardware.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { createWorkload } from "../../lib/performance/workload.js";
import type { Placement } from "../../lib/placement/placement.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { createRandom } from "../../lib/random.js";
import { createRoutingTrace, type RoutingTrace } from "../../lib/trace/routing-trace.js";
import { requireSolver } from "../../solvers/index.js";

/** EP sizes people run, of which most do not divide most numbers of experts. */
const EP_SIZES = [8, 12, 16, 48];

const cases = fc.record({
  /** Where ranks divide the experts, how many times; the groups of a router do so, too, then, on some of the sizes. */
  each: fc.constantFrom(undefined, 1, 2, 4),
  anyNumber: fc.integer({ min: 4, max: 60 }),
  model: fc.constantFrom(undefined, undefined, "DeepSeek-V3"),
  numChiplets: fc.constantFrom(...EP_SIZES),
  firstMoeLayer: fc.integer({ min: 0, max: 2 }),
  numReplicas: fc.constantFrom(0, 0, 5, 16),
  room: fc.constantFrom(undefined, undefined, 9),
  solver: fc.constantFrom("eplb-global", "contiguous", "local-search"),
  seed: fc.nat(1000),
});

describe("placing for any engine on any number of ranks", () => {
  for (const name of targetNames()) {
    it(`${name}: refuses at once, or is written as verify wants it`, async () => {
      let numWritten = 0;
      await fc.assert(
        fc.asyncProperty(cases, async ({ numChiplets, numReplicas, room, each, anyNumber, ...given }) => {
          const numExperts = each === undefined ? anyNumber : each * numChiplets;
          const trace = randomTrace({ ...given, numExperts });
          const { model } = trace;
          const target = findTarget(name, model);
          const layers = trace.layers.map(({ layer }) => layer);
          const asked = { numReplicas, slotsPerChiplet: room };
          const outcome = await refusable(() => {
            const { request } = aimAtEngine(asked, target, { model, numExperts, numChiplets, layers });
            return placeTrace(trace, {
              posing: posed(trace, request, numChiplets),
              solver: requireSolver(given.solver),
              solverOptions: DEFAULT_SOLVER_OPTIONS,
            });
          });
          if (outcome === undefined) return;
          if (outcome.status !== "placed") throw new Error(`${outcome.layer}: ${outcome.reason}`);
          await expectWritten(outcome.placement, { target, trace });
          numWritten++;
        }),
        { numRuns: 10 },
      );
      expect(numWritten).to.be.greaterThan(0);
    }).timeout(60_000);
  }
});

function posed(trace: RoutingTrace, request: PlacementRequest, numChiplets: number) {
  const hardware = withChiplets(findHardware("h100-8x8")!, { numChiplets, numGroups: numChiplets / 4 });
  return poseFor(trace, { hardware, workload: createWorkload({ hardware }) }, request);
}

async function expectWritten(
  placement: Placement,
  { target, trace }: { target: ReturnType<typeof findTarget>; trace: RoutingTrace },
): Promise<void> {
  const { numExperts, numChiplets } = placement;
  const [first] = trace.layers;
  const layers = { numHiddenLayers: first.layer + trace.layers.length, firstMoeLayer: first.layer };
  const loads = new Map(trace.layers.map(({ layer }) => [layer, new Float64Array(numExperts).fill(1)]));
  const { data } = await exportPlacement(placement, target.format, {
    ...{ ...layers, loads, modelClass: "M", engine: target.engine.key },
  });
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  if (target.format.read === undefined) {
    expect(bytes.length).to.be.greaterThan(0);
    return;
  }
  const told = { numExperts, numChiplets, ...layers };
  const { format, violations } = await verifyForeign(bytes, `file.${target.format.extension}`, told);
  expect(violations, `${format}, ${numExperts} on ${numChiplets}`).to.deep.equal([]);
}

/** What is refused in terms of what was asked; anything else is no refusal. */
async function refusable<Value>(make: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await make();
  } catch (error) {
    const asked = /^(engine|numChiplets|numReplicas|slots|replicas|routerGroups): /;
    if (error instanceof InputError && asked.test(error.message)) return undefined;
    throw error;
  }
}

function randomTrace({
  model,
  numExperts,
  firstMoeLayer,
  seed,
}: {
  model: string | undefined;
  numExperts: number;
  firstMoeLayer: number;
  seed: number;
}): RoutingTrace {
  const random = createRandom(seed);
  const layers = [0, 1].map((index) => {
    const tokens = Array.from({ length: 40 }, () => {
      const start = Math.min(random.below(numExperts), random.below(numExperts));
      return [start, (start + 1 + random.below(numExperts - 1)) % numExperts];
    });
    return {
      layer: firstMoeLayer + index,
      numTokens: tokens.length,
      experts: Uint16Array.from(tokens.flat()),
    };
  });
  return createRoutingTrace({ model, numExperts, topK: 2, layers });
}
