/**
 * `npm run bench:paper`: the Mozart paper against the model.
 *
 * The calibrated machines are fitted to Qwen3 at sequence 256 with HBM2 alone; every other row is prediction. With the
 * argument `fit`, fits them again and prints the constants (takes some minutes).
 */
import { printBeyond } from "./paper-beyond.js";
import { fitCalibration } from "./paper-fit.js";
import {
  machineOf,
  PAPER_RUNS,
  paperModels,
  paperSeconds,
  paperSequences,
  stepSeconds,
  withSsd,
} from "./paper-model.js";
import { printProportion } from "./paper-proportion.js";
import { row } from "./table.js";

const percent = (model: number, paper: number) => `${(100 * (model / paper - 1)).toFixed(0)} %`;

if (process.argv.includes("fit")) {
  row(
    "efficiency of the root",
    "root link, GB/s",
    "chiplet link, GB/s",
    "mean error of the four fitted figures",
  );
  row("---:", "---:", "---:", "---:");
  for (const efficiency of [0.3, 0.4, 0.5, 1]) {
    const { calibration, meanError } = fitCalibration(efficiency);
    const { rootLinkBytesPerNs, chipletLinkBytesPerNs } = calibration;
    row(efficiency, rootLinkBytesPerNs, chipletLinkBytesPerNs, `${(100 * meanError).toFixed(2)} %`);
  }
} else {
  for (const variant of ["calibrated", "printed"] as const) {
    console.log(`\n## Speed-ups over the baseline, constants as ${variant}\n`);
    row("model", "run", "C_T", "paper", "model", "error", "fitted");
    row("---", "---", "---:", "---:", "---:", "---:", "---");
    for (const model of paperModels) {
      const hardware = machineOf(model, variant);
      const baseline = stepSeconds({ model, hardware, run: "baseline" });
      for (const run of PAPER_RUNS.slice(1)) {
        const speedup = baseline / stepSeconds({ model, hardware, run });
        const fitted = variant === "calibrated" && model === paperModels[0] ? "yes" : "no";
        const paper = model.speedup[run];
        row(
          model.shape.name,
          run,
          model.tokenReplication[run],
          paper,
          speedup,
          percent(speedup, paper),
          fitted,
        );
      }
    }
  }
  const [qwen3] = paperModels;
  for (const variant of ["calibrated", "printed"] as const) {
    const hardware = machineOf(qwen3, variant);
    const baselineOf = (sequenceLength: number, on = hardware) =>
      stepSeconds({ model: qwen3, hardware: on, run: "baseline", sequenceLength });
    console.log(`\n## Qwen3 by sequence length and memory, constants as ${variant}\n`);
    row("figure", "sequence", "paper", "model", "error", "fitted");
    row("---", "---:", "---:", "---:", "---:", "---");
    for (const { sequenceLength, speedup: paper } of paperSequences) {
      const own = stepSeconds({ model: qwen3, hardware, run: "C", sequenceLength });
      const speedup = baselineOf(sequenceLength) / own;
      row("speed-up of C", String(sequenceLength), paper, speedup, percent(speedup, paper), "no");
    }
    for (const [memory, on] of [
      ["hbm2", hardware],
      ["ssd", withSsd(hardware)],
    ] as const) {
      for (const printed of paperSeconds) {
        const seconds = baselineOf(printed.sequenceLength, on);
        const fitted = memory === "hbm2" && printed.sequenceLength === 256 && variant === "calibrated";
        const cells = [printed[memory], seconds, percent(seconds, printed[memory]), fitted ? "yes" : "no"];
        row(`seconds, ${memory.toUpperCase()}`, String(printed.sequenceLength), ...cells);
      }
    }
  }
  printProportion();
  await printBeyond();
}
