import type {
  BatchMetrics,
  BeforeAfter,
  Evaluation,
  OnlineSlots,
  ServerMetrics,
  StepTime,
} from "../../doors/flows.js";
import type { Hardware } from "../../doors/hardware.js";
import { counted, formatTime, tableOf, timeColumn, type TableText } from "../../doors/report.js";
import { formatTable } from "../terminal.js";
import { describeTransport } from "./describe.js";

/** What a placement file comes to. */
export interface Evaluated {
  readonly file: string;
  readonly evaluation: Evaluation;
  readonly batches: BatchMetrics;
  /** From what runs, or else contiguous, where that has room, to this placement. */
  readonly change: BeforeAfter | undefined;
  readonly time: StepTime | null;
  readonly hardware: Hardware;
  readonly online: OnlineSlots | null;
}

/** The largest load of a batch with what an engine evens out in it, and without. */
export function onlineTable(evaluated: readonly Evaluated[]): string {
  const cells = evaluated.flatMap(({ file, batches, online }) =>
    online === null
      ? []
      : [
          [
            file,
            batches.loadMaxOverMean.mean.toFixed(3),
            online.loadMaxOverMean.mean.toFixed(3),
            online.loadMaxOverMean.p95.toFixed(3),
            online.atLeast.toFixed(3),
          ],
        ],
  );
  const { slots = 0, perDomain = 0 } = evaluated[0].online ?? {};
  const headers = [
    `max load of a batch, ${perDomain} GPUs a domain`,
    "as placed",
    slots === 1 ? "1 online slot" : `${slots} online slots`,
    "95 %",
    "at least",
  ];
  return formatTable(headers, cells);
}

/** What a placement comes to from batch to batch: mean and 95th percentile. */
export function batchTable(evaluated: readonly Evaluated[]): string {
  const cells = evaluated.map(({ file, batches: { count, tokens, stepTokens, ...spreads } }) => [
    file,
    `${count} of ${tokens}${tokens < stepTokens ? ` (a step has ${stepTokens})` : ""}`,
    ...(["loadMaxOverMean", "tokenReplication"] as const).flatMap((name) => [
      spreads[name].mean.toFixed(3),
      spreads[name].p95.toFixed(3),
    ]),
    ...(spreads.stepNs ? [formatTime(spreads.stepNs.mean), formatTime(spreads.stepNs.p95)] : ["", ""]),
  ]);
  return formatTable(["batches of tokens", "", "max load", "95 %", "C_T", "95 %", "step", "95 %"], cells);
}

function placedChiplets({ numGroups, chipletsPerGroup }: Hardware): number {
  return numGroups * chipletsPerGroup;
}

/**
 * The step of every placement in a line, or one line where all have the same; and the machine of each, where they are on
 * different ones.
 */
export function stepLines(evaluated: readonly Evaluated[]): string {
  const isOneMachine = new Set(evaluated.map(machineOf)).size <= 1;
  const lines = evaluated.flatMap((row) => {
    const { file, evaluation, hardware } = row;
    const { workload } = evaluation.step ?? {};
    const step = workload && describeTransport(workload, placedChiplets(hardware));
    const told = isOneMachine ? [step] : [machineOf(row), step];
    const text = told.filter((part) => part !== undefined).join(": ");
    return text === "" ? [] : [{ file, text }];
  });
  if (new Set(lines.map(({ text }) => text)).size <= 1) return lines[0]?.text ?? "";
  const differ = isOneMachine
    ? "placements were made for different steps, each judged in its own; --workload judges all in one"
    : "placements are judged on different machines, each on its own";
  return [...lines.map(({ file, text }) => `${file}: ${text}`), differ].join("\n");
}

/** A machine in words, with its size: placements on others are no rivals. */
function machineOf({ hardware }: Evaluated): string {
  const { name, numGroups } = hardware;
  return `${name} of ${counted(placedChiplets(hardware), "chiplet")} in ${counted(numGroups, "group")}`;
}

/** Whether figures are of the same step on the same machine, so that one is better than another. */
function areComparable(rows: readonly Evaluated[]): boolean {
  const steps = rows.map((row) => machineOf(row) + JSON.stringify(row.evaluation.step?.workload));
  return new Set(steps).size <= 1;
}

/** Placements in numbers, the best of every column marked, where all are judged in the same step on the same machine. */
export function evaluationTable(rows: readonly Evaluated[]): TableText {
  const timed = rows.find(({ evaluation }) => evaluation.step !== undefined);
  const configuration = timed?.evaluation.step?.configuration ?? "unknown";
  const figure = (header: string, digits: number, value: (row: Evaluated) => number | undefined) => ({
    header,
    cell: (row: Evaluated) => value(row)?.toFixed(digits) ?? "",
    value,
    isOptional: true,
  });
  const table = tableOf(rows, [
    { header: "placement", cell: ({ file }) => file },
    figure("C_T", 3, ({ evaluation }) => evaluation.mean.tokenReplication),
    figure("C_G", 3, ({ evaluation }) => evaluation.mean.groupReplication),
    figure("max load", 2, ({ evaluation }) => evaluation.mean.loadMaxOverMean),
    timeColumn(
      rows,
      (unit) => `step, ${unit} (${configuration})`,
      ({ evaluation }) => evaluation.step?.stepNs,
    ),
    figure("energy, J", 1, ({ evaluation: { step } }) => step && step.stepPj / 1e12),
  ]);
  return areComparable(rows) ? table : { headers: table.headers, cells: table.cells };
}

/** Copies and tokens by servers, a row a placement; undefined where tokens start on no GPU. */
export function serverTable(evaluated: readonly Evaluated[], serverLimit?: number): string | undefined {
  const rows = evaluated.flatMap(({ file, evaluation }) => {
    const { servers } = evaluation.mean;
    return servers ? [serverRow(file, servers, serverLimit)] : [];
  });
  if (rows.length === 0) return undefined;
  const above =
    serverLimit === undefined ? [] : [`above ${serverLimit} server${serverLimit === 1 ? "" : "s"}`];
  return formatTable([...SERVER_HEADERS, ...above], rows);
}

const SERVER_HEADERS = [
  "copies of a token",
  "between servers",
  "inside",
  "forwarded: between",
  "inside",
  "most servers",
];

/**
 * Copies straight to every GPU, then by way of one GPU a server; how many servers a token needs at most; and the share
 * of tokens above the limit of a router, which it would send elsewhere.
 */
function serverRow(
  file: string,
  { direct, forwarded, tokensByServers }: ServerMetrics,
  serverLimit: number | undefined,
): string[] {
  const copies = [direct, forwarded].flatMap(({ betweenServers, insideServers }) => [
    betweenServers,
    insideServers,
  ]);
  const most = tokensByServers.findLastIndex((share) => share > 0);
  const share = (100 * tokensByServers[most]).toFixed(1);
  const cells = [file, ...copies.map((count) => count.toFixed(3)), `${most} (${share} %)`];
  if (serverLimit === undefined) return cells;
  const above = tokensByServers.slice(serverLimit + 1).reduce((sum, share) => sum + share, 0);
  return [...cells, `${(100 * above).toFixed(1)} %`];
}
