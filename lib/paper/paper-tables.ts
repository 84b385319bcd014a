/**
 * The Mozart paper against the model.
 *
 * The calibrated machines are fitted to Qwen3 at sequence 256 with HBM2 alone; every other row is prediction.
 */
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
import { proportionTables } from "./paper-proportion.js";
import { columnsOf, type PaperTable } from "./paper-table.js";

const VARIANTS = ["calibrated", "printed"] as const;

/** Speed-ups, seconds, and what they follow: all that needs no trace. */
export function paperTables(): PaperTable[] {
  return [...VARIANTS.map(speedupTable), ...VARIANTS.map(sequenceTable), ...proportionTables()];
}

/** The constants of the calibrated machines, fitted again; takes some minutes. */
export function fitTable(): PaperTable {
  return {
    columns: columnsOf(
      [
        "efficiency of the root",
        "root link, GB/s",
        "chiplet link, GB/s",
        "mean error of the four fitted figures",
      ],
      { texts: 0 },
    ),
    rows: [0.3, 0.4, 0.5, 1].map((efficiency) => {
      const { calibration, meanError } = fitCalibration(efficiency);
      const { rootLinkBytesPerNs, chipletLinkBytesPerNs } = calibration;
      return [efficiency, rootLinkBytesPerNs, chipletLinkBytesPerNs, `${(100 * meanError).toFixed(2)} %`];
    }),
  };
}

function speedupTable(variant: (typeof VARIANTS)[number]): PaperTable {
  const rows = paperModels.flatMap((model) => {
    const hardware = machineOf(model, variant);
    const baseline = stepSeconds({ model, hardware, run: "baseline" });
    return PAPER_RUNS.slice(1).map((run) => {
      const speedup = baseline / stepSeconds({ model, hardware, run });
      const fitted = variant === "calibrated" && model === paperModels[0] ? "yes" : "no";
      const paper = model.speedup[run];
      return [
        model.shape.name,
        run,
        model.tokenReplication[run],
        paper,
        speedup,
        percent(speedup, paper),
        fitted,
      ];
    });
  });
  return {
    title: `Speed-ups over the baseline, constants as ${variant}`,
    columns: columnsOf(["model", "run", "C_T", "paper", "model", "error", "fitted"], {
      texts: 2,
      lastIsText: true,
    }),
    rows,
  };
}

function sequenceTable(variant: (typeof VARIANTS)[number]): PaperTable {
  const [qwen3] = paperModels;
  const hardware = machineOf(qwen3, variant);
  const baselineOf = (sequenceLength: number, on = hardware) =>
    stepSeconds({ model: qwen3, hardware: on, run: "baseline", sequenceLength });
  const speedups = paperSequences.map(({ sequenceLength, speedup: paper }) => {
    const own = stepSeconds({ model: qwen3, hardware, run: "C", sequenceLength });
    const speedup = baselineOf(sequenceLength) / own;
    return ["speed-up of C", String(sequenceLength), paper, speedup, percent(speedup, paper), "no"];
  });
  const seconds = (
    [
      ["hbm2", hardware],
      ["ssd", withSsd(hardware)],
    ] as const
  ).flatMap(([memory, on]) =>
    paperSeconds.map((printed) => {
      const modelled = baselineOf(printed.sequenceLength, on);
      const fitted = memory === "hbm2" && printed.sequenceLength === 256 && variant === "calibrated";
      const cells = [printed[memory], modelled, percent(modelled, printed[memory]), fitted ? "yes" : "no"];
      return [`seconds, ${memory.toUpperCase()}`, String(printed.sequenceLength), ...cells];
    }),
  );
  return {
    title: `Qwen3 by sequence length and memory, constants as ${variant}`,
    columns: columnsOf(["figure", "sequence", "paper", "model", "error", "fitted"], {
      texts: 1,
      lastIsText: true,
    }),
    rows: [...speedups, ...seconds],
  };
}

function percent(model: number, paper: number): string {
  return `${(100 * (model / paper - 1)).toFixed(0)} %`;
}
