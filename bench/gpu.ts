/**
 * `npm run bench:gpu`: the model of GPU kernels against published measurements, by class, and time against copies.
 *
 * `npm run -s bench:gpu -- --cases DIR --json` prints the errors of every file of DIR as JSON, `--cases DIR` alone as a
 * table; the default is the folder MOEPLACE_MEASURED. Constants are those of the presets; nothing is fitted to DIR.
 */
import { parseArgs } from "node:util";
import { copiesLines } from "./gpu-copies.js";
import { fileErrors, judge, summarise, type ErrorSummary } from "./gpu-errors.js";
import { modelledThroughput, overlapCases, stepCases } from "./gpu-steps.js";
import { measuredFolder, readMeasured } from "./gpu-measured.js";

const { values } = parseArgs({ options: { cases: { type: "string" }, json: { type: "boolean" } } });
const folder = values.cases ?? measuredFolder;
const files = readMeasured(folder);

if (values.json === true) {
  const errors = files.map((file) => [file.file, fileErrors(file)]);
  console.log(JSON.stringify(Object.fromEntries(errors), null, 1));
} else {
  if (files.length === 0) console.log(`(${folder} holds no measurements; set MOEPLACE_MEASURED)`);
  else {
    printByFile();
    printByKernel();
    printCopies();
  }
  printSteps();
  printOverlaps();
}

function printSteps(): void {
  console.log("\n## End to end\n");
  console.log(
    "Tokens a second and GPU of all layers of DeepSeek-V3; routed as its router limits it, real requests with uneven GPUs.\n",
  );
  console.log("| published | GPUs | measured | modelled | error |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const published of stepCases) {
    const { source, numGpus, tokensPerSecond } = published;
    const modelled = modelledThroughput(published);
    const error = percent(modelled / tokensPerSecond - 1);
    console.log(
      `| ${source} | ${numGpus} | ${tokensPerSecond.toFixed(0)} | ${modelled.toFixed(0)} | ${error} |`,
    );
  }
}

function printOverlaps(): void {
  console.log("\n## A second micro-batch\n");
  console.log("Tokens a second of the same deployments with one and without: what the other hides.\n");
  console.log("| published | without: modelled | with: modelled | gain: measured | modelled |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const { source, gain, ...cases } of overlapCases) {
    const [one, two] = [modelledThroughput(cases.without), modelledThroughput(cases.with)];
    const measured = [...new Set(gain)].map(percent).join(" to ");
    console.log(
      `| ${source} | ${one.toFixed(0)} | ${two.toFixed(0)} | ${measured} | ${percent(two / one - 1)} |`,
    );
  }
}

function percent(share: number | null): string {
  return share === null ? "-" : `${(100 * share).toFixed(1)} %`;
}

function printErrors(name: string, rows: string, errors: Partial<ErrorSummary>): void {
  const { meanError = null, p95Error = null, worstError = null } = errors;
  console.log(
    `| ${name} | ${rows} | ${percent(meanError)} | ${percent(p95Error)} | ${percent(worstError)} |`,
  );
}

function printByFile(): void {
  console.log("## By file\n");
  console.log("| file | rows used | mean error | 95th percentile | worst |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const file of files) {
    const { rows, used, ...errors } = fileErrors(file);
    printErrors(file.file, `${used} of ${rows}`, errors as Partial<ErrorSummary>);
  }
}

function printByKernel(): void {
  console.log("\n## By machine and kernel\n");
  console.log("| machine, kernel | times | mean error | 95th percentile | worst |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  const groups = new Map<string, number[]>();
  for (const { machine, kernel, error } of files.flatMap(({ cases }) => judge(cases))) {
    const name = kernel.startsWith("published") ? kernel.replace(".", ": ") : `${machine}, ${kernel}`;
    groups.set(name, [...(groups.get(name) ?? []), error]);
  }
  for (const [name, errors] of [...groups].sort(([left], [right]) => (left < right ? -1 : 1))) {
    printErrors(name, String(errors.length), summarise(errors) ?? {});
  }
}

function printCopies(): void {
  const lines = copiesLines(files.flatMap(({ cases }) => cases));
  if (lines.length === 0) return;
  console.log("\n## Time against copies\n");
  console.log(
    "One server, 4096 tokens a GPU, shapes of one width; copies vary through top-k, not through placement.\n",
  );
  console.log("| machine | way | hidden size | shapes | R2 | time saved by a fifth fewer copies |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: |");
  for (const { machine, way, hiddenSize, numShapes, rSquared, savedByFifth } of lines) {
    console.log(
      `| ${machine} | ${way} | ${hiddenSize} | ${numShapes} | ${rSquared.toFixed(3)} | ${percent(savedByFifth)} |`,
    );
  }
}
