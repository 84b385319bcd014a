import { expect } from "chai";
import fc from "fast-check";
import type { Dataflow, Hardware, SystolicCompute } from "../../lib/hardware/hardware.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { leastReplicatedChipletsNs } from "../../lib/performance/replicated-chiplets.js";
import { leastOfChoices } from "../../lib/performance/replicated-experts.js";
import { createExpertTimer, expectedNs } from "../../lib/performance/stages.js";
import { createWorkload } from "../../lib/performance/workload.js";
import { sum } from "../../lib/statistics.js";

const shape = findModelShape("deepseek-v2-lite")!;

describe("leastOfChoices", () => {
  it("gives replicas to whom they add least, and adds what each alone takes", () => {
    const replicas = { rows: [10, 20], numReplicas: 2, mostReplicas: 4, leastShare: 0 };
    // The first expert gains by a second replica and loses by a third, the second loses by each.
    const times: Record<number, number[]> = { 10: [100, 90, 95], 20: [50, 57, 65] };
    expect(leastOfChoices(replicas, (count, rows) => times[rows][count - 1])).to.equal(150 - 10 + 5);
  });
});

describe("leastReplicatedChipletsNs", () => {
  const numChiplets = 8;
  const withDataflow = (hardware: Hardware, dataflow: Dataflow): Hardware => ({
    ...hardware,
    chiplet: { ...(hardware.chiplet as SystolicCompute), dataflow },
  });
  const wafer = findHardware("mozart-deepseek")!;
  const machines: readonly Hardware[] = [
    withDataflow(wafer, "weight stationary"),
    withDataflow(wafer, "input stationary"),
    withDataflow(wafer, "output stationary"),
    findHardware("ucie-a-hbm3")!,
    { ...findHardware("h100-8x8")!, kernels: undefined } as unknown as Hardware,
  ];

  it("is no more than what replicas take, whichever experts have them and however they share the rows", () => {
    const expert = fc.record({
      rows: fc.oneof(
        fc.double({ min: 1e-6, max: 3, noNaN: true }),
        fc.constant(0),
        fc.double({ min: 0, max: 5000, noNaN: true }),
      ),
      parts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: numChiplets }),
    });
    fc.assert(
      fc.property(
        fc.array(expert, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(0, 1 / numChiplets),
        fc.constantFrom(...machines),
        (layer, leastShare, hardware) => {
          const rowsOf = layer.map(({ rows, parts }) => {
            const rest = 1 - parts.length * leastShare;
            const all = sum(parts);
            return parts.map(
              (part) => rows * (leastShare + rest * (all > 0 ? part / all : 1 / parts.length)),
            );
          });
          const workload = createWorkload({ hardware, shape }, { phase: "prefill" });
          const nsOf = createExpertTimer({ hardware, shape }, workload);
          const ns = sum(rowsOf.flat().map((rows) => expectedNs(rows, nsOf)));
          const numTokens = 5000;
          const even = {
            numTokens,
            numChiplets,
            chipletsPerGroup: numChiplets,
            chipletLoad: new Float64Array(numChiplets),
            chipletTokens: new Float64Array(numChiplets),
            groupTokens: new Float64Array(1),
            expertLoad: rowsOf,
          };
          const load = layer.map(({ rows }) => rows);
          const least = leastReplicatedChipletsNs(
            even,
            { load, leastShare },
            { machine: { hardware, shape }, piece: { workload, tokens: numTokens } },
          );
          expect(least).to.be.at.most(ns * (1 + 1e-9));
          // Of many rows little is lost.
          const isMany = rowsOf.flat().every((rows) => rows > 500);
          if (isMany) expect(least).to.be.above(0.5 * ns);
        },
      ),
      { numRuns: 500 },
    );
  });
});
