import { Command } from "commander";
import { InputError } from "../../index.js";
import {
  calibrateKernels,
  findHardware,
  hardwarePresets,
  implausibleTimes,
  type Calibration,
  type Hardware,
  type TimedCase,
  type TimedKernel,
} from "../../doors/hardware.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { readText } from "../read-files.js";
import { addTableOptions } from "../options.js";
import { formatTable, openTerminal, type TerminalOptions } from "../terminal.js";

interface CalibrateOptions extends TerminalOptions {
  readonly out: string;
  readonly force?: boolean;
  readonly hardware: string;
  readonly name?: string;
}

const kernels: readonly TimedKernel[] = [
  "low-latency-dispatch",
  "low-latency-combine",
  "normal-dispatch",
  "normal-combine",
  "decode-experts",
  "prefill-experts",
];

export function calibrateCommand(): Command {
  const machines = hardwarePresets.filter(({ kernels: measured }) => measured !== undefined);
  const command = new Command("calibrate")
    .summary("fit a machine's constants to timings of your own")
    .description(
      "Fits the constants of a machine's kernels to timings in a CSV file, writes the machine, and prints the errors.",
    )
    .argument("<cases>", "CSV file with one time a row; its columns are below")
    .requiredOption("-o, --out <file>", "machine to write, for --hardware of other commands")
    .option("--force", "overwrite the file")
    .option(
      "--hardware <name>",
      `machine to begin with: ${machines.map(({ name }) => name).join(", ")}`,
      "h100-8x8",
    )
    .option("--name <name>", "name of the new machine (default: that of the file)");
  return addTableOptions(command)
    .addHelpText(
      "after",
      `\n${COLUMNS}\nExample:\n  moeplace calibrate cases.csv -o machine.json --hardware h200-8x8`,
    )
    .action(async (path: string, options: CalibrateOptions) => {
      const terminal = openTerminal(options);
      checkOutput(options.out, options);
      const { kernels: measured, ...machine } = findMachine(options.hardware);
      const cases = await readCases(readText(path), path);
      checkUnits(measured, cases, { path, machine: machine.name });
      const fitted = calibrateKernels(measured, cases, `fitted to ${path}`);
      checkFitted(fitted.calibrations, path);
      const name = options.name ?? options.out.replace(/^.*\//, "").replace(/\.json$/, "");
      const written: Hardware = { ...machine, name, kernels: fitted.kernels };
      await writeOutput(options.out, `${JSON.stringify(written, null, 2)}\n`, options);
      terminal.printJson({ file: options.out, calibrations: fitted.calibrations });
      terminal.printCsv(fitted.calibrations);
      terminal.print(
        formatTable(
          ["kernel", "servers", "times", "mean error before", "after", "worst", "fitted"],
          fitted.calibrations.map((found) => [
            found.kernel,
            found.servers,
            String(found.numCases),
            percent(found.meanErrorBefore),
            percent(found.meanError),
            percent(found.worstError),
            found.fitted.join(", ") || "nothing: two times are the least",
          ]),
          { words: [1] },
        ),
      );
      for (const found of fitted.calibrations.filter(({ meanError }) => meanError > DOUBTFUL)) {
        terminal.note(
          `${nameOf(found)}: with ${percent(found.meanError)} of mean error the machine is no model of these times: maybe they are of several settings, or a column is wrong`,
        );
      }
      terminal.print(`\nwrote ${options.out}`);
    });
}

/** Mean error of fitted constants beyond which they say nothing. */
const DOUBTFUL = 0.5;

function nameOf({ kernel, servers }: Calibration): string {
  return servers === "several" ? `${kernel} over several servers` : kernel;
}

/** @throws InputError for a time that is in another unit than microseconds, as far as that shows. */
function checkUnits(
  measured: NonNullable<Hardware["kernels"]>,
  cases: readonly TimedCase[],
  { path, machine }: { path: string; machine: string },
): void {
  const first = implausibleTimes(measured, cases).at(0);
  if (first === undefined) return;
  const { index, ratio } = first;
  const { measuredNs } = cases[index];
  const factor = Math.round(Math.max(ratio, 1 / ratio)).toLocaleString("en-US");
  throw new InputError(
    `${path}:${index + 2}: found time_us ${measuredNs / 1000}, expected microseconds: ${machine} is modelled to take ` +
      `${(measuredNs / 1000 / ratio).toPrecision(3)}, ${factor} times as ${ratio > 1 ? "short" : "long"}`,
    `Maybe it is in ${ratio > 1 ? "nanoseconds" : "milliseconds"}, or tokens and sizes are of another row.`,
  );
}

/** @throws InputError where there are too few times to move any constant. */
function checkFitted(calibrations: readonly Calibration[], path: string): void {
  if (calibrations.some(({ fitted }) => fitted.length > 0)) return;
  const found = calibrations.map((calibration) => `1 time of ${nameOf(calibration)}`);
  throw new InputError(
    `${path}: found ${found.join(" and ")}, expected two or more of a kernel: each two move one constant`,
  );
}

const COLUMNS = `Columns of the CSV file, in any order:
  kernel          ${kernels.join(", ")}
  time_us         time of the slowest GPU, in microseconds
  tokens          tokens of one GPU
  hidden, topk, experts, gpus
  servers         default 1
  bytes_per_copy  a token on the wire (default: FP8 with scales on dispatch, BF16 on combine)
  units           compute units that normal kernels take (default 24)
  width           inner width of one expert; decode-experts and prefill-experts need it
  bytes_per_weight  default 1
Experts are taken as chosen at random, evenly.`;

function findMachine(name: string): Hardware & { kernels: NonNullable<Hardware["kernels"]> } {
  const found = findHardware(name);
  if (found?.kernels !== undefined) return { ...found, kernels: found.kernels };
  const known = hardwarePresets.filter(({ kernels: measured }) => measured !== undefined);
  throw new InputError(
    `--hardware: found ${name}, expected a machine of GPUs: one of ${known.map((found) => found.name).join(", ")}`,
  );
}

/** Cases of the CSV file, with what is left out filled in. */
export async function readCases(text: string, path: string): Promise<TimedCase[]> {
  const { parse } = await import("csv-parse/sync");
  let rows: Readonly<Record<string, string>>[];
  try {
    rows = parse(text, { columns: true, skip_empty_lines: true, trim: true });
  } catch (error) {
    throw new InputError(`${path}: found no CSV, expected one time a row (${(error as Error).message})`);
  }
  if (rows.length === 0) throw new InputError(`${path}: found no rows, expected one time a row`);
  return rows.map((row, index) => readCase(row, `${path}:${index + 2}`));
}

function readCase(row: Readonly<Record<string, string>>, where: string): TimedCase {
  const number = (column: string, missing?: number) => {
    const given = row[column] as string | undefined;
    if ((given === undefined || given === "") && missing !== undefined) return missing;
    const value = Number(given);
    if (!(value > 0) || given === "") {
      throw new InputError(`${where}: column ${column} is ${given ?? "missing"}, expected a number above 0`);
    }
    return value;
  };
  const kernel = kernels.find((name) => name === row["kernel"]);
  if (kernel === undefined) {
    throw new InputError(
      `${where}: kernel is ${row["kernel"] ?? "missing"}, expected one of ${kernels.join(", ")}`,
    );
  }
  const experts = kernel.endsWith("experts");
  const hiddenSize = number("hidden");
  const wire = kernel.endsWith("combine") ? 2 * hiddenSize : hiddenSize * (1 + 4 / 128);
  const found = {
    kernel,
    measuredNs: 1000 * number("time_us"),
    tokens: number("tokens"),
    hiddenSize,
    topK: number("topk"),
    numExperts: number("experts"),
    numGpus: number("gpus"),
    numServers: number("servers", 1),
    bytesPerCopy: number("bytes_per_copy", wire),
    computeUnits: number("units", 24),
    expertWidth: number("width", experts ? undefined : 1),
    bytesPerWeight: number("bytes_per_weight", 1),
  };
  const { numGpus, numServers, numExperts } = found;
  if (numGpus % numServers !== 0 || numExperts % numGpus !== 0) {
    throw new InputError(
      `${where}: found ${numGpus} gpus, ${numServers} servers and ${numExperts} experts, expected servers that divide gpus, and gpus that divide experts`,
      "Maybe gpus counts those of one server; here it counts those of all.",
    );
  }
  return found;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
