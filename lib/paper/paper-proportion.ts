/** How far the printed latencies follow C_T, and how far those of the model do. */
import { criticalPath, timeByKind } from "../task-graph/critical-path.js";
import { machineOf, paperModels, stepSchedule, type PaperModel } from "./paper-model.js";
import { columnsOf, type PaperTable } from "./paper-table.js";
import { sum } from "../statistics.js";

/** The runs that overlap: in the baseline everything adds up by construction. */
const RUNS = ["A", "B", "C"] as const;

/** Latencies of A, B and C over that of the baseline, and their C_T. */
interface Latencies {
  readonly replication: readonly number[];
  readonly latency: readonly number[];
}

/** Latencies against C_T, and what the step of C waits for. */
export function proportionTables(): PaperTable[] {
  const latencies = paperModels.flatMap((model) =>
    (
      [
        ["paper", printedLatencies(model)],
        ["model", modelledLatencies(model)],
      ] as const
    ).map(([source, latencies]) => {
      const proportional = fitLine(latencies, { throughOrigin: true });
      const line = fitLine(latencies, { throughOrigin: false });
      return [
        model.shape.name,
        source,
        percent(meanError(latencies, proportional)),
        percent(meanError(latencies, line)),
        percent(line.offset / latencies.latency[2]),
        `${elasticity(latencies, 0, 1).toFixed(2)} %`,
        `${elasticity(latencies, 1, 2).toFixed(2)} %`,
      ];
    }),
  );
  return [
    {
      title: "Latency of A, B and C against C_T: printed, and modelled with the calibrated constants",
      columns: columnsOf(
        [
          "model",
          "latencies",
          "mean error of b C_T",
          "of a + b C_T",
          "a, share of C's latency",
          "fall of latency for each 1 % of C_T, A to B",
          "B to C",
        ],
        { texts: 2 },
      ),
      rows: latencies,
    },
    {
      title: "What the modelled step of C waits for: its critical path by kind, calibrated constants",
      columns: columnsOf(["model", "critical path"], { texts: 2 }),
      rows: paperModels.map((model) => [model.shape.name, pathOfC(model)]),
    },
  ];
}

function printedLatencies(model: PaperModel): Latencies {
  return {
    replication: RUNS.map((run) => model.tokenReplication[run]),
    latency: RUNS.map((run) => 1 / model.speedup[run]),
  };
}

function modelledLatencies(model: PaperModel): Latencies {
  const hardware = machineOf(model, "calibrated");
  const baselineNs = stepSchedule({ model, hardware, run: "baseline" }).makespanNs;
  return {
    replication: RUNS.map((run) => model.tokenReplication[run]),
    latency: RUNS.map((run) => stepSchedule({ model, hardware, run }).makespanNs / baselineNs),
  };
}

interface Line {
  readonly offset: number;
  readonly slope: number;
}

/** Least squares of relative errors: latency = offset + slope * C_T, each equation divided by its latency. */
function fitLine({ replication, latency }: Latencies, { throughOrigin }: { throughOrigin: boolean }): Line {
  const ones = latency.map((ns) => 1 / ns);
  const slopes = replication.map((copies, run) => copies / latency[run]);
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, index) => sum + value * b[index], 0);
  if (throughOrigin) return { offset: 0, slope: sum(slopes) / dot(slopes, slopes) };
  const determinant = dot(ones, ones) * dot(slopes, slopes) - dot(ones, slopes) ** 2;
  return {
    offset: (sum(ones) * dot(slopes, slopes) - sum(slopes) * dot(ones, slopes)) / determinant,
    slope: (sum(slopes) * dot(ones, ones) - sum(ones) * dot(ones, slopes)) / determinant,
  };
}

/** Root of the mean square of relative errors. */
function meanError({ replication, latency }: Latencies, { offset, slope }: Line): number {
  const squares = replication.map((copies, run) => ((offset + slope * copies) / latency[run] - 1) ** 2);
  return Math.sqrt(sum(squares) / squares.length);
}

/** By how many per cent latency falls for each per cent by which C_T does. */
function elasticity({ replication, latency }: Latencies, from: number, to: number): number {
  const copies = Math.log(replication[from] / replication[to]);
  return Math.log(latency[from] / latency[to]) / copies;
}

function pathOfC(model: PaperModel): string {
  const { graph, schedule, makespanNs } = stepSchedule({
    model,
    hardware: machineOf(model, "calibrated"),
    run: "C",
  });
  return timeByKind(graph, criticalPath(graph, schedule))
    .map(({ kind, ns }) => `${kind} ${percent(ns / makespanNs)}`)
    .join(", ");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
