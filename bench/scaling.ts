/**
 * How fast a queue of workers gets: sizes of real jobs and the seconds of one core that they take, measured here, and from them the makespan
 * of many jobs on many workers, simulated. Prints Markdown for docs/scaling.md.
 *
 * The simulation hands jobs out in order, each to the worker that is free first, and no job before the submitter has
 * packed it, one after the other. It knows no network: a job's bytes at 1 Gbit/s take less than packing does.
 */
import { poseFor, poseLayers } from "../doors/flows.js";
import { findHardware } from "../doors/hardware.js";
import { DEFAULT_SOLVER_OPTIONS, requireSolver } from "../doors/solvers.js";
import { synthesizeTrace } from "../doors/traces.js";
import { packJob, unpackJob } from "../solvers/queue/packed-job.js";
import { largest, mean } from "../lib/statistics.js";

interface MeasuredJob {
  readonly bytes: number;
  readonly packSeconds: number;
  readonly seconds: number;
}

const PRESETS = ["deepseek-moe-16b", "qwen3-30b-a3b"];
const SOLVERS = ["local-search", "auto"];
const LAYERS = 4;
const TOKENS = 2048;
const WORKERS = [1, 10, 100, 1000];
/** Grid points of which each has as many layers as a model, as a sweep hands them in. */
const SWEPT_JOBS = 100 * 48;
/** A core of a rented machine, in US dollars: an assumption, for orders of magnitude. */
const DOLLARS_OF_CORE_HOUR = 0.04;

const rows: string[] = [];
for (const preset of PRESETS) {
  const trace = synthesizeTrace({ preset, layers: LAYERS, tokens: TOKENS });
  const hardware = findHardware("mozart-deepseek");
  if (hardware === undefined) throw new Error("the preset is gone");
  const problems = poseLayers(trace, poseFor(trace, { hardware }));
  // The first is slower, as all that runs for the first time.
  packJob({ solver: "auto", problem: problems[0], options: DEFAULT_SOLVER_OPTIONS });
  for (const name of SOLVERS) {
    const jobs: MeasuredJob[] = [];
    for (const problem of problems) {
      const beforePacking = coreSeconds();
      const packed = packJob({ solver: name, problem, options: DEFAULT_SOLVER_OPTIONS });
      const packSeconds = coreSeconds() - beforePacking;
      const begin = coreSeconds();
      await requireSolver(name).solve(unpackJob(packed).problem, DEFAULT_SOLVER_OPTIONS);
      jobs.push({ bytes: packed.length, packSeconds, seconds: coreSeconds() - begin });
    }
    rows.push(describe(`${preset}, ${name}`, jobs));
  }
}
console.log(
  `| jobs | kB packed | ms to pack | seconds, mean (most) | ${WORKERS.map((count) => `${count} worker${count === 1 ? "" : "s"}`).join(" | ")} | dollars |`,
);
console.log(`| --- | ---: | ---: | ---: | ${WORKERS.map(() => "---:").join(" | ")} | ---: |`);
console.log(rows.join("\n"));

function describe(name: string, jobs: readonly MeasuredJob[]): string {
  const seconds = jobs.map((job) => job.seconds);
  const pack = mean(jobs.map(({ packSeconds }) => packSeconds));
  const swept = Array.from({ length: SWEPT_JOBS }, (_, index) => seconds[index % seconds.length]);
  const alone = swept.reduce((total, job) => total + job, 0);
  const cells = WORKERS.map((count) => {
    const makespan = simulate(swept, count, pack);
    return `${formatSeconds(makespan)} (${(alone / makespan).toFixed(0)} x)`;
  });
  const kB = mean(jobs.map(({ bytes }) => bytes)) / 1000;
  const dollars = (alone / 3600) * DOLLARS_OF_CORE_HOUR;
  return (
    `| ${name} | ${kB.toFixed(0)} | ${(1000 * pack).toFixed(1)} | ${mean(seconds).toFixed(2)} (${largest(seconds).toFixed(2)}) | ` +
    `${cells.join(" | ")} | ${dollars.toFixed(2)} |`
  );
}

/** Makespan in seconds of jobs in order on some workers, none before it is packed. */
function simulate(jobs: readonly number[], numWorkers: number, packSeconds: number): number {
  const freeAt = new Float64Array(numWorkers);
  let makespan = 0;
  jobs.forEach((seconds, index) => {
    let first = 0;
    for (let worker = 1; worker < numWorkers; worker++) if (freeAt[worker] < freeAt[first]) first = worker;
    const begin = Math.max(freeAt[first], (index + 1) * packSeconds);
    freeAt[first] = begin + seconds;
    makespan = Math.max(makespan, freeAt[first]);
  });
  return makespan;
}

/** Of all threads of this process: other work on the machine does not count. */
function coreSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function formatSeconds(seconds: number): string {
  return seconds < 600 ? `${seconds.toPrecision(3)} s` : `${(seconds / 3600).toFixed(2)} h`;
}
