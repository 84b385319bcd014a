/**
 * The Mozart paper against the model.
 *
 * The calibrated machines are fitted to Qwen3 at sequence 256 with HBM2 alone, those fitted to copies to the nine speed-ups at
 * sequence 256; every other row is prediction.
 */
import { calibrationError, fitCalibration, fitCopies, worstOfNine } from "./paper-fit.js";
import {
  machineOf,
  PAPER_RUNS,
  PAPER_VARIANTS,
  paperModels,
  paperSeconds,
  paperSequences,
  stepSeconds,
  withSsd,
  type PaperModel,
  type PaperVariant,
} from "./paper-model.js";
import { proportionTables } from "./paper-proportion.js";
import { columnsOf, type PaperTable } from "./paper-table.js";

/** Which constants a table is of. */
const CONSTANTS: Readonly<Record<PaperVariant, string>> = {
  calibrated: "constants as calibrated to seconds",
  copies: "constants as fitted to copies",
  printed: "constants as printed",
};

/** Speed-ups, seconds, and what they follow: all that needs no trace. */
export function paperTables(): PaperTable[] {
  return [
    ...PAPER_VARIANTS.map(speedupTable),
    ...PAPER_VARIANTS.map(sequenceTable),
    placementTable(),
    convexityTable(),
    ...proportionTables(),
  ];
}

/** The constants of the fitted machines, fitted again, beside those in use; takes some minutes. */
export function fitTables(): PaperTable[] {
  return [secondsFit(), copiesFit()];
}

function secondsFit(): PaperTable {
  const { root, links } = machineOf(paperModels[0], "calibrated");
  const used = {
    rootLinkBytesPerNs: links.root.bytesPerNs.value,
    chipletLinkBytesPerNs: links.chiplet.bytesPerNs.value,
  };
  const fits = [0.3, 0.4, 0.5, 1].map((efficiency) => ({
    constants: "fitted",
    efficiency,
    ...fitCalibration(efficiency),
  }));
  const efficiency = root.efficiency.value;
  const meanError = calibrationError(used, efficiency);
  return {
    title: `Calibrated to seconds: Qwen3 at sequence 256, ${tilesOf("calibrated")} tiles`,
    columns: columnsOf(
      [
        "constants",
        "efficiency of the root",
        "root link, GB/s",
        "chiplet link, GB/s",
        "mean error of the four fitted figures",
      ],
      { texts: 1 },
    ),
    rows: [...fits, { constants: "in use", efficiency, calibration: used, meanError }].map((row) => [
      row.constants,
      row.efficiency,
      row.calibration.rootLinkBytesPerNs,
      row.calibration.chipletLinkBytesPerNs,
      percentOf(row.meanError),
    ]),
  };
}

function copiesFit(): PaperTable {
  const { rootLinkBytesPerNs, worstError } = fitCopies();
  const used = machineOf(paperModels[0], "copies").links.root.bytesPerNs.value;
  return {
    title: `Fitted to copies: the nine speed-ups at sequence 256, ${tilesOf("copies")} tiles`,
    columns: columnsOf(["constants", "root link, GB/s", "error of the worst of the nine"], { texts: 1 }),
    rows: [
      ["fitted", rootLinkBytesPerNs, percentOf(worstError)],
      ["in use", used, percentOf(worstOfNine(used))],
    ],
  };
}

function tilesOf(variant: PaperVariant): number {
  const { chiplet } = machineOf(paperModels[0], variant);
  return chiplet.kind === "systolic" ? chiplet.tiles.value : 0;
}

function speedupTable(variant: PaperVariant): PaperTable {
  const rows = paperModels.flatMap((model) => {
    const hardware = machineOf(model, variant);
    const baseline = stepSeconds({ model, hardware, run: "baseline" });
    return PAPER_RUNS.slice(1).map((run) => {
      const speedup = baseline / stepSeconds({ model, hardware, run });
      const fitted = isFitted(variant, model) ? "yes" : "no";
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
    title: `Speed-ups over the baseline, ${CONSTANTS[variant]}`,
    columns: columnsOf(["model", "run", "C_T", "paper", "model", "error", "fitted"], {
      texts: 2,
      lastIsText: true,
    }),
    rows,
  };
}

/** Whether a speed-up of the model made the constants. */
function isFitted(variant: PaperVariant, model: PaperModel): boolean {
  return variant === "copies" || (variant === "calibrated" && model === paperModels[0]);
}

/** What placement alone is worth in the paper: C over B. */
function placementTable(): PaperTable {
  return {
    title: "Gain of C over B, placement alone",
    columns: columnsOf(["model", "paper", ...PAPER_VARIANTS.map((variant) => CONSTANTS[variant])], {
      texts: 1,
    }),
    rows: paperModels.map((model) => [
      model.shape.name,
      (model.speedup.C / model.speedup.B).toFixed(3),
      ...PAPER_VARIANTS.map((variant) => {
        const hardware = machineOf(model, variant);
        const [before, after] = (["B", "C"] as const).map((run) => stepSeconds({ model, hardware, run }));
        return (before / after).toFixed(3);
      }),
    ]),
  };
}

/**
 * Why no model has both C over B at sequence 256 and C at 512, where its time is convex in copies and tokens.
 *
 * B and C at 256 are two points of the same number of tokens; a convex function lies above the line through them beyond the
 * second, and with more tokens it takes no less.
 */
function convexityTable(): PaperTable {
  const [{ tokenReplication, speedup }] = paperModels;
  const [, { sequenceLength, hbm2: baselineSeconds }, { sequenceLength: longer, hbm2: longerSeconds }] =
    paperSeconds;
  const points = (["C", "B"] as const).map((run) => ({
    copies: tokenReplication[run] * sequenceLength,
    seconds: baselineSeconds / speedup[run],
  }));
  const [placed, plain] = points;
  const slope = (plain.seconds - placed.seconds) / (plain.copies - placed.copies);
  const copies = tokenReplication.C * longer;
  const least = placed.seconds + slope * (copies - placed.copies);
  const printed = paperSequences.find((found) => found.sequenceLength === longer)?.speedup ?? NaN;
  const seconds = (value: number) => value.toFixed(3);
  return {
    title: "What follows for C at sequence 512 from C and B at 256, Qwen3",
    columns: columnsOf(["figure", "copies of a sequence's tokens", "seconds of a step", "speed-up"], {
      texts: 1,
    }),
    rows: [
      ["B at 256, printed", plain.copies.toFixed(0), seconds(plain.seconds), speedup.B],
      ["C at 256, printed", placed.copies.toFixed(0), seconds(placed.seconds), speedup.C],
      ["C at 512, least of any convex model", copies.toFixed(0), seconds(least), longerSeconds / least],
      ["C at 512, printed", copies.toFixed(0), seconds(longerSeconds / printed), printed],
    ],
  };
}

function sequenceTable(variant: PaperVariant): PaperTable {
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
    title: `Qwen3 by sequence length and memory, ${CONSTANTS[variant]}`,
    columns: columnsOf(["figure", "sequence", "paper", "model", "error", "fitted"], {
      texts: 1,
      lastIsText: true,
    }),
    rows: [...speedups, ...seconds],
  };
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function percent(model: number, paper: number): string {
  return `${(100 * (model / paper - 1)).toFixed(0)} %`;
}
