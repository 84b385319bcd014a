// A solver and a machine of your own, compared with what stands: node examples/own-solver.mjs
import { evaluate, machine, place, synthesizeTrace } from "moeplace";
import { findHardware, withChiplets } from "moeplace/hardware";

// Tokens: synthetic here; readTrace(["trace.jsonl.gz"]) reads recordings.
const trace = synthesizeTrace({ preset: "deepseek-moe-16b", layers: 1, tokens: 1024 });
const target = await machine("mozart-deepseek-calibrated", { model: "deepseek-moe-16b" });

// A solver is a value. What it answers is verified before anybody uses it.
const snake = {
  name: "snake",
  summary: "the busiest experts dealt to chiplets, forth and back",
  kind: "baseline",
  proves: false,
  async solve(problem) {
    const { numChiplets, patterns } = problem;
    const load = new Array(patterns.numExperts).fill(0);
    for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
      for (let at = patterns.offsets[pattern]; at < patterns.offsets[pattern + 1]; at++) {
        load[patterns.experts[at]] += patterns.counts[pattern];
      }
    }
    const order = [...load.keys()].sort((left, right) => load[right] - load[left]);
    const chiplets = Array.from({ length: numChiplets }, () => []);
    order.forEach((expert, place) => {
      const column = place % numChiplets;
      const isForth = Math.floor(place / numChiplets) % 2 === 0;
      chiplets[isForth ? column : numChiplets - 1 - column].push(expert);
    });
    return { status: "feasible", chiplets, stoppedBy: "rule" };
  },
};

for (const solver of ["contiguous", snake]) {
  const outcome = await place(trace, { machine: target, solver });
  const { mean, step } = evaluate(trace, outcome.placement, target);
  console.log(solver.name ?? solver, mean.loadMaxOverMean.toFixed(2), (step.stepNs / 1e6).toFixed(1), "ms");
}

// A machine is plain data: another memory, twice as fast.
const { memory, ...rest } = withChiplets(findHardware("mozart-deepseek-calibrated"), { numChiplets: 16 });
const faster = {
  ...rest,
  memory: { ...memory, bytesPerNs: { ...memory.bytesPerNs, value: 2 * memory.bytesPerNs.value } },
};
const outcome = await place(trace, { machine: { ...target, hardware: faster }, solver: "contiguous" });
console.log(
  "faster memory",
  (evaluate(trace, outcome.placement, { ...target, hardware: faster }).step.stepNs / 1e6).toFixed(1),
  "ms",
);
