import type { Constant, Hardware } from "../hardware/hardware.js";
import { largest, sum } from "../statistics.js";
import { machineOf, PAPER_RUNS, paperModels, paperSeconds, stepSeconds } from "./paper-model.js";

/** The two constants of the calibrated machines that are fitted. */
interface Calibration {
  readonly rootLinkBytesPerNs: number;
  readonly chipletLinkBytesPerNs: number;
}

/** Links that the search begins with, GB/s: times jump where one more expert is prefetched, so a single start gets stuck. */
const ROOT_STARTS = [6, 6.4, 6.8, 7.2];
const CHIPLET_STARTS = [24, 25.5, 27, 28.5, 30];
/** Starts, the best first, that a simplex goes on from, and its steps. */
const NUM_DESCENTS = 2;
const NUM_STEPS = 25;

/**
 * Fits the calibration to four printed figures, all of Qwen3 at sequence 256 with HBM2: the seconds of the baseline and
 * the speed-ups A, B and C. Least squares of the logarithms of model over paper, by Nelder and Mead's simplex from the best points
 * of a grid.
 *
 * Everything else that `npm run bench:paper` compares is prediction.
 *
 * @param rootEfficiency Efficiency of the attention chiplet, which these figures hardly determine.
 */
export function fitCalibration(rootEfficiency: number): { calibration: Calibration; meanError: number } {
  const errorOf = (logarithms: readonly number[]) =>
    calibrationError(toCalibration(logarithms), rootEfficiency) ** 2;
  const { point, value } = ROOT_STARTS.flatMap((root) => CHIPLET_STARTS.map((chiplet) => [root, chiplet]))
    .map((links) => links.map(Math.log))
    .map((start) => ({ start, value: errorOf(start) }))
    .sort((a, b) => a.value - b.value)
    .slice(0, NUM_DESCENTS)
    .map(({ start }) => minimise(errorOf, start, NUM_STEPS))
    .reduce((best, found) => (found.value < best.value ? found : best));
  return { calibration: toCalibration(point), meanError: Math.sqrt(value) };
}

/** Root of the mean square of the logarithms of model over paper, of the four figures that the calibration is fitted to. */
export function calibrationError(calibration: Calibration, rootEfficiency: number): number {
  const [qwen3] = paperModels;
  const calibrated = machineOf(qwen3, "calibrated");
  const efficiency: Constant = { value: rootEfficiency, source: "this fit", trust: "assumed" };
  const hardware = withCalibration({ ...calibrated, root: { ...calibrated.root, efficiency } }, calibration);
  const seconds = PAPER_RUNS.map((run) => stepSeconds({ model: qwen3, hardware, run }));
  const squares = seconds.map((second, index) => {
    const printed = paperSeconds[1].hbm2 / qwen3.speedup[PAPER_RUNS[index]];
    // The baseline enters as seconds, the others as speed-ups over it.
    const modelled = index === 0 ? second : (second / seconds[0]) * paperSeconds[1].hbm2;
    return Math.log(modelled / printed) ** 2;
  });
  return Math.sqrt(sum(squares) / squares.length);
}

/** Root links that a copy may take, at least and most, and how often the range is narrowed, to 0.001 GB/s. */
const ROOT_LINKS = [3, 7] as const;
const ROOT_STEPS = 17;

/**
 * Fits the root link of the machines that are right to copies, to the nine printed speed-ups at sequence 256: the worst of the nine is
 * as near as it can be, by golden sections.
 */
export function fitCopies(): { rootLinkBytesPerNs: number; worstError: number } {
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high]: readonly number[] = ROOT_LINKS;
  for (let step = 0; step < ROOT_STEPS; step++) {
    const width = golden * (high - low);
    if (worstOfNine(high - width) < worstOfNine(low + width)) high = low + width;
    else low = high - width;
  }
  const rootLinkBytesPerNs = (low + high) / 2;
  return { rootLinkBytesPerNs, worstError: worstOfNine(rootLinkBytesPerNs) };
}

/** How far the worst of the nine speed-ups at sequence 256 is from print, as a share of it. */
export function worstOfNine(rootLinkBytesPerNs: number): number {
  const errors = paperModels.flatMap((model) => {
    const machine = machineOf(model, "copies");
    const { chiplet } = machine.links;
    const hardware = withCalibration(machine, {
      rootLinkBytesPerNs,
      chipletLinkBytesPerNs: chiplet.bytesPerNs.value,
    });
    const [baseline, ...others] = PAPER_RUNS.map((run) => stepSeconds({ model, hardware, run }));
    return others.map((seconds, index) =>
      Math.abs(baseline / seconds / model.speedup[PAPER_RUNS[index + 1]] - 1),
    );
  });
  return largest(errors);
}

function toCalibration(logarithms: readonly number[]): Calibration {
  const [rootLinkBytesPerNs, chipletLinkBytesPerNs] = logarithms.map(Math.exp);
  return { rootLinkBytesPerNs, chipletLinkBytesPerNs };
}

function withCalibration(machine: Hardware, calibration: Calibration): Hardware {
  const fitted = (value: number): Constant => ({ value, source: "this fit", trust: "fitted" });
  const { root, chiplet } = machine.links;
  return {
    ...machine,
    links: {
      root: { ...root, bytesPerNs: fitted(calibration.rootLinkBytesPerNs) },
      chiplet: { ...chiplet, bytesPerNs: fitted(calibration.chipletLinkBytesPerNs) },
    },
  };
}

/** Of the first simplex: 4 %, less than between two starts. */
const SIMPLEX_EDGE = 0.04;

/** Source: Nelder and Mead, "A simplex method for function minimization", The Computer Journal 7, 1965. */
function minimise(
  valueOf: (point: readonly number[]) => number,
  start: readonly number[],
  numSteps: number,
): { point: readonly number[]; value: number } {
  const corner = (point: readonly number[]) => ({ point, value: valueOf(point) });
  const simplex = [
    start,
    ...start.map((_, axis) => start.map((x, at) => (at === axis ? x + SIMPLEX_EDGE : x))),
  ].map(corner);
  for (let step = 0; step < numSteps; step++) {
    simplex.sort((a, b) => a.value - b.value);
    const worst = simplex[simplex.length - 1];
    const centre = start.map(
      (_, axis) =>
        simplex.slice(0, -1).reduce((sum, { point }) => sum + point[axis], 0) / (simplex.length - 1),
    );
    const along = (factor: number) =>
      corner(centre.map((middle, axis) => middle + factor * (worst.point[axis] - middle)));
    const reflected = along(-1);
    if (reflected.value < simplex[0].value) {
      const expanded = along(-2);
      simplex[simplex.length - 1] = expanded.value < reflected.value ? expanded : reflected;
    } else if (reflected.value < simplex[simplex.length - 2].value) {
      simplex[simplex.length - 1] = reflected;
    } else {
      const contracted = along(0.5);
      if (contracted.value < worst.value) simplex[simplex.length - 1] = contracted;
      else {
        const [best] = simplex;
        for (let index = 1; index < simplex.length; index++) {
          simplex[index] = corner(simplex[index].point.map((x, axis) => (x + best.point[axis]) / 2));
        }
      }
    }
  }
  return simplex.reduce((best, vertex) => (vertex.value < best.value ? vertex : best));
}
